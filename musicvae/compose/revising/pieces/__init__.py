"""Beats and trios gone on with, filled and put right: what is given stays hit for hit and note for note."""
