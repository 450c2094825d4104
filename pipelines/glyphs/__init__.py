"""Cut fields into glyphs and normalise them."""
