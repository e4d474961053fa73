"""How well what commands make of held-out tunes fits chords that are asked for, and what it costs.

Conventions: held-out tunes of 16 bars whose chords are known (`fitting_chords.harmonized_tunes`), a chord for each written bar, that at
its beginning. *vary* is asked for the chords of the next tune, at an amount; *repair* of bars 7 to 10 and *continue* after bar 8 for the
tune's own, *generate* and *compose* for the tune's own in new music. ``strong``: share of notes at strong places on the chord, where the
chords were asked for, and of the same without asking; ``cost``: bits per note (`evaluate.pricing`) above the same without asking.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from musicvae.compose.coding import place
from musicvae.compose.constraints.constraints import Constraints
from musicvae.compose.harmony import parsed_chords
from musicvae.evaluate.chord_ways import chord_counts
from musicvae.evaluate.codec import piece_seeds
from musicvae.evaluate.fitting_chords import HarmonizedTunes
from musicvae.evaluate.metrics import Estimate, bootstrap
from musicvae.evaluate.pricing import bits_and_cost, piece_bits, ratio
from musicvae.music.key import Key
from musicvae.music.lead_sheet import spread_spans
from musicvae.music.melody import Melody
from musicvae.music.vocabulary import FIRST_PITCH_TOKEN, from_tokens, to_tokens

if TYPE_CHECKING:
    from musicvae.compose.model import Model

__all__ = ["SAMPLERS", "GivenChordsRow", "measure_given_chords"]

_Sampler = Callable[["Model", Melody, "list[str] | None", int], Melody]
_FIRST, _LAST = 6, 10  # bars of the hole, from 0
_GIVEN = 8


@dataclass(frozen=True)
class GivenChordsRow:
    """A command: shares of strong notes on the chord with and without asking, bits per note, and what asking costs."""

    command: str
    strong: Estimate
    strong_unasked: Estimate
    bits_per_note: Estimate
    cost: Estimate


def _varied(amount: float) -> _Sampler:
    def sampler(model: Model, melody: Melody, chords: list[str] | None, seed: int) -> Melody:
        found: Melody = model.vary(melody, amount, seed=seed, chords=chords)[0]
        return found

    return sampler


def _repaired(model: Model, melody: Melody, chords: list[str] | None, seed: int) -> Melody:
    return model.repair(melody, f"{_FIRST + 1}-{_LAST}", seed=seed, chords=chords)


def _continued(model: Model, melody: Melody, chords: list[str] | None, seed: int) -> Melody:
    return model.continue_(melody.cut(0, _GIVEN), melody.num_bars - _GIVEN, seed=seed, chords=None if chords is None else chords[_GIVEN:])


def _composed(model: Model, melody: Melody, chords: list[str] | None, seed: int) -> Melody:
    bars = melody.num_bars
    made = model.compose("AB", bars=bars, section_bars=bars // 2, key=melody.key, meter=melody.meter, seed=seed, chords=_by_letter(chords))
    return made.melody


def _by_letter(chords: list[str] | None) -> Any:
    if chords is None:
        return None
    half = len(chords) // 2
    return {"A": " ".join(chords[:half]), "B": " ".join(chords[half:])}


def _generated(model: Model, melody: Melody, chords: list[str] | None, seed: int) -> Melody:
    return model.generate(melody.num_bars, key=melody.key, meter=melody.meter, seed=seed, chords=chords)


SAMPLERS: Mapping[str, tuple[_Sampler, slice]] = {
    "generate": (_generated, slice(None)),
    "vary 0.3": (_varied(0.3), slice(None)),
    "vary 0.7": (_varied(0.7), slice(None)),
    "repair": (_repaired, slice(_FIRST, _LAST)),
    "continue": (_continued, slice(_GIVEN, None)),
    "compose": (_composed, slice(None)),
}
"""By command, how it is asked, and the bars that are judged."""


def measure_given_chords(
    model: Model, tunes: HarmonizedTunes, names: Sequence[str] = tuple(SAMPLERS), *, seed: int = 0,
    tell: Callable[[str], None] = lambda text: None,
) -> Iterator[GivenChordsRow]:  # fmt: skip
    """A row for each command."""
    melodies = [replace(from_tokens(tokens, tunes.meter), key=Key(0)) for tokens in tunes.tokens]
    own = [_by_bar(tunes, number) for number in range(len(melodies))]
    seeds = piece_seeds(seed, len(melodies))
    for name in names:
        tell(f"chords given to {name}")
        sampler, bars = SAMPLERS[name]
        asked = [*own[1:], *own[:1]] if name.startswith("vary") else own
        with_chords = [sampler(model, m, c, s) for m, c, s in zip(melodies, asked, seeds, strict=True)]
        without = [sampler(model, m, None, s) for m, s in zip(melodies, seeds, strict=True)]
        counts = [np.stack([_counts(model, m, c, bars) for m, c in zip(made, asked, strict=True)]) for made in (with_chords, without)]
        columns = np.concatenate([_priced(model, with_chords), _priced(model, without)], axis=1)
        yield GivenChordsRow(
            name, bootstrap(counts[0], tunes.tunes, ratio), bootstrap(counts[1], tunes.tunes, ratio), *bits_and_cost(columns, tunes.tunes)
        )


def _by_bar(tunes: HarmonizedTunes, number: int) -> list[str]:
    """The chord at the beginning of each written bar."""
    meter, spans = tunes.meter, tunes.spans[number]
    bars = tunes.tokens.shape[1] * meter.written_per_model_bar
    starts = np.array([span.onset_steps for span in spans])
    at = np.searchsorted(starts, np.arange(bars) * meter.steps_per_bar, side="right") - 1
    return ["N.C." if (chord := spans[i].chord) is None else str(chord) for i in at.tolist()]


def _counts(model: Model, melody: Melody, chords: Sequence[str], bars: slice) -> NDArray[np.float64]:
    """Strong notes on the chord and strong notes over any, of some written bars."""
    width = melody.meter.steps_per_bar
    first, end, _ = bars.indices(len(chords))
    spans = spread_spans(parsed_chords(list(chords)), melody.meter, len(chords))
    plan = replace(Constraints().over(melody.meter, len(chords)), spans=spans)
    inside = tuple(note for note in melody.notes if first * width <= note.onset_steps < end * width)
    tokens = to_tokens(replace(melody, notes=inside, num_bars=len(chords)))
    return np.asarray(chord_counts(tokens[None], plan)[0, :2], np.float64)


def _priced(model: Model, melodies: Sequence[Melody]) -> NDArray[np.float64]:
    """Bits and notes of each."""
    tokens = np.stack([place(model.engine, melody)[0].tokens for melody in melodies])
    bits = piece_bits(model.engine, tokens, melodies[0].meter.kind_index)
    return np.stack([bits, (tokens >= FIRST_PITCH_TOKEN).sum(axis=(1, 2)).astype(np.float64)], axis=1)
