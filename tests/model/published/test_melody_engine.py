from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

from musicvae.compose.engine import ChordEngine, Engine, Layout
from musicvae.model.published.engine import PublishedEngine
from musicvae.model.published.melody_engine import MelodyEngine, MelodyLayout
from musicvae.model.published.presets import PUBLISHED
from musicvae.model.published.vae import PublishedVAE
from musicvae.model.weights import PublishedBundle
from musicvae.music.chords import Chord

SEEDS = [4, 5, 6]
NARROW = {"outputs": (38,), "input_depth": 38, "min_pitch": 48}


def made(name: str = "cat-mel_2bar_small", **numbers: object) -> MelodyEngine:
    config = PUBLISHED[name].config
    sizes = {part: tuple(8 for _ in getattr(config, part)) for part in ("encoder_sizes", "conductor_sizes", "decoder_sizes")}
    config = replace(config, **sizes, z_size=6, **numbers)
    with torch.random.fork_rng():
        torch.manual_seed(0)
        vae = PublishedVAE(config).eval()
        with torch.no_grad():
            for parameter in vae.parameters():
                parameter.copy_(torch.randn(parameter.shape) * 0.3)
    return MelodyEngine(PublishedEngine(PublishedBundle(vae, config, {}, "0123456789ab")))


def drawn(engine: MelodyEngine, bars: int = 2) -> tuple[np.ndarray, np.ndarray]:
    z = engine.sample_prior(SEEDS, bars=bars, kind=0)
    return z, engine.decode(z, bars=bars, kind=0, temperature=1.0, seeds=SEEDS)


def test_it_is_what_composing_expects() -> None:
    engine: Engine = made()
    chords: ChordEngine = made("cat-mel_2bar_med_chords")
    layout: Layout = engine.config
    assert (layout.max_bars, layout.z_size, layout.canonical_key, layout.fixed_window, layout.kinds) == (2, 6, False, True, (0,))
    assert (layout.lowest_pitch, layout.highest_pitch, layout.takes_chords, layout.z_used(1)) == (21, 108, False, 6)
    assert chords.config.takes_chords
    narrow = MelodyLayout(replace(PUBLISHED["cat-mel_2bar_small"].config, **NARROW))
    assert (narrow.lowest_pitch, narrow.highest_pitch) == (48, 83)


@pytest.mark.parametrize("numbers", [{}, NARROW])
@pytest.mark.parametrize("name", ["cat-mel_2bar_small", "flat-mel_16bar", "hierdec-mel_16bar"])
def test_scores_margins_and_draws_agree(name: str, numbers: dict[str, object]) -> None:
    engine = made(name, **numbers)
    z, tokens = drawn(engine)
    assert tokens.shape == (3, 2, 16)
    pitches = tokens[tokens >= 2] + 19
    assert engine.config.lowest_pitch <= pitches.min() <= pitches.max() <= engine.config.highest_pitch
    scores = engine.logits(z, tokens, kind=0)
    np.testing.assert_allclose(np.exp(scores).sum(-1), 1.0, atol=1e-5)
    own = np.take_along_axis(scores, tokens[..., None].astype(np.int64), -1)[..., 0]
    np.testing.assert_allclose(engine.log_probs(tokens, z, 0), own, atol=1e-5)
    bias = np.zeros((*tokens.shape, 90))
    np.put_along_axis(bias, tokens[..., None].astype(np.int64), engine.margins(z, tokens, kind=0)[..., None], -1)
    assert (engine.decode(z, bars=2, kind=0, temperature=0, bias=bias) == tokens).all()
    greedy = engine.decode(z, bars=2, kind=0, temperature=0)
    assert (engine.margins(z, greedy, kind=0) == 0).all()


