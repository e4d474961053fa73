"""What the published networks read and write at each step, from and to notes."""
