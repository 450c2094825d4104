"""Fields without boxes: strips and strings to learn from, cuts and lattices."""
