"""Labelled variations for other people's training sets."""
