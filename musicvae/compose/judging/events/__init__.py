"""How likely each hit and note of beats and trios is, given all others, and what would be likelier in its place."""
