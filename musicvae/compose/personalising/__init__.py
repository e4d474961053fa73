"""A model of one's own from a few files."""
