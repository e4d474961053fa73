from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from musicvae.corpus.tunes import COLUMNS
from musicvae.model.published.config import PublishedConfig
from musicvae.model.published.engine import PublishedEngine
from musicvae.model.published.presets import PUBLISHED
from musicvae.model.published.vae import PublishedVAE
from musicvae.model.weights import PublishedBundle, save_model

SEEDS = [11, 12, 13]
MELODY, CHORDS, NADE = "cat-mel_2bar_small", "cat-mel_2bar_med_chords", "nade-drums_2bar_reduced"


def small(name: str) -> PublishedConfig:
    """The published network's arrays and parts with few hidden units."""
    config = PUBLISHED[name].config
    sizes = {part: tuple(8 for _ in getattr(config, part)) for part in ("encoder_sizes", "conductor_sizes", "decoder_sizes")}
    return replace(config, **sizes, z_size=6, nade_size=4 if config.nade_size else 0)


def bundle(name: str) -> PublishedBundle:
    with torch.random.fork_rng():
        torch.manual_seed(0)
        vae = PublishedVAE(small(name)).eval()
        with torch.no_grad():
            for parameter in vae.parameters():
                parameter.copy_(torch.randn(parameter.shape) * 0.3)
    return PublishedBundle(vae, vae.config, {"note": "for tests"}, "0123456789ab")


def made(name: str, **options: Any) -> PublishedEngine:
    return PublishedEngine(bundle(name), **options)


def silent_controls(engine: PublishedEngine, rows: int) -> NDArray[np.float32] | None:
    config = engine.config
    return np.zeros((rows, config.steps, config.control_depth), np.float32) if config.control_depth else None


def decode(engine: PublishedEngine, z: NDArray[np.float64], seeds: list[int]) -> dict[str, NDArray[Any]]:
    return engine.decode(z, temperature=1.0, seeds=seeds, controls=silent_controls(engine, len(z)))


@pytest.mark.parametrize("name", ["cat-mel_2bar_med_chords", "cat-drums_2bar_small", "nade-drums_2bar_full", "hier-mel_16bar",
                                  "hierdec-trio_16bar", "hier-multiperf_vel_1bar_med", "groovae_2bar_hits_control_tfds"])  # fmt: skip
def test_columns_in_and_out(name: str) -> None:
    engine = made(name)
    z = engine.sample_prior(SEEDS)
    columns = decode(engine, z, SEEDS)
    for column, values in columns.items():
        # A performance is one bar of eight rows, which stand for it.
        assert values.shape[:2] == (3, engine.bars)
        if engine.material in COLUMNS:
            assert values.dtype == COLUMNS[engine.material][column].dtype
    mu, sigma = engine.encode(columns)
    assert mu.shape == sigma.shape == (3, 6)
    assert mu.dtype == np.float64
    assert (sigma > 0).all()
    scores = engine.log_probs(columns, z)
    assert scores.shape == (3, engine.config.steps)
    refined = engine.refine(z, columns, 3)
    assert (engine.log_probs(columns, refined).sum(1) > scores.sum(1)).all()
    # A row alone is what it is beside others.
    alone = decode(engine, z[1:2], SEEDS[1:2])
    for column, values in columns.items():
        assert (alone[column][0] == values[1]).all()
    np.testing.assert_allclose(engine.encode(alone)[0][0], mu[1], atol=1e-5)


def test_an_engine_says_what_it_is() -> None:
    engine = made("hierdec-trio_16bar")
    assert (engine.material, engine.bars, engine.hash, engine.metadata["note"]) == ("trio", 16, "0123456789ab", "for tests")
    assert engine.config.outputs == (90, 90, 512)


def test_a_file_makes_the_same_engine(tmp_path: Any) -> None:
    given = bundle("cat-mel_2bar_small")
    path = save_model(tmp_path / "model.safetensors", given.vae, metadata={})
    engine, other = PublishedEngine(given), PublishedEngine.load(path)
    z = engine.sample_prior(SEEDS)
    assert (engine.frames(z, temperature=1.0, seeds=SEEDS) == other.frames(z, temperature=1.0, seeds=SEEDS)).all()


