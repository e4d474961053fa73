from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray

from musicvae.model.engine import Engine
from musicvae.model.sampling import decoding_margins, same_bars


def test_near_bars_repeat_the_first_of_their_kind() -> None:
    a, b = torch.tensor([1.0, 0.0]), torch.tensor([0.0, 1.0])
    tune = torch.stack([a, b, a + 0.01, b - 0.01, a + 0.02, -a])[None]
    assert same_bars(tune, 0.1).tolist() == [[0, 1, 0, 1, 0, 5]]
    assert same_bars(tune, 0.0).tolist() == [[0, 1, 2, 3, 4, 5]]


def test_bars_of_a_tune_without_a_spread_of_its_own_are_measured_by_the_usual_one() -> None:
    tune = torch.tensor([[[1.0], [1.1]]])
    assert same_bars(tune, 0.5).tolist() == [[0, 1]]
    assert same_bars(tune, 0.5, usual_spread=1.0).tolist() == [[0, 0]]
    assert same_bars(tune, 0.05, usual_spread=1.0).tolist() == [[0, 1]]


def test_margins_make_the_given_events_the_greedy_ones(engine: Engine, tokens: NDArray[np.uint8]) -> None:
    z, _ = engine.encode(tokens, 1)
    bias = np.zeros((*tokens.shape, 90))
    np.put_along_axis(bias, tokens[..., None].astype(np.int64), engine.margins(z, tokens, kind=1)[..., None], -1)
    assert (engine.decode(z, bars=8, kind=1, temperature=0, bias=bias) == tokens).all()


def test_margins_are_zero_where_nothing_is_missing(engine: Engine, tokens: NDArray[np.uint8]) -> None:
    z, _ = engine.encode(tokens, 1)
    own = engine.decode(z, bars=8, kind=1, temperature=0)
    assert (engine.margins(z, own, kind=1) == 0).all()


def test_an_onset_beats_a_hold_by_its_sum_over_pitches() -> None:
    # Hold .4 is likelier than any one pitch (.3 each), but an onset (.6) is likelier than a hold.
    scores = torch.full((90,), 1e-9).log()
    scores[0], scores[10], scores[11] = torch.tensor([0.4, 0.3, 0.3]).log()
    assert decoding_margins(scores, torch.tensor(10)) == 0
    assert decoding_margins(scores, torch.tensor(0)) > np.log(0.6 / 0.4)
