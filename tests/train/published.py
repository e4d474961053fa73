"""Published networks made tiny, and corpora for them that need no files."""

from dataclasses import replace

import numpy as np
from train.corpora import make_corpus

from musicvae.corpus.store import Corpus
from musicvae.model.published.config import PublishedConfig
from musicvae.model.published.presets import PUBLISHED
from musicvae.music.performance import END, FIRST_PROGRAM, NOTHING

ONE_OF_EACH = (
    "cat-mel_2bar_small", "cat-mel_2bar_med_chords", "cat-drums_2bar_small", "nade-drums_2bar_reduced", "flat-mel_16bar",
    "hierdec-mel_16bar", "hier-mel_16bar", "flat-trio_16bar", "hierdec-trio_16bar", "hier-multiperf_vel_1bar_med_chords",
    "groovae_2bar_humanize", "groovae_2bar_hits_control_tfds",
)  # fmt: skip
"""A preset of every make."""


def tiny(name: str, *, bars: int = 2, size: int = 16, **changes) -> PublishedConfig:
    """A published network with layers of `size`, and with examples of fewer bars where it has many."""
    config = PUBLISHED[name].config
    sizes = {field: (size,) * len(getattr(config, field)) for field in ("encoder_sizes", "decoder_sizes", "conductor_sizes")}
    shorter = {}
    if config.steps == 256:
        shorter = {"steps": 16 * bars, "segments": bars if config.conductor_sizes else 1}
        shorter["encoder_levels"] = (16, bars) if config.encoder_levels else ()
    nade = {"nade_size": size} if config.nade_size else {}
    return replace(config, **{"z_size": size, **sizes, **shorter, **nade, **changes})


def corpus_for(config: PublishedConfig, *, tunes: int = 40, validation: int = 8, num_bars: int = 8, seed: int = 0) -> Corpus:
    """A made-up corpus of the network's material, every tune of as many bars."""
    made = make_corpus(tunes=tunes, validation=validation, bars=(num_bars, num_bars), kinds=1, seed=seed)
    rng = np.random.default_rng(seed)
    columns, drum_map = _columns(config.converter, np.asarray(made.bars), rng)
    material = {"melody-chords": "melody", "performance-chords": "performance"}.get(config.converter, config.converter.split("-")[0])
    material = "drums" if material == "drum" else material
    return replace(made, bars=columns["bars"], material=material, columns=columns, options={"drum_map": drum_map} if drum_map else {})


def _columns(name: str, melody: np.ndarray, rng: np.random.Generator) -> tuple[dict[str, np.ndarray], str]:
    rows = len(melody)
    hits = _beats(rng, rows, 61 if name == "drum-rolls-full" else 9)
    bits = (hits.astype(np.uint64) << np.arange(hits.shape[2], dtype=np.uint64)).sum(axis=2, dtype=np.uint64)
    chords = np.repeat(rng.integers(1, 253, (rows, 2)).astype(np.uint8), 4, axis=1)
    if name.startswith("melody"):
        return {"bars": melody, "chords": chords}, ""
    if name.startswith("drum"):
        return {"bars": bits}, "sixty-one" if name == "drum-rolls-full" else "nine-old"
    if name.startswith("groove"):
        velocity = hits * rng.integers(40, 120, hits.shape)
        return {"bars": velocity.astype(np.uint8), "offsets": (hits * rng.uniform(-0.4, 0.4, hits.shape)).astype(np.float16)}, "nine"
    if name == "trio":
        bass = np.where(melody > 24, melody - 24, melody).astype(np.uint8)
        return {"bars": melody, "bass": bass, "drums": bits, "chords": chords}, "nine-old"
    return {"bars": _performed(rng, rows), "chords": chords}, ""


def _beats(rng: np.random.Generator, rows: int, classes: int) -> np.ndarray:
    """Hits (rows, 16, classes): kick and snare where they belong, a hat every two or four steps, at times something else."""
    hits = np.zeros((rows, 16, classes), bool)
    hits[:, ::8, 0] = hits[:, 4::8, 1] = True
    fast = rng.random(rows) < 0.5
    hits[:, ::4, 2] = True
    hits[fast, 2::4, 2] = True
    hits[np.arange(rows), rng.integers(0, 16, rows), rng.integers(3, classes, rows)] = True
    return hits


def _performed(rng: np.random.Generator, rows: int) -> np.ndarray:
    """Bars (rows, 8, 64) of two instruments that play three notes each."""
    bars = np.full((rows, 8, 64), NOTHING, np.int16)
    bars[:, :, 0] = END
    for part, program in enumerate((0, 33)):
        for row in range(rows):
            events = [FIRST_PROGRAM + program, 352 + int(rng.integers(3, 6))]
            for pitch in rng.integers(48, 72, 3).tolist():
                events += [pitch, 256 + 23, 128 + pitch]
            events.append(END)
            bars[row, part, : len(events)] = events
            bars[row, part, len(events) :] = NOTHING
    return bars
