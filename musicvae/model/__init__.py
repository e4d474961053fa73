"""The network: configuration, encoder, conductor, decoder, losses, prior, weights on disk, engine.

Shapes are written with these letters: N tunes, B bars, S steps in a bar (16 or 12), Z latent size,
E bar-embedding size, V = 90 events. `kind` is the index of a meter kind in `music.meter.KINDS`.
"""
