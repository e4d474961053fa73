"""What `compose` and `stream` do on this model: returns, seams, cadences, curves, moods, chords, bits per note, latency.

    python scripts/benchmark_composing.py [CORPUS] [--model MODEL] [--pieces 24] [--parts returns,seams,...] [--json]

CORPUS: a corpus of melodies; with it bits per note are counted by an n-gram of its training tunes, and seams, returns and what moods
give are set against its test tunes. Intervals are 95 % percentile intervals over pieces (bootstrap).
"""

from __future__ import annotations

import argparse
import json
import time
from itertools import islice
from typing import Any

import numpy as np

from musicvae.compose.canonical import to_coordinates
from musicvae.compose.composing.curves import Curve
from musicvae.compose.composing.hearing import dominant, likeness, onsets_of
from musicvae.compose.composing.moods import MOODS
from musicvae.compose.constraints.leaning import strong_steps
from musicvae.compose.model import Model, load_melodic
from musicvae.evaluate.metrics import mean_estimate, spearman
from musicvae.music.attributes import ATTRIBUTES
from musicvae.music.melody import Melody
from musicvae.music.meter import KINDS, Meter
from musicvae.music.vocabulary import Tokens, from_tokens, to_tokens

METERS = tuple(KINDS)
FORM, BARS, SECTION = "AABA", 32, 8
PARTS = ("returns", "seams", "cadences", "curves", "moods", "percentiles", "chords", "bits", "stream")
LONG_BARS, LEAST_ALIKE = 96, 0.3
PERCENTILES = {
    "density": ("density", (-1.0, -0.5, 0.0, 0.5, 1.0)), "calm": ("density", (-1.0, 1.0)), "lively": ("density", (1.0,)),
    "bright": ("pitch-mean", (-1.0, 0.0, 1.0)), "interval": ("interval", (-1.0, 0.0, 1.0)),
    "syncopation-8": ("syncopation-8", (-1.0, 0.0, 1.0)), "diatonic": ("diatonic", (-1.0, 0.0, 1.0)),
}  # fmt: skip
CURVES = {"density": "density", "calm": "density", "bright": "pitch-mean", "interval": "interval", "syncopation-8": "syncopation-8"}


class Bench:
    """A model, the pieces that figures are taken from, and what was found."""

    def __init__(self, model: Model, corpus: str | None, pieces: int) -> None:
        self.model, self.corpus, self.seeds = model, corpus, range(pieces)
        self.plain = [model.compose(FORM, bars=BARS, section_bars=SECTION, seed=seed).melody for seed in self.seeds]
        self.found: dict[str, Any] = {}

    def tell(self, what: str, values: Any, tunes: Any = None) -> None:
        """Keep and print a mean with its interval; tunes: which piece each value is of (default: each of its own)."""
        values = np.asarray(values, np.float64)
        estimate = mean_estimate(values, np.arange(len(values)) if tunes is None else tunes)
        self.found[what] = [estimate.value, estimate.low, estimate.high]
        print(f"{what:<74} {estimate.value:8.3f}  [{estimate.low:.3f}, {estimate.high:.3f}]  n={len(values)}", flush=True)


