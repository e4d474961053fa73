"""Which tunes are alike: fingerprints, and near-duplicates among any number of tunes."""
