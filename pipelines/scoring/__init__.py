"""Read stacks of scans into tables and pictures."""
