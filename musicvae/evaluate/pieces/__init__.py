"""Measures models of drums, grooves and trios on held-out pieces; `pieces.run.evaluate_pieces` makes the whole table.

Nothing here is fitted on test windows; numpy only.
"""
