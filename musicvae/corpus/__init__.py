"""Many files into clean, labelled, split and deduplicated windows on disk. No networks in here."""
