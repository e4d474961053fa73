"""The shell face: turns words into calls of the rooms below and their answers into lines or JSON.

Nothing musical is decided here. Modules of this room import only the standard library at the top,
so that ``musicvae --help`` answers at once; each command imports what it needs when it runs.
Results go to standard output (paths only, one a line, or one JSON object), remarks to standard error.
"""
