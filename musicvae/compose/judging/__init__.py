"""How likely music is under a model: by piece, bar and note."""
