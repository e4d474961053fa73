"""What a melody must keep to: scale, range, rhythm, longest note, notes that must be there, and chords that it is to fit."""