def test_the_prior_is_the_standard_normal_one_row_for_each_seed() -> None:
    engine = made("cat-mel_2bar_small")
    z = engine.sample_prior(range(4000))
    assert abs(z.mean()) < 0.03
    assert abs(z.std() - 1) < 0.03
    assert (engine.sample_prior([7])[0] == z[7]).all()
    assert (engine.sample_prior([7], temperature=0.5)[0] == z[7] / 2).all()
    assert not engine.sample_prior([7], temperature=0.0).any()


def test_the_first_event_is_drawn_with_the_network_s_probabilities() -> None:
    engine = made("cat-mel_2bar_small")
    z = np.repeat(engine.sample_prior([3]), 3000, 0)
    drawn = engine.frames(z, temperature=0.7, seeds=range(3000), steps=1)[:, 0, 0]
    (outputs,) = engine.frame_outputs(np.zeros((1, 32, 1), np.int64), z[:1])
    expected = np.exp(outputs[0, 0] / 0.7)
    expected /= expected.sum()
    assert np.abs(np.bincount(drawn, minlength=90) / 3000 - expected).max() < 4 * np.sqrt(expected.max() / 3000)


def test_large_batches_are_taken_in_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    engine = made("hier-mel_16bar")
    z = engine.sample_prior(range(7))
    whole = engine.decode(z, temperature=1.0, seeds=range(7))
    mu, scores = engine.encode(whole)[0], engine.log_probs(whole, z)
    monkeypatch.setattr("musicvae.model.published.engine._ROWS_AT_ONCE", 32)
    monkeypatch.setattr("musicvae.model.published.engine._GATES_AT_ONCE", 2**15)
    assert (engine.decode(z, temperature=1.0, seeds=range(7))["bars"] == whole["bars"]).all()
    np.testing.assert_allclose(engine.encode(whole)[0], mu, atol=1e-5)
    np.testing.assert_allclose(engine.log_probs(whole, z), scores, atol=1e-4)


def test_no_rows_are_no_rows() -> None:
    for name, width in ((MELODY, 1), ("groovae_4bar", 27), ("hierdec-trio_16bar", 3)):
        engine = made(name)
        assert engine.frames(np.zeros((0, 6)), temperature=0).shape == (0, engine.config.steps, width)


def test_all_stretches_at_once_or_in_turn() -> None:
    engine = made("hierdec-mel_16bar")
    z = engine.sample_prior(SEEDS)
    at_once, in_turn = (engine.frames(z, temperature=0.5, seeds=SEEDS, is_chained=chained) for chained in (True, False))
    assert (at_once == in_turn).all()


def test_threads_of_the_caller_do_not_disturb_each_other() -> None:
    engine = made("hier-mel_16bar")
    pieces = [decode(engine, engine.sample_prior([seed]), [seed])["bars"] for seed in range(6)]
    with ThreadPoolExecutor(3) as pool:
        again = pool.map(lambda seed: decode(engine, engine.sample_prior([seed]), [seed])["bars"], range(6))
        assert all((a == b).all() for a, b in zip(pieces, again, strict=True))


def test_precisions() -> None:
    z, frames = made("cat-mel_2bar_small").sample_prior(range(30)), {}
    for precision in ("float32", "float64", "bfloat16"):
        frames[precision] = made("cat-mel_2bar_small", precision=precision).frames(z, temperature=1.0, seeds=range(30))
    assert (frames["float32"] == frames["float64"]).all()
    assert (frames["bfloat16"] == frames["float64"]).mean() > 0.9