def test_fewer_bars_are_the_first_bars() -> None:
    engine = made("hierdec-mel_16bar")
    z, whole = drawn(engine, 16)
    assert (drawn(engine, 5)[1] == whole[:, :5]).all()
    forced = np.full((3, 5, 16), -1, np.int16)
    forced[:, 4, 3] = 33
    assert (engine.decode(z, bars=5, kind=0, temperature=0, forced=forced)[:, 4, 3] == 33).all()
    filled = np.concatenate([whole[:, :5], np.zeros((3, 11, 16), np.uint8)], 1)
    np.testing.assert_allclose(engine.encode(whole[:, :5], 0)[0], engine.encode(filled, 0)[0], atol=1e-6)


def test_refinement_makes_tokens_likelier() -> None:
    engine = made()
    z, tokens = drawn(engine)
    refined = engine.refine(z, tokens, kind=0, steps=5)
    assert (engine.log_probs(tokens, refined, 0).sum((1, 2)) > engine.log_probs(tokens, z, 0).sum((1, 2))).all()
    assert (engine.refine(z, tokens, kind=0, steps=0) == z).all()


def test_chords_condition_row_by_row() -> None:
    engine = made("cat-mel_2bar_med_chords")
    z, tokens = drawn(engine)
    chords = np.zeros((3, 2, 8), np.uint8)
    assert (drawn(engine.over(chords))[1] == tokens).all()
    chords[1] = Chord.parse("G").code
    bound = engine.over(chords)
    for plain, conditioned in (
        (engine.logits(z, tokens, kind=0), bound.logits(z, tokens, kind=0)),
        (engine.encode(tokens, 0)[0], bound.encode(tokens, 0)[0]),
        (engine.refine(z, tokens, kind=0, steps=1), bound.refine(z, tokens, kind=0, steps=1)),
    ):
        assert [np.allclose(a, b, atol=1e-6) for a, b in zip(plain, conditioned, strict=True)] == [True, False, True]
    many = engine.over(np.repeat(chords[1:2], 60, 0)), np.repeat(z[:1], 60, 0), range(60)
    told = many[0].decode(many[1], bars=2, kind=0, temperature=1.0, seeds=many[2])
    assert (told != engine.decode(many[1], bars=2, kind=0, temperature=1.0, seeds=many[2])).any()
    assert engine.over(chords[:, :1]).encode(tokens[:, :1], 0)[0].shape == (3, 6)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda e: e.sample_prior([1], bars=2, kind=1), "writes bars of 16 sixteenths, as in 4/4 or 2/2; got a kind of 3/4"),
        (lambda e: e.sample_prior([1], bars=3, kind=0), "this model takes 1 to 2 bars at a time, got 3"),
        (lambda e: e.sample_prior([1], bars=2, kind=0, given=np.zeros((1, 6)), given_bars=1), "cannot go on from given bars"),
        (lambda e: e.encode(np.zeros((1, 2, 12), np.uint8), 0), r"tokens have shape \(melodies, bars, 16\), got \(1, 2, 12\)"),
        (lambda e: e.over(np.zeros((1, 2, 8), np.uint8)), "cat-mel_2bar_small takes no chords"),
        (lambda e: e.decode(np.zeros((1, 6)), bars=1, kind=0, temperature=0, forced=np.full((1, 1, 16), 5)), "outside 48 to 83"),
    ],
)
def test_misuse_is_named(call: object, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        call(made(**NARROW))


def test_chords_of_another_number_of_rows_and_other_materials_are_refused() -> None:
    engine = made("cat-mel_2bar_med_chords")
    with pytest.raises(ValueError, match="bound to the chords of 2 rows, got 3 rows"):
        drawn(engine.over(np.zeros((2, 2, 8), np.uint8)))
    with pytest.raises(ValueError, match=r"chords have shape \(rows, bars, 8\), got \(2, 8\)"):
        engine.over(np.zeros((2, 8), np.uint8))
    with pytest.raises(ValueError, match="is a network of drums, not of melodies"):
        made("cat-drums_2bar_small")
