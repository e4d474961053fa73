"""Long pieces: sections that return, moods that change, and music without an end."""
