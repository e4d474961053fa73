"""How well trios come back from their codes, part by part and together, beside models of each part alone and linear codes.

Conventions: parts as in `evaluate.pieces.parts`. Bits are the mean analytic KL to N(0, I) of the windows a figure is about; decoding is
*free-running*, greedy. Figures stand for all test windows and for each source of the corpus apart: what is synthetic is called so.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from musicvae.evaluate.codec import Posterior
from musicvae.evaluate.metrics import Agreement, Estimate, bootstrap, pooled_f1, pooled_step_accuracy
from musicvae.evaluate.pieces.drums import LENGTHS, activity_row
from musicvae.evaluate.pieces.job import Job
from musicvae.evaluate.pieces.parts import PARTS, TOGETHER, agreements, chosen, parts_of
from musicvae.evaluate.pieces.trio_code import TrioCode, fit_trio_code
from musicvae.evaluate.pieces.trio_samples import samples
from musicvae.evaluate.pieces.windows import PieceCodec, PieceWindows
from musicvae.evaluate.table import Section

if TYPE_CHECKING:
    from musicvae.compose.pieces.engine import PieceEngine
    from musicvae.corpus.store import Corpus

__all__ = ["TrioGainRow", "TrioRow", "sections", "separate_engines"]

Flags = NDArray[np.bool_]
LINEAR_BARS = 4
"""The longest windows that linear codes are fitted on: the columns of 16 bars of two voices would fill the memory."""
_MEAN, _DRAWN = "model, z at the mean", "model, z drawn"
_SILENCE = "silence"
_SEPARATE = {_MEAN: "separate models, z at the mean", _DRAWN: "separate models, z drawn"}
_LINEAR = {_MEAN: "separate linear codes, z at the mean", _DRAWN: "separate linear codes, z drawn"}


@dataclass(frozen=True)
class TrioRow:
    """A figure of each part of the test windows of one length and source, coded one way; bits: of all three parts of a window."""

    bars: int
    source: str
    code: str
    bits: float
    melody: Estimate
    bass: Estimate
    drums: Estimate
    all_three: Estimate


@dataclass(frozen=True)
class TrioGainRow:
    """Step accuracy of the trio model minus that of separate models, with the bits that each has for all three parts."""

    bars: int
    source: str
    code: str
    bits: float
    separate_bits: float
    melody: Estimate
    bass: Estimate
    drums: Estimate
    all_three: Estimate


@dataclass(frozen=True)
class _Coded:
    """One way to code all windows: counts by part, and bits of each window in all, (W,)."""

    counts: Mapping[str, Agreement]
    bits: NDArray[np.float64]


def sections(job: Job) -> Iterator[Section]:
    """Reconstruction by part and source, the gain over separate models, active dimensions, and what drawn trios are like."""
    steps: list[TrioRow] = []
    onsets: list[TrioRow] = []
    gains: list[TrioGainRow] = []
    active = []
    alone = separate_engines(job)
    for bars in job.lengths(LENGTHS):
        windows = job.windows(bars=bars)
        if not len(windows):
            continue
        codec = job.codec(f"reconstruction of {bars} bars")
        posterior = codec.encode(windows)
        coded = {_SILENCE: _silence(windows), **_coded(codec, posterior, job)}
        coded |= _separate(alone, windows, job)
        coded |= _linear(job, windows, {code: float(coded[code].bits.mean()) for code in (_MEAN, _DRAWN)})
        for source, of_source in _sources(job.corpus, windows).items():
            steps += [_row(windows, of_source, source, code, found, pooled_step_accuracy) for code, found in coded.items()]
            onsets += [_row(windows, of_source, source, code, found, pooled_f1) for code, found in coded.items()]
            gains += [_gain(windows, of_source, source, code, coded) for code in (_MEAN, _DRAWN) if _SEPARATE[code] in coded]
        active.append(activity_row(posterior, bars, job))
    yield Section("trios", "Reconstruction of trios: step accuracy", _RECONSTRUCTION, steps)
    yield Section("trio_onsets", "Reconstruction of trios: onset F1", _ONSETS, onsets)
    yield Section("trio_gain", "Above separate models", _GAIN, gains)
    yield Section("activity", "Active latent dimensions", _ACTIVITY, active)
    yield from samples(job)


def separate_engines(job: Job) -> dict[str, PieceEngine]:
    """The models of single parts that lie beside the trio model's file, as NAME-melody.safetensors and so on; by part."""
    from musicvae.compose.model import load
    from musicvae.compose.pieces.model import PieceModel

    path = job.model.path
    found: dict[str, PieceEngine] = {}
    for part in PARTS if path is not None else ():
        assert path is not None
        beside = path.with_name(f"{path.name.removesuffix('.safetensors')}-{part}.safetensors")
        model = load(beside) if beside.is_file() else None
        if isinstance(model, PieceModel):
            found[part] = model.engine
    return found


def _sources(corpus: Corpus, windows: PieceWindows) -> dict[str, Flags]:
    """Which windows (W,) are of which source, all of them first; one source alone is not told apart."""
    first = np.unique(np.asarray(corpus.tune), return_index=True)
    lines = dict(zip(first[0].tolist(), first[1].tolist(), strict=True))
    source = np.array([int(corpus.source[lines[tune]]) for tune in windows.tunes.tolist()], np.int64)
    found = {"all": np.ones(len(windows), bool)}
    there = np.unique(source).tolist()
    if len(there) > 1:
        found |= {corpus.sources[number]: source == number for number in there}
    return found


