"""What a person looks at: which fields, their pictures, and what becomes of it."""
