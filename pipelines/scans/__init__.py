"""Find scan files and read their pages."""