@pytest.mark.parametrize(
    ("name", "call", "message"),
    [
        (MELODY, lambda e: e.decode(np.zeros((2, 6)), temperature=1.0, seeds=[1]), "2 rows need as many seeds to be drawn, got 1"),
        (MELODY, lambda e: e.decode(np.zeros((2, 6)), temperature=1.0), "2 rows need as many seeds to be drawn, got 0"),
        (MELODY, lambda e: e.decode(np.zeros((2, 7)), temperature=0), r"z has shape \(rows, 6\) for this network, got \(2, 7\)"),
        (MELODY, lambda e: e.decode(np.zeros((1, 6)), temperature=-1), "temperature must be 0 or more, got -1"),
        (CHORDS, lambda e: e.decode(np.zeros((2, 6)), temperature=0), r"is conditioned: it needs controls of shape \(2, 32, 49\)"),
        (CHORDS, lambda e: e.decode(np.zeros((1, 6)), temperature=0, controls=np.zeros((1, 16, 49))), r"got \(1, 16, 49\)"),
        (MELODY, lambda e: e.decode(np.zeros((1, 6)), temperature=0, controls=np.zeros((1, 32, 49))), "takes no controls"),
        (NADE, lambda e: e.decode(np.zeros((1, 6)), temperature=0, forced=np.zeros((1, 32, 9))), "only classes can be forced; nade-drums"),
        (MELODY, lambda e: e.decode(np.zeros((1, 6)), temperature=0, bias=np.zeros((1, 16, 90))),
         r"bias: shape \(1, 32, 90\) is needed here, got \(1, 16"),
        (MELODY, lambda e: e.encode({"bars": np.zeros((1, 4, 16), np.uint8)}), r"takes 2 bars \(32 steps\) at a time, got 64 steps"),
        (MELODY, lambda e: e.log_probs({"bars": np.zeros((1, 4, 16), np.uint8)}, np.zeros((1, 6))), "at a time, got 64 steps"),
        (MELODY, lambda e: e.encode({"drums": np.zeros((1, 2, 16))}), "no column 'bars'"),
        (MELODY, lambda e: e.decode(np.full((1, 6), np.nan), temperature=0), "z holds numbers that are not finite"),
        (MELODY, lambda e: e.frames(np.zeros((1, 6)), temperature=0, steps=0), "steps must be 1 to 32 for this network, got 0"),
        (MELODY, lambda e: e.frames(np.zeros((1, 6)), temperature=0, steps=33), "steps must be 1 to 32 for this network, got 33"),
        (MELODY, lambda e: e.decode(np.zeros((1, 6)), temperature=0, forced=np.full((1, 32, 1), 90)), r"lie below \(90,\), got 90 to 90"),
    ],
)  # fmt: skip
def test_misuse_is_named(name: str, call: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        call(made(name))


def test_unknown_devices_precisions_and_threads_are_named() -> None:
    with pytest.raises(ValueError, match="device 'abacus' cannot be used"):
        made(MELODY, device="abacus")
    with pytest.raises(ValueError, match="unknown precision 'half'; allowed are float32, float64, bfloat16"):
        made(MELODY, precision="half")
    with pytest.raises(ValueError, match="threads must be at least 1, got 0"):
        made(MELODY, threads=0)


def test_refining_does_not_hang_on_the_rows_beside(monkeypatch: pytest.MonkeyPatch) -> None:
    engine = made("hier-mel_16bar", precision="float64")
    columns = engine.decode(engine.sample_prior(SEEDS), temperature=0)
    start = np.zeros((3, 6))
    together = engine.refine(start, columns, 3)
    monkeypatch.setattr("musicvae.model.published.engine._GATES_AT_ONCE", 1)
    np.testing.assert_allclose(engine.refine(start, columns, 3), together, rtol=0, atol=1e-12)
    assert (engine.log_probs(columns, together).sum(1) > engine.log_probs(columns, start).sum(1)).all()
    assert engine.refine(start[:0], {name: column[:0] for name, column in columns.items()}, 3).shape == (0, 6)


def test_an_engine_leaves_the_network_it_was_given_alone() -> None:
    given = bundle(MELODY)
    engine = PublishedEngine(given)
    assert all(parameter.requires_grad and parameter.dtype == torch.float32 for parameter in given.vae.parameters())
    own = dict(engine._vae.named_parameters())
    assert all(own[name].data_ptr() == parameter.data_ptr() for name, parameter in given.vae.named_parameters())
    PublishedEngine(given, precision="float64")
    assert all(parameter.dtype == torch.float32 for parameter in given.vae.parameters())
