"""Measures what the other rooms do: codes, samples, blends and styles, on held-out tunes.

Nothing here is fitted on test tunes; numpy only. `musicvae.evaluate.run.evaluate` makes the whole table.
"""
