"""The published MusicVAE family: each network is numbers plus a choice of parts.

Shapes: N examples, T steps of an example, S steps of a stretch in which a decoder begins anew (a bar, or a track of a
bar), Z latent size, E width of what a decoder is told of its stretch, C control depth. Gates of a cell are ordered input,
forget, candidate, output; the forget gate's constant 1 is part of the bias.
"""
