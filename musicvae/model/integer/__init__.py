"""The network of melodies in whole numbers: the same answers, to the last bit, on every machine, with any threads and in any batch."""
