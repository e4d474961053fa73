"""What a user names, as a stream of files to read, and how each is read: folders, archives, lists, known collections."""
