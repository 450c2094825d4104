"""Forms as data: fields, places and rules."""
