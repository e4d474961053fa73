"""Neighbours of a piece, and ways among several: what is made of given music by moving its z."""
