"""Corpora on disk: the layout of the folder, arrays that are mapped and not read, the writer, the rule for windows."""
