"""Networks of drums, grooves and trios: any number of bars, one architecture made of shared parts."""
