"""Title and explanation of each section of an evaluation, by the section's name, in the order of the table."""

from __future__ import annotations

__all__ = ["CAPTIONS"]

CAPTIONS = {
    "reconstruction": (
        "Reconstruction",
        "Held-out windows encoded and decoded. z is the posterior's mean or one draw from it; decoding is free-running. "
        "Onset F1 counts exact pitch and step, micro-averaged over windows. KL bits: mean analytic KL to N(0, I) of a window. "
        "The linear code stands at the model's own bits and at 64, 128 and 256, with the better of two token decisions.",
    ),
    "gain": (
        "Onset F1 above the linear code at the same bits",
        "Greedy onset F1 of the model minus that of PCA with reverse water-filling, fitted on training windows, at equal "
        "measured bits on the same test windows. Error removed: the gain over (1 - linear F1).",
    ),
    "gap": ("Teacher-forced minus free-running", "Step accuracy, both greedy and from the same z."),
    "refined": (
        "Reconstruction with encode-time refinement",
        "Gradient steps on z at encode time; the same windows with 0 steps beside them. KL bits: of the posterior moved to the "
        "refined mean, its spread kept.",
    ),
    "activity": (
        "Active latent dimensions",
        "Active: variance of mu over test windows above 0.01 and mean KL above 0.05 nat. In the first row all meters weigh alike.",
    ),
    "dimensions": (
        "KL of every latent dimension",
        "Means over test windows, all meters weighing alike; first the tune's block, then one block a bar.",
    ),
    "samples": (
        "Generated melodies",
        "Pieces at temperature 1 beside windows of held-out and of training tunes. Scale: the best major, natural minor or "
        "harmonic minor one. A bar repeats if it equals an earlier bar of the piece. Lag distance: total variation between "
        "the histograms of repeat lags. "
        "Copied: share of 4-bar passages with at least 4 notes that occur in training tunes token for token; copied "
        "transposed: in any transposition. For training tunes other tunes are meant, which is how much real tunes share; "
        "held-out tunes share little because related tunes were kept on one side of the split.",
    ),
    "lags": (
        "Repeat lags",
        "Share of bars by the distance to their last equal: none within the piece, 1 bar, 2 bars, ... 15 bars.",
    ),
    "blends": (
        "Blends of held-out pairs",
        "Nine points between two held-out windows of one meter, decoded greedily. `interpolate` is what the command does by "
        "default, with evenly spaced results; the others space z evenly. Ends: mean onset F1 of the first and the last point "
        "against the inputs. Rank correlation (Spearman) of place and distance to A, by pair. Largest jump: between "
        "neighbours, over the mean one. Distance: share of steps that differ.",
    ),
    "styles": (
        "Style vectors",
        "Strengths -2, -1, 0, 1, 2 on held-out melodies, decoded greedily; strength 0 is the melody itself. Shift: slope over "
        "strengths, in standard deviations (SD) of validation windows. Dance types are scored by a linear judge of note "
        "features, fitted on training tunes without z; its AUC is on validation windows. Random: a direction of equal length.",
    ),
    "effects": ("What each style moves", "Mean shift of every measure, in SD of validation windows per unit of strength."),
}
