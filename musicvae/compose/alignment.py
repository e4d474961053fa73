"""Two melodies brought to one meter and one length, so that they can be blended.

Meter: the second is written in the first one's meter. Between 4/4, 2/2 and 2/4 only the bar lines
change. Otherwise each model bar of the second becomes one of the first: onsets and ends are scaled
to the nearest step, a note whose step is taken by an earlier one is lost, and the tempo changes so
that a bar lasts as long as before.

Length: "repeat" plays the shorter one again until the longer is filled, its last time cut short
where it must be; "pad" fills it up with rests at its end; "trim" cuts both to the shorter one's bars.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from musicvae.compose.limits import check_choice
from musicvae.music.melody import Melody, Note
from musicvae.music.meter import Meter, counted_bars

__all__ = ["ALIGNMENTS", "METER_RULES", "Aligned", "align", "filled", "written_in"]

ALIGNMENTS = ("repeat", "pad", "trim")
METER_RULES = ("map", "refuse")


@dataclass(frozen=True)
class Aligned:
    """Two melodies of one meter and length, and what was done to them."""

    a: Melody
    b: Melody
    notices: tuple[str, ...]


def align(a: Melody, b: Melody, *, how: str = "repeat", meters: str = "map") -> Aligned:
    """Bring two melodies to a's meter and one length; `how` is one of `ALIGNMENTS`.

    meters: "map" writes b in a's meter, "refuse" raises ValueError where they differ in kind.
    """
    check_choice("align", how, ALIGNMENTS)
    check_choice("meters", meters, METER_RULES)
    notices = []
    if a.meter != b.meter:
        if meters == "refuse" and a.meter.kind != b.meter.kind:
            raise ValueError(f"A is in {a.meter} and B in {b.meter}: allow them to be mapped (meters='map'), or give two of one meter")
        notices.append(f"B, in {b.meter}, was written in A's {a.meter}")
        b, num_lost = written_in(b, a.meter)
        if num_lost:
            notices.append(f"{num_lost} notes of B were lost where two fell on one step")
    if a.num_bars != b.num_bars:
        a, b, notice = _same_length(a, b, how)
        notices.append(notice)
    return Aligned(a, b, tuple(notices))


def written_in(melody: Melody, meter: Meter) -> tuple[Melody, int]:
    """The melody in another meter, by the rule above, and how many notes were lost."""
    if melody.meter == meter:
        return melody, 0
    bars = melody.meter.model_bars(melody.num_bars) * meter.written_per_model_bar
    if melody.meter.kind == meter.kind:
        # An odd last bar of 2/4 is filled up, as it is for the model.
        bars = -(-melody.num_steps // meter.steps_per_bar)
        return replace(melody, meter=meter, num_bars=bars), 0
    old, new = melody.meter.steps_per_model_bar, meter.steps_per_model_bar

    def scaled(step: int) -> int:
        bar, within = divmod(step, old)
        return bar * new + (2 * within * new + old) // (2 * old)

    notes: list[Note] = []
    for note in melody.notes:
        onset, end = scaled(note.onset_steps), scaled(note.end_steps)
        if notes and notes[-1].onset_steps == onset:
            continue
        if notes and notes[-1].end_steps > onset:
            notes[-1] = replace(notes[-1], duration_steps=onset - notes[-1].onset_steps)
        notes.append(replace(note, onset_steps=onset, duration_steps=max(1, end - onset)))
    tempo = min(9999.0, melody.tempo_qpm * new / old)
    return replace(melody, notes=tuple(notes), meter=meter, num_bars=bars, tempo_qpm=tempo), len(melody.notes) - len(notes)


def _same_length(a: Melody, b: Melody, how: str) -> tuple[Melody, Melody, str]:
    name, short, long = ("A", a, b) if a.num_bars < b.num_bars else ("B", b, a)
    if how == "trim":
        bars = short.num_bars
        return a.cut(0, bars), b.cut(0, bars), f"both were cut to the {counted_bars(bars)} of {name}"
    short, notice = filled(short, long.num_bars, how, name)
    return (short, long, notice) if name == "A" else (long, short, notice)


def filled(melody: Melody, bars: int, how: str, name: str) -> tuple[Melody, str]:
    """The melody in so many bars, which are more than it has: again, its last time cut short where it must be, or with rests; and words."""
    if how == "pad":
        return replace(melody, num_bars=bars), f"{name}, of {counted_bars(melody.num_bars)}, was filled up with rests to {bars}"
    times, rest = divmod(bars, melody.num_bars)
    again = f"and then its first {counted_bars(rest).removeprefix('1 ')} " if rest else ""
    played = Melody.joined([melody] * (times + bool(rest))).cut(0, bars)
    return played, f"{name} was played {'once' if times == 1 else f'{times} times'} {again}to fill {counted_bars(bars)}"
