"""What people look at: which fields, their pictures, and what they say of them."""