def _silence(windows: PieceWindows) -> _Coded:
    truth = parts_of(windows.columns)
    return _Coded(agreements(truth, {part: np.zeros_like(each) for part, each in truth.items()}), np.zeros(len(windows)))


def _coded(codec: PieceCodec, posterior: Posterior[PieceWindows], job: Job) -> dict[str, _Coded]:
    """The trio model, from the mean and from a draw."""
    truth = parts_of(posterior.windows.columns)
    bits = posterior.kl_nats.sum(axis=1) / np.log(2)
    bars = posterior.windows.bars
    ways = {_MEAN: posterior.mu, _DRAWN: posterior.sample(np.random.default_rng([job.seed, bars]))}
    return {code: _Coded(agreements(truth, parts_of(codec.decode(z, bars=bars))), bits) for code, z in ways.items()}


def _separate(engines: Mapping[str, PieceEngine], windows: PieceWindows, job: Job) -> dict[str, _Coded]:
    """The models of single parts together; nothing where one is missing or reads fewer bars."""
    if set(engines) != set(PARTS) or any(windows.bars > engine.bars for engine in engines.values()):
        return {}
    truth = parts_of(windows.columns)
    guesses: dict[str, dict[str, NDArray[np.generic]]] = {code: {} for code in _SEPARATE}
    bits = np.zeros(len(windows))
    for number, (part, engine) in enumerate(engines.items()):
        job.tell(f"separate model of the {part}, {windows.bars} bars")
        codec = PieceCodec(engine)
        posterior = codec.encode(windows)
        bits += posterior.kl_nats.sum(axis=1) / np.log(2)
        ways = {_MEAN: posterior.mu, _DRAWN: posterior.sample(np.random.default_rng([job.seed, windows.bars, 1 + number]))}
        for code, z in ways.items():
            guesses[code][part] = parts_of(codec.decode(z, bars=windows.bars))[part]
    return {_SEPARATE[code]: _Coded(agreements(truth, guess), bits) for code, guess in guesses.items()}


def _linear(job: Job, windows: PieceWindows, bits: Mapping[str, float]) -> dict[str, _Coded]:
    """Linear codes of each part at the trio model's own bits, of windows that are short enough."""
    if windows.bars > LINEAR_BARS:
        return {}
    train = job.windows("train", bars=windows.bars, hop=1)
    if len(train) < 2:
        return {}
    job.tell(f"linear codes of {windows.bars} bars")
    code: TrioCode = fit_trio_code(parts_of(train.columns), components=job.effort.components)
    truth, found = parts_of(windows.columns), {}
    for way, most in bits.items():
        rng = None if way == _MEAN else np.random.default_rng([job.seed, windows.bars, 9])
        guess = code.decoded(truth, most, rng=rng)
        if guess is not None:
            found[_LINEAR[way]] = _Coded(agreements(truth, guess), np.full(len(windows), most))
    return found


def _row(windows: PieceWindows, of_source: Flags, source: str, code: str, coded: _Coded, figure: Callable[..., Estimate]) -> TrioRow:
    tunes, bits = windows.tunes[of_source], float(coded.bits[of_source].mean())
    found = (figure(chosen(coded.counts[part], of_source), tunes) for part in (*PARTS, TOGETHER))
    return TrioRow(windows.bars, source, code, bits, *found)


def _gain(windows: PieceWindows, of_source: Flags, source: str, code: str, coded: Mapping[str, _Coded]) -> TrioGainRow:
    ours, theirs = coded[code], coded[_SEPARATE[code]]
    found = []
    for part in (*PARTS, TOGETHER):
        a, b = (chosen(each.counts[part], of_source) for each in (ours, theirs))
        sums = np.stack([a.equal_steps - b.equal_steps, a.steps], axis=1).astype(np.float64)
        found.append(bootstrap(sums, windows.tunes[of_source], lambda columns: columns[:, 0] / columns[:, 1]))
    bits, separate_bits = (float(each.bits[of_source].mean()) for each in (ours, theirs))
    return TrioGainRow(windows.bars, source, code, bits, separate_bits, *found)


_RECONSTRUCTION = (
    "Held-out windows encoded and decoded free-running, greedy, from the posterior's mean or one draw from it. A step is right when the "
    "very event (of drums: all nine classes) is; of all three, when all parts are. KL bits: mean analytic KL to N(0, I) of a window with "
    "all its parts. In silence nothing is ever struck. Separate models are of one part each, made the same way; separate linear "
    "codes (principal components with reverse water-filling, fitted on training windows of up to 4 bars) share the trio model's own bits "
    "at one distortion, each decided in the way that suits these windows best. Synthetic trios are a song's melody, a bass made out of its "
    "piano, and another performance's drums. Published, 16 bars of other data, drawn, in MusicVAE's paper: 0.753 melody, 0.773 bass, "
    "0.863 drums."
)
_ONSETS = "Of the same windows and codes: onsets at their exact pitch (of drums: class) and step, micro-averaged."
_GAIN = "The trio model's step accuracy minus that of the separate models on the same windows; compare the bits that each had."
_ACTIVITY = (
    "Active: variance of mu over test windows above 0.01 and mean KL above 0.05 nat. Bits of the block of z that stands for the whole "
    "piece, and of those of the bars, a bar."
)
