"""Wake words (keyword spotting)."""
