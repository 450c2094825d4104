"""Models as files: their format, what ships, and classifiers."""