def sections(melody: Melody) -> list[Tokens]:
    """Tokens of each section."""
    return np.split(to_tokens(melody), BARS // SECTION)


def measure_returns(bench: Bench) -> None:
    """Likeness of returns against contrasts, and how often a return is told from a contrast."""
    parts = [sections(melody) for melody in bench.plain]
    again, last = [likeness(a, r) for a, r, _, _ in parts], [likeness(a, r) for a, _, _, r in parts]
    contrast = [likeness(a, b) for a, _, b, _ in parts]
    chance = [likeness(one[0], other[0]) for one, other in zip(parts, parts[1:] + parts[:1], strict=True)]
    bench.tell("likeness of A and the A' after it", again)
    bench.tell("likeness of A and the last A'", last)
    bench.tell("likeness of A and B", contrast)
    bench.tell("likeness of the A of two pieces (chance)", chance)
    bench.tell("last A' is more like A than B is", np.greater(last, contrast))
    shifted = [max(likeness(one[0], moved(other[0], step)) for step in range(-7, 8)) for one, other in zip(parts, parts[1:], strict=False)]
    bench.tell("likeness of the A of two pieces, best of 15 transpositions", shifted)
    rhythm = [rhythm_likeness(a, b) for a, _, b, _ in parts]
    other = [rhythm_likeness(one[0], two[2]) for one, two in zip(parts, parts[1:] + parts[:1], strict=True)]
    bench.tell("likeness of the rhythms of A and B of one piece", rhythm)
    bench.tell("likeness of the rhythms of A and B of two pieces (chance)", other)
    curve = Curve("fraction", np.array([0.0, 1.0]), {"calm": np.array([1.0, -1.0])})
    moved_parts = [sections(bench.model.compose(FORM, bars=BARS, section_bars=SECTION, seed=s, curve=curve).melody) for s in bench.seeds]
    bench.tell("calm 1 to -1: likeness of A and the last A'", [likeness(a, r) for a, _, _, r in moved_parts])
    bench.tell(
        "calm 1 to -1: one pitch where A and the last A' start together",
        [kept(a, r) for a, _, _, r in moved_parts],
    )
    bench.tell("calm 1 to -1: the same of A and B", [kept(a, b) for a, _, b, _ in moved_parts])
    bench.tell("calm 1 to -1: last A' is more like A than B is", [likeness(a, r) > likeness(a, b) for a, _, b, r in moved_parts])

    measure_long_returns(bench)


def measure_long_returns(bench: Bench) -> None:
    """Likeness of the k-th return of A to the first A in pieces of 96 bars, and of real tunes' returns to what returns."""
    first, plain, contrast = {}, {}, []
    for seed in bench.seeds:
        for meter in METERS:
            piece = bench.model.compose(FORM, bars=LONG_BARS, section_bars=SECTION, seed=seed, meter=meter)
            tokens = to_tokens(piece.melody)
            found = [(s, tokens[s.start_bar : s.start_bar + s.num_bars]) for s in piece.sections]
            opening = found[0][1]
            for section, own in found[1:]:
                if section.letter == "A":
                    first.setdefault(section.variation, []).append((seed, likeness(opening, own, octaves=True)))
                    plain.setdefault(section.variation, []).append((seed, likeness(opening, own)))
            others = [likeness(opening, own, octaves=True) for section, own in found if section.letter != "A"]
            contrast.append((seed, float(np.mean(others))))
    for number, values in sorted(first.items()):
        bench.tell(f"return {number} of A, octaves set aside", [v for _, v in values], np.array([s for s, _ in values]))
    for number, values in sorted(plain.items()):
        bench.tell(f"return {number} of A", [v for _, v in values], np.array([s for s, _ in values]))
    bench.tell("other sections and A, octaves set aside", [v for _, v in contrast], np.array([s for s, _ in contrast]))
    if bench.corpus is not None:
        for number, values in enumerate(real_returns(bench.corpus), 1):
            bench.tell(f"return {number} of eight bars of test tunes of 40 bars and more", values)


def real_returns(folder: str) -> list[list[float]]:
    """By number of the return its likenesses: of the eight bars of a tune that come back most often, where they do by 0.3 and more."""
    from musicvae.corpus.store import Corpus

    corpus = Corpus.load(folder)
    found: list[list[float]] = []
    for line in corpus.select("test").tolist():
        if corpus.num_bars[line] >= 40:
            width = Meter.parse(KINDS[int(corpus.kind[line])]).steps_per_model_bar
            tokens = corpus.tokens([(line, 0, min(int(corpus.num_bars[line]), 128))])[0][:, :width]
            for number, value in enumerate(returns_of(tokens)[:6]):
                found += [[] for _ in range(number + 1 - len(found))]
                found[number].append(value)
    return found


def returns_of(tokens: Tokens) -> list[float]:
    """Likenesses of the returns of the eight bars among the first 32 that come back most often, 0.3 and more, one after another."""
    best: list[float] = []
    last = len(tokens) - SECTION
    full = [(tokens[bar : bar + SECTION] >= 2).sum() >= 2 * SECTION for bar in range(last + 1)]
    for start in range(min(25, last - SECTION + 1)):
        found, bar = [], start + SECTION
        while full[start] and bar <= last:
            near = [
                likeness(tokens[start : start + SECTION], tokens[b : b + SECTION]) * full[b] for b in range(bar, min(bar + 4, last + 1))
            ]
            place = int(np.argmax(near))
            found += [near[place]] if near[place] >= LEAST_ALIKE else []
            bar += place + SECTION if near[place] >= LEAST_ALIKE else 1
        best = max(best, found, key=lambda values: (len(values), sum(values)))
    return best


def kept(a: Tokens, b: Tokens) -> float:
    """Of the notes of two sections that start together, the share on one pitch."""
    first, second = (dict(zip(*(part.tolist() for part in onsets_of(tokens)), strict=True)) for tokens in (a, b))
    together = first.keys() & second.keys()
    return sum(first[step] == second[step] for step in together) / len(together) if together else np.nan


def moved(tokens: Tokens, semitones: int) -> Tokens:
    """Tokens with every pitch so much higher, within the vocabulary."""
    return np.where(tokens >= 2, np.clip(tokens.astype(int) + semitones, 2, 89), tokens).astype(np.uint8)


def rhythm_likeness(a: Tokens, b: Tokens) -> float:
    """Share of onsets at the same steps, F1."""
    first, second = set(onsets_of(a)[0].tolist()), set(onsets_of(b)[0].tolist())
    return 2 * len(first & second) / max(1, len(first) + len(second))


def seam_figures(tokens: Tokens, bar: int) -> tuple[float, float, float]:
    """At a bar line: leap across it, difference in notes of the bars around it, distance of pitch classes of two bars each side."""
    before, after = onsets_of(tokens[:bar])[1], onsets_of(tokens[bar:])[1]
    leap = abs(float(after[0]) - float(before[-1])) if len(before) and len(after) else np.nan
    counts = [(row >= 2).sum() for row in tokens[bar - 1 : bar + 1]]
    shares = []
    for part in (tokens[bar - 2 : bar], tokens[bar : bar + 2]):
        found = np.bincount(onsets_of(part)[1] % 12, minlength=12)
        shares.append(found / max(1, found.sum()))
    return leap, abs(float(counts[0]) - float(counts[1])), float(np.abs(shares[0] - shares[1]).sum() / 2)


def measure_seams(bench: Bench) -> None:
    """Bar lines between sections against those inside sections, and against sections of different pieces put together."""
    names = ("leap in semitones", "difference in notes a bar", "distance of pitch classes")
    inside = (2, 3, 4, 5, 10, 11, 12, 13, 18, 19, 20, 21, 26, 27, 28, 29)
    tokens = [to_tokens(melody) for melody in bench.plain]
    rows = {
        "between sections": [(piece, seam_figures(t, bar)) for piece, t in enumerate(tokens) for bar in (8, 16, 24)],
        "inside sections": [(piece, seam_figures(t, bar)) for piece, t in enumerate(tokens) for bar in inside],
        **({} if bench.corpus is None else {"bars 8 of test tunes": held_seams(bench)}),
        "between sections of two pieces": [
            (piece, seam_figures(np.concatenate([t[:8], other[16:24]]), 8))
            for piece, (t, other) in enumerate(zip(tokens, tokens[1:] + tokens[:1], strict=True))
        ],
    }
    for where, found in rows.items():
        pieces = np.array([piece for piece, _ in found])
        for column, name in enumerate(names):
            bench.tell(f"{name}, {where}", [row[column] for _, row in found], pieces)


def held_seams(bench: Bench) -> list[tuple[int, tuple[float, float, float]]]:
    """The seams after bar 8 of test tunes."""
    from musicvae.corpus.store import Corpus
    from musicvae.evaluate.codec import select_windows

    held = select_windows(Corpus.load(bench.corpus or ""), "test", 0, bars=16, hop=16, one_per_tune=True, limit=200).tokens
    return [(piece, seam_figures(t, 8)) for piece, t in enumerate(held)]


def rests(melody: Melody, bar: int, pitch_classes: frozenset[int], share: float) -> bool:
    """Whether a note of these pitch classes starts on the downbeat of a bar and lasts for this share of it."""
    width = melody.meter.steps_per_bar
    return any(n.onset_steps == bar * width and n.pitch % 12 in pitch_classes and n.duration_steps >= share * width for n in melody.notes)


def measure_cadences(bench: Bench) -> None:
    """Ends of pieces and sections, against pieces that are generated plainly."""
    generated = [bench.model.generate(BARS, seed=seed) for seed in bench.seeds]
    for name, melodies in (("composed", bench.plain), ("generated", generated)):
        bench.tell(f"{name}: last bar rests on the tonic, all of it", [rests(m, BARS - 1, frozenset({m.key.tonic}), 1) for m in melodies])
        ends = [[rests(m, bar, dominant(m.key), 0.25) for bar in (7, 15, 23)] for m in melodies]
        bench.tell(f"{name}: bars 8, 16, 24 rest on the dominant for a beat", np.mean(ends, axis=1))
        near = [abs(m.notes[-1].pitch - m.notes[-2].pitch) for m in melodies]
        bench.tell(f"{name}: last note comes by a step, a fourth or a fifth", np.isin(near, (1, 2, 5, 7)))


def by_bar(melody: Melody, name: str) -> np.ndarray:
    """An attribute of each bar."""
    values = [ATTRIBUTES[name](melody.cut(bar, 1)) if melody.cut(bar, 1).notes else np.nan for bar in range(melody.num_bars)]
    return np.array(values)


def measure_curves(bench: Bench) -> None:
    """Spearman's rank correlation, over the bars of a piece, of the strength that a curve asks for and the attribute."""
    for name, attribute in CURVES.items():
        raw, above, chance = [], [], []
        for seed, plain in zip(bench.seeds, bench.plain, strict=True):
            points = np.random.default_rng(seed).uniform(-2, 2, 6)
            curve = Curve("fraction", np.linspace(0, 1, 6), {name: points})
            melody = bench.model.compose(FORM, bars=BARS, section_bars=SECTION, seed=seed, curve=curve, tempo_qpm=120).melody
            asked = curve.at(np.arange(BARS), BARS, 2.0)[name]
            got, base = by_bar(melody, attribute), by_bar(plain, attribute)
            raw.append(correlation(asked, got))
            above.append(correlation(asked, got - base))
            chance.append(correlation(asked, base))
        bench.tell(f"curve of {name}: correlation with {attribute} of the bar", raw)
        bench.tell(f"curve of {name}: correlation with what it changed of {attribute}", above)
        bench.tell(f"curve of {name}: the same without the curve (chance)", chance)


def correlation(x: np.ndarray, y: np.ndarray) -> float:
    """Spearman's over bars that have notes."""
    there = np.isfinite(y)
    return spearman(x[there], y[there])


def measure_moods(bench: Bench) -> None:
    """What each mood moves: mean change from strength -1 to 1 of attributes, in the same pieces."""
    names = ("density", "interval", "syncopation-8", "syncopation-16", "diatonic", "pitch-mean", "rests")
    for mood in MOODS:
        rows = []
        for seed in bench.seeds:
            ends = [bench.model.compose("AB", bars=16, mood={mood: s}, seed=seed, tempo_qpm=120).melody for s in (-1.0, 1.0)]
            major = [m.key.mode in ("major", "mixolydian", "lydian") for m in ends]
            rows.append([*(ATTRIBUTES[n](ends[1]) - ATTRIBUTES[n](ends[0]) for n in names), float(major[1]) - float(major[0])])
        for column, name in enumerate((*names, "major mode")):
            bench.tell(f"{mood}: change of {name}", np.array(rows)[:, column])


def measure_percentiles(bench: Bench) -> None:
    """Where eight bars under moods lie among the passages of test tunes in the same meter: asked for and found."""
    if bench.corpus is None:
        return
    for mood, (attribute, strengths) in PERCENTILES.items():
        asked, found, pieces, silence = [], [], [], []
        for meter in METERS:
            ordered, rests = held_values(bench.corpus, meter, attribute)
            for strength in strengths:
                own = []
                for seed in bench.seeds:
                    mix = {mood: strength} if strength else None
                    piece = bench.model.compose("AB", bars=16, section_bars=8, meter=meter, seed=seed, tempo_qpm=120, mood=mix).melody
                    passages = [piece.cut(bar, 8) for bar in (0, 8)]
                    own.append(np.mean([share_below(ordered, ATTRIBUTES[attribute](passage)) for passage in passages]))
                    silence.append(np.mean([share_below(rests, ATTRIBUTES["rests"](passage)) for passage in passages]))
                bench.tell(f"{mood} {strength:g}, {meter}: percentile of {attribute}", own)
                asked, found, pieces = asked + [strength] * len(own), found + own, pieces + list(bench.seeds)
        if len(strengths) > 1:
            print(f"{mood}: rank correlation of asked and found {spearman(np.array(asked), np.array(found)):.3f}", flush=True)
        bench.tell(f"{mood}: percentile of rests", silence)


def held_values(folder: str, meter: str, attribute: str) -> tuple[np.ndarray, np.ndarray]:
    """An attribute, and the share of rests, of passages of eight bars of test tunes, each in order."""
    from musicvae.corpus.store import Corpus

    corpus, about = Corpus.load(folder), Meter.parse(meter)
    windows = corpus.windows("test", kind=KINDS.index(meter), bars=8, hop=8)
    passages = [from_tokens(rows, about) for rows in corpus.tokens(windows)[:, :, : about.steps_per_model_bar]]
    return np.sort([ATTRIBUTES[attribute](passage) for passage in passages]), np.sort(
        [ATTRIBUTES["rests"](passage) for passage in passages]
    )


def share_below(ordered: np.ndarray, value: float) -> float:
    """The percentile, 0 to 1, of a value; equal ones count half."""
    return float(np.searchsorted(ordered, value, "left") + np.searchsorted(ordered, value, "right")) / 2 / len(ordered)


def measure_chords(bench: Bench) -> None:
    """Strong notes on the chord in pieces over progressions by section, and in pieces of the same key without."""
    over, free, ends = [], [], []
    for seed in bench.seeds:
        meter = METERS[seed % len(METERS)]
        options = {"bars": BARS, "section_bars": SECTION, "seed": seed, "meter": meter}
        sheet = bench.model.compose(FORM, chords="A: C Am F G; B: F G Em Am", **options).melody
        over.append(on_chord(sheet, sheet.spans))
        free.append(on_chord(bench.model.compose(FORM, key="C", **options).melody, sheet.spans))
        ends.append(rests(sheet, BARS - 1, frozenset({0}), 1))
    bench.tell("strong notes on the chord, progressions by section", over)
    bench.tell("strong notes on the chord, the same progressions not given", free)
    bench.tell("over chords: last bar rests on the tonic", ends)


def on_chord(melody: Melody, spans: Any) -> float:
    """The share of the notes on strong places that are of the chord there."""
    strong = [note for note in melody.notes if note.onset_steps % melody.meter.steps_per_bar in strong_steps(melody.meter)]
    found = [next(s.chord for s in reversed(spans) if s.onset_steps <= note.onset_steps).pitch_classes for note in strong]
    return float(np.mean([note.pitch % 12 in chord for note, chord in zip(strong, found, strict=True)]))


def measure_bits(bench: Bench) -> None:
    """Bits per note by an n-gram of training tunes: composed pieces, plainly generated ones, test tunes."""
    if bench.corpus is None:
        return
    from musicvae.corpus.store import Corpus
    from musicvae.evaluate.codec import select_windows
    from musicvae.evaluate.ngram import ngram_of

    corpus = Corpus.load(bench.corpus)
    ngram = ngram_of(corpus)
    held = select_windows(corpus, "test", 0, bars=16, one_per_tune=True, limit=4 * len(bench.seeds)).tokens
    cool = [bench.model.generate(16, seed=seed, temperature=0.6) for seed in bench.seeds]
    warm = [bench.model.generate(16, seed=seed) for seed in bench.seeds]
    canonical = bench.model.engine.config.canonical_key
    windows = {
        "composed, whole": [to_coordinates(m, canonical_key=canonical).tokens[8:24] for m in bench.plain],
        "composed, the first A": [to_coordinates(m, canonical_key=canonical).tokens[:8] for m in bench.plain],
        "composed, its second return": [to_coordinates(m, canonical_key=canonical).tokens[24:] for m in bench.plain],
        "generated at temperature 0.6": [to_coordinates(m, canonical_key=canonical).tokens for m in cool],
        "generated at temperature 1": [to_coordinates(m, canonical_key=canonical).tokens for m in warm],
        "test tunes": list(held),
    }
    for name, tokens in windows.items():
        bits = [-ngram.log_probs(t[None], 0).sum() / np.log(2) / max(1, (t >= 2).sum()) for t in tokens]
        bench.tell(f"bits per note by the n-gram, {name}", bits)
        bench.tell(f"notes a bar, {name}", [(t >= 2).sum() / len(t) for t in tokens])
        bench.tell(f"notes in the scale of no accidentals, {name}", [in_scale(t) for t in tokens])


def in_scale(tokens: Tokens) -> float:
    """Share of notes without accidentals."""
    return float(np.isin(onsets_of(tokens)[1] % 12, (0, 2, 4, 5, 7, 9, 11)).mean()) if (tokens >= 2).any() else np.nan


def measure_stream(bench: Bench) -> None:
    """Time that a bar takes, in all and of the processor, with a mood set every seventh bar and without."""
    for name, changing in (("steady", False), ("changed every 7 bars", True)):
        stream = bench.model.stream(seed=1)
        wall, own = [], []
        for number in range(96):
            if changing and number % 7 == 6:
                stream.set(mood={"density": float(np.sin(number))})
            begin, begin_own = time.perf_counter(), time.thread_time()
            next(stream)
            wall.append(time.perf_counter() - begin)
            own.append(time.thread_time() - begin_own)
        for what, seconds in (("wall time", wall), ("processor time", own)):
            low, high, most = np.quantile(seconds, (0.5, 0.95, 1.0)) * 1000
            title = f"stream, {name}, {what} in ms a bar: median, 95 %, longest"
            bench.found[title] = [low, high, most]
            print(f"{title:<74} {low:.1f}, {high:.1f}, {most:.1f}; the first bar {seconds[0] * 1000:.0f}")
    jumps(bench)


def jumps(bench: Bench) -> None:
    """Leaps at the bar line after a mood was set, against other bar lines of the same streams."""
    at_change, elsewhere = [], []
    for seed in list(bench.seeds)[:8]:
        stream, last = bench.model.stream(seed=seed), None
        for bar in islice(stream, 48):
            if bar.number % 6 == 3:
                stream.set(mood={"bright": 2.0 if bar.number % 12 == 3 else -2.0, "density": 1.0 if bar.number % 12 == 3 else -1.0})
            if bar.notes and last is not None:
                (at_change if bar.number % 6 == 4 else elsewhere).append(abs(bar.notes[0].pitch - last))
            last = bar.notes[-1].pitch if bar.notes else last
    bench.tell("stream: leap at the bar line after a change, semitones", at_change)
    bench.tell("stream: leap at other bar lines, semitones", elsewhere)


def main() -> None:
    """Measure what is asked for."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("corpus", nargs="?")
    parser.add_argument("--model")
    parser.add_argument("--pieces", type=int, default=24)
    parser.add_argument("--parts", default=",".join(PARTS))
    parser.add_argument("--json", action="store_true")
    args = parser.parse_args()
    bench = Bench(load_melodic(args.model), args.corpus, args.pieces)
    for part in args.parts.split(","):
        globals()[f"measure_{part}"](bench)
    if args.json:
        print(json.dumps(bench.found, indent=1))


if __name__ == "__main__":
    main()
