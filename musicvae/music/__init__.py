"""What music is: notes, meters, keys, melodies on a grid, tokens, files in and out, attributes.

Nothing here knows of networks. Each module opens with its conventions; times carry their unit
in the name (``_ticks``, ``_steps``, ``_beats``). A beat is a quarter note in every meter and a
step is a sixteenth note.
"""
