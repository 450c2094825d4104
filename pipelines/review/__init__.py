"""What people say of results: corrections as files, and results with them applied."""
