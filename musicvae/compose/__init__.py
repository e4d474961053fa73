"""What a musician asks of a loaded model: generate, blend, restyle, encode. Notes in, notes out.

Nothing here knows of torch: the network stands behind `compose.engine.Engine`, whose arrays are
numpy. W counts windows (stretches of at most `max_bars` model bars), B bars, S steps in a bar, Z
the latent size. Every function is free of shared state, so that threads may use one model at once.
"""
