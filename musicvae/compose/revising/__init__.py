"""Music gone on with, holes filled and wrong notes mended: what is given stays note for note."""
