"""The whole evaluation of a model on a corpus: what `musicvae evaluate` prints and a model's card quotes.

Everything is measured on windows of the test split. What has to be fitted (the linear code, the
judges of dance types, the set of training passages) is fitted on the training split, and standard deviations
are those of the validation split. The same model, corpus, options and seed give the same result.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from musicvae.compose.generating import Order, draw_tokens
from musicvae.compose.model import Model, load_melodic
from musicvae.compose.styles import StyleVector, load_styles
from musicvae.evaluate.blends import BlendRow, blend_row, measure_paths, measure_shipped, select_pairs
from musicvae.evaluate.captions import CAPTIONS
from musicvae.evaluate.codec import Codec, Posterior, Windows, piece_seeds, select_windows
from musicvae.evaluate.linear import fit_linear_code
from musicvae.evaluate.reconstruction import Reconstruction, activity, reconstruct
from musicvae.evaluate.samples import LagRow, Passages, SampleRow, canonical, lag_row, sample_row
from musicvae.evaluate.styles import EffectRow, StyleRow, measure_style, yardstick
from musicvae.evaluate.table import Evaluation, Section
from musicvae.music.meter import Meter
from musicvae.music.vocabulary import Tokens

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

    from musicvae.corpus.store import Corpus

__all__ = ["FULL", "QUICK", "Effort", "evaluate"]


@dataclass(frozen=True, kw_only=True)
class Effort:
    """How much is measured. None: everything there is.

    windows: test windows of each meter for reconstruction. train_windows, components: of the linear
    code. samples: pieces of each meter and source. pairs: blends over all meters. melodies: held-out
    melodies for each style. refine_steps, refine_windows: gradient steps, and windows of each meter they are tried on.
    """

    windows: int | None = None
    train_windows: int | None = None
    components: int = 1024
    samples: int = 1000
    pairs: int = 200
    melodies: int = 200
    refine_steps: int = 10
    refine_windows: int = 64


FULL = Effort()
_HELD_OUT, _TRAINING = "held-out tunes", "training tunes"
QUICK = Effort(windows=64, train_windows=4000, components=640, samples=64, pairs=12, melodies=24, refine_steps=10, refine_windows=16)


def evaluate(
    model: Model | str | Path,
    corpus: Corpus,
    *,
    quick: bool = False,
    effort: Effort | None = None,
    progress: Callable[[str], None] | None = None,
    seed: int = 0,
) -> Evaluation:
    """Measure a model, given loaded or by name or path, on the test split of a corpus.

    quick: fewer of everything (`QUICK`); effort overrides it. progress hears a line of text as each
    part begins and after each batch. ValueError where the corpus is not one of melodies, or has no test window long enough.
    """
    corpus.require_material("melody")
    if not isinstance(model, Model):
        model = load_melodic(model)
    job = _Job(model, corpus, effort or (QUICK if quick else FULL), progress or (lambda text: None), seed)
    windows = job.test_windows()
    if not any(map(len, windows)):
        raise ValueError(f"the corpus has no test windows of {job.bars} bars to measure on: is it a corpus with a test split?")
    sections = (*job.reconstruction(windows), *job.samples(windows), *job.blends(windows), *job.styles())
    about: dict[str, Any] = {"model": model.name, "hash": model.hash, "seed": seed, "effort": asdict(job.effort)}
    measured = {row.style for section in sections if section.name == "styles" for row in section.rows if isinstance(row, StyleRow)}
    about["styles not measured"] = [vector.name for vector in job.shipped_styles() if vector.name not in measured]
    about["test windows"] = {part.meter: len(part) for part in windows}
    about["test tunes"] = {part.meter: len(set(part.tunes.tolist())) for part in windows}
    return Evaluation(about, sections)


@dataclass(frozen=True)
class _Job:
    """One run: the model, the data, how much to do, and whom to tell."""

    model: Model
    corpus: Corpus
    effort: Effort
    tell: Callable[[str], None]
    seed: int

    @property
    def bars(self) -> int:
        return self.model.engine.config.max_bars

    def codec(self, what: str) -> Codec:
        """A codec that tells how many windows it has done for this part."""
        self.tell(what)
        done = 0

        def heard(count: int) -> None:
            nonlocal done
            done += count
            self.tell(f"{what}: {done}")

        return Codec(self.model.engine, progress=heard)

    def test_windows(self) -> list[Windows]:
        """Test windows of each kind that has any."""
        parts = [
            select_windows(self.corpus, "test", kind, bars=self.bars, limit=self.effort.windows, seed=self.seed)
            for kind in self.model.engine.config.kinds
        ]
        return [part for part in parts if len(part)]

    def reconstruction(self, parts: Sequence[Windows]) -> Iterator[Section]:
        posteriors: list[Posterior[Windows]] = []
        results: list[Reconstruction] = []
        for part in parts:
            self.tell(f"{part.meter} linear code")
            train = select_windows(
                self.corpus, "train", part.kind, bars=self.bars, limit=self.effort.train_windows, seed=self.seed
            )  # fmt: skip
            linear = fit_linear_code(train.tokens, components=self.effort.components, seed=self.seed) if len(train) > 1 else None
            codec = self.codec(f"{part.meter} reconstruction")
            posteriors.append(codec.encode(part))
            steps = (self.effort.refine_steps,) if self.effort.refine_steps else ()
            results.append(
                reconstruct(
                    codec, posteriors[-1], linear, refine_steps=steps, refine_windows=self.effort.refine_windows, seed=self.seed
                )  # fmt: skip
            )
        active, dimensions = activity(posteriors)
        yield _section("reconstruction", [row for r in results for row in r.rows])
        yield _section("gain", [row for r in results for row in r.gains])
        yield _section("gap", [row for r in results for row in r.gaps])
        yield _section("refined", [row for r in results for row in r.refined])
        yield _section("activity", active)
        yield _section("dimensions", dimensions[:1])

    def samples(self, parts: Sequence[Windows]) -> Iterator[Section]:
        rows: list[SampleRow] = []
        lags: list[LagRow] = []
        for part in parts:
            self.tell(f"{part.meter} training passages")
            passages = Passages.of_training(self.corpus, part.kind)
            count = max(self.effort.samples, len(part))
            train = select_windows(self.corpus, "train", part.kind, bars=self.bars, limit=count, seed=self.seed)
            sets: dict[str, tuple[Tokens, Sequence[int]]] = {
                _HELD_OUT: (canonical(part.tokens), part.tunes.tolist()),
                _TRAINING: (canonical(train.tokens), train.tunes.tolist()),
            }
            for source, tokens in self._generated(part):
                sets[source] = (canonical(tokens), range(len(tokens)))
            real = lag_row(sets[_HELD_OUT][0], meter=part.meter, source=_HELD_OUT)
            for source, (tokens, tunes) in sets.items():
                self.tell(f"{part.meter} {source}")
                rows.append(
                    sample_row(
                        tokens, tunes, kind=part.kind, source=source, passages=passages, real_lags=real, in_training=source == _TRAINING
                    )
                )
                lags.append(lag_row(tokens, meter=part.meter, source=source))
        yield _section("samples", rows)
        yield _section("lags", lags)

    def _generated(self, part: Windows) -> Iterator[tuple[str, Tokens]]:
        """Pieces at temperature 1 as `generate` makes them, and from N(0, I) instead of the learned prior."""
        seeds = piece_seeds(self.seed, self.effort.samples)
        order = Order(bars=self.bars, meter=Meter.parse(part.meter))
        codec = self.codec(f"{part.meter} samples")
        batches = [draw_tokens(self.model.engine, seeds[i : i + codec.batch], order) for i in range(0, len(seeds), codec.batch)]
        yield "generated", np.concatenate(batches)
        config = self.model.engine.config
        z = np.zeros((len(seeds), config.z_size))
        used = config.z_used(part.bars)
        z[:, :used] = np.random.default_rng([self.seed, part.kind]).standard_normal((len(seeds), used))
        yield "from N(0, I)", codec.decode(z, kind=part.kind, bars=part.bars, temperature=1.0, seeds=seeds)

    def blends(self, parts: Sequence[Windows]) -> Iterator[Section]:
        able = [part for part in parts if len(set(part.tunes.tolist())) > 1]
        shares = _allotted(self.effort.pairs, [len(part) for part in able])
        pairs = [select_pairs(part, count, seed=self.seed) for part, count in zip(able, shares, strict=True) if count]
        rows: list[BlendRow] = []
        for refine in dict.fromkeys((0, self.effort.refine_steps)):
            for method in ("slerp", "lerp"):
                codec = self.codec(f"{method} blends" + (", refined" if refine else ""))
                measures = [measure_paths(codec, pair, method=method, refine_steps=refine) for pair in pairs]
                rows += [blend_row([m], way=method, refine_steps=refine) for m in measures]
                rows += [blend_row(measures, way=method, refine_steps=refine)] if len(measures) > 1 else []
        shipped = [measure_shipped(self.model.engine, pair, progress=self.tell) for pair in pairs]
        rows += [blend_row([m], way="interpolate", refine_steps=0) for m in shipped]
        rows += [blend_row(shipped, way="interpolate", refine_steps=0)] if len(shipped) > 1 else []
        yield _section("blends", rows)

    def styles(self) -> Iterator[Section]:
        rows: list[StyleRow] = []
        effects: list[EffectRow] = []
        for vector in self.shipped_styles():
            stick = yardstick(vector, self.corpus, bars=self.bars, seed=self.seed)
            if stick is None:
                continue
            melodies = self._melodies(stick.kinds)
            if melodies:
                row, effect = measure_style(self.codec(f"style {vector.name}"), vector, stick, melodies, seed=self.seed)
                rows.append(row)
                effects.append(effect)
        yield _section("styles", rows)
        yield _section("effects", [_own_renamed(effect) for effect in effects])

    def shipped_styles(self) -> list[StyleVector]:
        path = self.model.path
        path = None if path is None else path.with_name(f"{path.name.removesuffix('.safetensors')}.styles.safetensors")
        return list(load_styles(path).values()) if path is not None and path.is_file() else []

    def _melodies(self, kinds: Sequence[int]) -> list[Windows]:
        """Held-out windows, one a tune while they last, spread over the kinds as tunes are."""
        whole = [select_windows(self.corpus, "test", kind, bars=self.bars, one_per_tune=True, seed=self.seed) for kind in kinds]
        if sum(map(len, whole)) < self.effort.melodies:
            whole = [select_windows(self.corpus, "test", kind, bars=self.bars, seed=self.seed) for kind in kinds]
        counts = _allotted(min(self.effort.melodies, sum(map(len, whole))), [len(part) for part in whole])
        rng = np.random.default_rng(self.seed)
        return [part.take(np.sort(rng.choice(len(part), count, replace=False))) for part, count in zip(whole, counts, strict=True) if count]


def _allotted(total: int, sizes: Sequence[int]) -> list[int]:
    """`total` spread in proportion to sizes, largest remainders first; zeros where there is nothing."""
    if not sum(sizes):
        return [0] * len(sizes)
    exact = [total * size / sum(sizes) for size in sizes]
    counts = [int(share) for share in exact]
    for index in sorted(range(len(sizes)), key=lambda i: (counts[i] - exact[i], i))[: total - sum(counts)]:
        counts[index] += 1
    return counts


def _section(name: str, rows: Sequence[DataclassInstance]) -> Section:
    title, note = CAPTIONS[name]
    return Section(name, title, note, rows)


def _own_renamed(effect: EffectRow) -> EffectRow:
    """All judges in one column, so that the table stays narrow."""
    shifts: Mapping[str, float] = {("own judge" if name.endswith(" judge") else name): shift for name, shift in effect.shifts.items()}
    return EffectRow(effect.style, shifts)
