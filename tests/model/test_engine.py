from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from musicvae.model.config import PRESETS
from musicvae.model.engine import Engine
from musicvae.model.prior import BarPrior
from musicvae.model.vae import MelodyVAE
from musicvae.model.weights import save_model

TINY = PRESETS["tiny"]


def test_a_piece_is_the_same_alone_and_in_a_batch(engine: Engine) -> None:
    seeds = [11, 12, 13, 14, 15]
    z = engine.sample_prior(seeds, bars=16, kind=0)
    together = engine.decode(z, bars=16, kind=0, temperature=1.0, seeds=seeds)
    for i, seed in enumerate(seeds):
        alone = engine.sample_prior([seed], bars=16, kind=0)
        assert (engine.decode(alone, bars=16, kind=0, temperature=1.0, seeds=[seed])[0] == together[i]).all()


def test_a_piece_is_the_same_with_any_number_of_threads(engine: Engine) -> None:
    before = torch.get_num_threads()
    pieces = []
    try:
        for threads in (1, 2, 3):
            torch.set_num_threads(threads)
            z = engine.sample_prior([5], bars=16, kind=2)
            pieces.append(engine.decode(z, bars=16, kind=2, temperature=1.0, seeds=[5]))
    finally:
        torch.set_num_threads(before)
    assert (pieces[0] == pieces[1]).all()
    assert (pieces[0] == pieces[2]).all()


def test_threads_of_the_caller_do_not_disturb_each_other(engine: Engine) -> None:
    def piece(seed: int) -> NDArray[np.uint8]:
        z = engine.sample_prior([seed], bars=4, kind=0)
        return engine.decode(z, bars=4, kind=0, temperature=1.0, seeds=[seed])

    alone = [piece(seed) for seed in range(12)]
    with ThreadPoolExecutor(4) as pool:
        assert all((a == b).all() for a, b in zip(alone, pool.map(piece, range(12)), strict=True))


def test_scores_agree_with_each_other(engine: Engine, tokens: NDArray[np.uint8]) -> None:
    z, _ = engine.encode(tokens, 1)
    scores = engine.logits(z, tokens, kind=1)
    given = np.take_along_axis(scores, tokens[..., None].astype(np.int64), -1)[..., 0]
    np.testing.assert_allclose(engine.log_probs(tokens, z, 1), given)
    np.testing.assert_allclose(np.exp(scores).sum(-1), 1.0)
    bar = np.arange(len(tokens)) % tokens.shape[1]
    np.testing.assert_allclose(engine.bar_log_probs(tokens, z, 1, bar=bar), given[np.arange(len(tokens)), bar])


def test_greedy_decoding_takes_the_likelier_decision_then_the_likeliest_pitch(engine: Engine) -> None:
    z = engine.sample_prior([3], bars=2, kind=0)
    greedy = engine.decode(z, bars=2, kind=0, temperature=0)
    scores = engine.logits(z, greedy, kind=0)
    decision = np.concatenate([scores[..., :2], np.logaddexp.reduce(scores[..., 2:], -1)[..., None]], -1).argmax(-1)
    assert (np.where(decision == 2, scores[..., 2:].argmax(-1) + 2, decision) == greedy).all()


def test_draws_follow_the_decoder_s_probabilities(engine: Engine) -> None:
    z = np.repeat(engine.sample_prior([3], bars=1, kind=0), 3000, 0)
    drawn = engine.decode(z, bars=1, kind=0, temperature=1.0, seeds=range(3000))[:, 0, 0]
    expected = np.exp(engine.logits(z[:1], np.zeros((1, 1, 16), np.uint8), kind=0)[0, 0, 0])
    share = np.bincount(drawn, minlength=90) / 3000
    assert np.abs(share - expected).max() < 4 * np.sqrt(expected.max() / 3000)


def test_forced_events_are_taken(engine: Engine) -> None:
    z = engine.sample_prior([3], bars=2, kind=1)
    forced = np.full((1, 2, 12), -1, np.int16)
    forced[0, 1, 4] = 40
    assert engine.decode(z, bars=2, kind=1, temperature=0, forced=forced)[0, 1, 4] == 40


def test_refinement_makes_the_events_likelier(engine: Engine, tokens: NDArray[np.uint8]) -> None:
    z, _ = engine.encode(tokens, 1)
    refined = engine.refine(z, tokens, kind=1, steps=10)
    assert (engine.log_probs(tokens, refined, 1).sum((1, 2)) > engine.log_probs(tokens, z, 1).sum((1, 2)) + 1).all()
    assert (refined[:, TINY.z_used(8) :] == 0).all()


def test_drawn_bars_that_return_are_the_same(model_file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    engine = Engine.load(model_file)
    z = engine.sample_prior([3], bars=8, kind=0)
    assert (engine.same_bars(z, bars=8, kind=0) <= np.arange(8)).all()
    monkeypatch.setattr(engine, "return_thresholds", (100.0, 0.0, 0.0))
    assert (engine.same_bars(z, bars=8, kind=0) == 0).all()
    one_idea = engine.decode(z, bars=8, kind=0, temperature=1.0, seeds=[9])[0]
    assert (one_idea == one_idea[0]).all()
    monkeypatch.setattr(engine, "return_thresholds", (0.0, 100.0, 100.0))
    many = engine.decode(z, bars=8, kind=0, temperature=1.0, seeds=[9])[0]
    assert len({bar.tobytes() for bar in many}) == 8
    assert (many[0] == one_idea[0]).all()


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (
            lambda e: e.decode(np.zeros((2, TINY.z_size)), bars=4, kind=0, temperature=1.0, seeds=[1]),
            "2 rows need as many seeds to be drawn, got 1",
        ),
        (lambda e: e.sample_prior([1], bars=17, kind=0), "takes 1 to 16 bars"),
        (lambda e: e.encode(np.zeros((1, 17, 16), np.uint8), 0), r"1 to 16 bars, steps\), got \(1, 17, 16\)"),
    ],
)
def test_misuse_is_named(engine: Engine, call: object, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        call(engine)


def test_an_unknown_device_is_named(model_file: object) -> None:
    with pytest.raises(ValueError, match="device 'abacus' cannot be used"):
        Engine.load(str(model_file), device="abacus")


def test_thresholds_of_returning_bars_are_one_for_all_meters_or_one_for_each(networks: tuple[MelodyVAE, BarPrior], tmp_path: Path) -> None:
    def thresholds(stated: object) -> tuple[float, ...]:
        return Engine.load(save_model(tmp_path / "m.safetensors", *networks, metadata={"return_threshold": stated})).return_thresholds

    assert thresholds(0.5) == (0.5, 0.5, 0.5)
    assert thresholds([0.1, 0.2, 0.3]) == (0.1, 0.2, 0.3)
    with pytest.raises(ValueError, match="2 return thresholds for 3 kinds of meter: is it damaged"):
        thresholds([0.1, 0.2])


def test_the_prior_s_density_falls_into_blocks_and_counts_returns(engine: Engine, tokens: NDArray[np.uint8]) -> None:
    z = engine.encode(tokens, 0)[0]
    blocks = engine.prior_log_probs(z, tokens, kind=0)
    assert blocks.shape == (len(tokens), 1 + tokens.shape[1])
    assert np.isfinite(blocks).all()
    other = tokens.copy()
    other[:, -1] = other[:, 0]  # the last bar's lag changes, and nothing before it
    changed = engine.prior_log_probs(z, other, kind=0)
    assert np.allclose(changed[:, :-1], blocks[:, :-1])
    assert not np.allclose(changed[:, -1], blocks[:, -1])
