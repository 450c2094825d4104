"""Find fields, cut them out, take away what is printed."""
