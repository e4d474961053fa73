"""Going on from given music: every given note stays, what follows grows out of it.

The form comes first: a law fitted to tunes (`compose.revising.returns`) hears what the given bars returned to so far, and says of each bar
to come whether it is new or an earlier one once more. What returns is copied, its last bars too unless the law has them new; what is new
is drawn by the prior, given as many bars before it as leave room for it in a window, and drawn again where it turns out to be no news.
Where constraints or chords are asked for, what returns is written once more from its own code, so that it keeps to them. Where the last
given bar is not full, its rest belongs to what follows: the pickup to what returns, if that had one.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from musicvae.compose.canonical import from_coordinates
from musicvae.compose.carry import played_notes, with_velocities
from musicvae.compose.coding import place
from musicvae.compose.constraints.decoding import decode_under
from musicvae.compose.constraints.plan import Plan
from musicvae.compose.engine import Engine, Floats
from musicvae.compose.revising.demands import Opened, finished
from musicvae.compose.revising.forms import FORMS, Stretch, copied, planned, returns_of, stretches
from musicvae.compose.revising.returns import equal_bars, shipped_law
from musicvae.compose.seeds import derived_seed, window_seed
from musicvae.music.melody import Melody
from musicvae.music.vocabulary import FIRST_PITCH_TOKEN, HOLD, NOTE_OFF, Tokens, canonical_tokens

__all__ = ["Going", "check_form", "continue_melody", "open_end"]

_DRAWS = 4
_WARM = 0.8
"""Temperature of the prior where its likeliest way is no news."""


@dataclass(frozen=True, eq=False)
class Going:
    """How to go on: for so many written bars; temperatures as in `compose.generating.Order`, that of the prior for the form too.

    plan: of the whole result, for what is new. form: one of `FORMS`. return_to: written bar, from 1, that comes back first.
    """

    bars: int
    temperature: float = 1.0
    prior_temperature: float = 1.0
    plan: Plan | None = None
    form: str = "auto"
    return_to: int | None = None


def continue_melody(engine: Engine, melody: Melody, going: Going, *, seed: int, provenance: Mapping[str, Any] | None = None) -> Melody:
    """The melody, and `going.bars` bars more.

    What returns is added to the provenance as ``returns``: lists of its first and last written bar, and the first that it returns to.
    """
    longer = replace(melody, num_bars=melody.num_bars + going.bars)
    placed, _ = place(engine, longer)
    free = np.arange(longer.num_steps) >= open_end(melody)
    opened = Opened.of(longer, placed.tokens, free)
    form = _form(melody, opened, going, seed)
    shift = placed.shift_semitones - (going.plan.lift_semitones(melody) if going.plan is not None else 0)
    tokens = _Writing(engine, melody.meter.kind_index, opened, going, shift).written(form, seed)
    new = from_coordinates(tokens, melody.meter, shift_semitones=shift, num_bars=longer.num_bars)
    new = with_velocities(new, played_notes(melody))
    added = tuple(note for note in new.notes if free[note.onset_steps])
    found = _played_as_before(replace(longer, notes=(*melody.notes, *added)), form, len(melody.notes), going.plan)
    found = finished(going.plan, found, free)
    returns = returns_of(form, melody.meter.written_per_model_bar, longer.num_bars)
    return replace(found, provenance={**(provenance or {}), **({"returns": returns} if returns else {})})


def check_form(melody: Melody, form: str, return_to: int | None) -> None:
    """ValueError for a form that is none of `FORMS`, and for a bar to return to that is not given."""
    if form not in FORMS:
        raise ValueError(f"form is {form!r}; allowed are {', '.join(FORMS)}")
    if return_to is not None and not 1 <= return_to <= melody.num_bars:
        raise ValueError(f"there is no bar {return_to} to return to: the given music has bars 1 to {melody.num_bars}")


def open_end(melody: Melody) -> int:
    """The step from which on music is to be found: the end of the last note if that is in the last bar, else that bar's end."""
    last = melody.notes[-1].end_steps if melody.notes else 0
    return last if last > (melody.num_bars - 1) * melody.meter.steps_per_bar else melody.num_steps


def _form(melody: Melody, opened: Opened, going: Going, seed: int) -> list[Stretch]:
    """What the bars from the first open one on are."""
    first = int(np.flatnonzero(opened.free.any(axis=1))[0])
    given = first if opened.free[first].all() else first + 1
    more = len(opened.tokens) - given
    per_bar = melody.meter.written_per_model_bar
    back = None if going.return_to is None else (going.return_to - 1) // per_bar
    if going.form == "free" and back is None:
        plan: tuple[int | None, ...] = (None,) * more
    else:
        closed = np.ones(opened.free.shape[1], np.bool_) if given == first else ~opened.free[first]
        plan = planned(
            opened.tokens[:given], closed, more, melody.meter.kind_index, shipped_law(), temperature=going.prior_temperature,
            seed=derived_seed(seed, "form"), return_to=back, free=going.form == "free",
        )  # fmt: skip
    return stretches(plan, given)


def _played_as_before(melody: Melody, form: Sequence[Stretch], given: int, plan: Plan | None) -> Melody:
    """The melody with notes of what returns as loud as where they were heard, and as high where they were folded; the first stay.

    plan: says which of them may not be as high.
    """
    steps = melody.meter.steps_per_model_bar
    lags = {bar: bar - stretch.start + stretch.source for stretch in form if stretch.source is not None
            for bar in range(stretch.start, stretch.end)}  # fmt: skip
    notes = {note.onset_steps: note for note in melody.notes}
    for note in melody.notes[given:]:
        bar, step = divmod(note.onset_steps, steps)
        heard = notes.get(lags[bar] * steps + step) if bar in lags else None
        if heard is not None and (heard.pitch - note.pitch) % 12 == 0:
            asked = plan is not None and (plan.pitches[note.onset_steps] >= 0 or not plan.allowed[heard.pitch])
            notes[note.onset_steps] = replace(note, pitch=note.pitch if asked else heard.pitch, velocity=heard.velocity)
    return replace(melody, notes=tuple(notes.values()))


@dataclass(frozen=True, eq=False)
class _Writing:
    """A network at work on the open bars of a melody; kind: of its meter."""

    engine: Engine
    kind: int
    opened: Opened
    going: Going
    shift_semitones: int

    def written(self, form: Sequence[Stretch], seed: int) -> Tokens:
        """The tokens (B, S), every free step found."""
        tokens, window = self.opened.tokens.copy(), 0
        first, most = self._first, self.engine.config.max_bars
        if form and first < form[0].start:  # the rest of the last given bar
            if form[0].source is None:
                form = [Stretch(first, form[0].end), *form[1:]]
            else:
                self._lead_in(tokens, first, form[0].source - 1)
        for stretch in form or [Stretch(first, first + 1)]:
            if stretch.source is not None:
                for bar in range(stretch.start, stretch.end):
                    tokens[bar] = copied(tokens, bar, stretch.source + bar - stretch.start)
                self._unheld(tokens, stretch.start)
            if stretch.source is not None and self.going.plan is None:
                continue
            for start in range(stretch.start, stretch.end, most // 2):
                end, own = min(start + most // 2, stretch.end), window_seed(seed, window)
                if stretch.source is None and self.going.form != "free":
                    tokens[:end] = self._new(tokens[:end], start, own)
                else:
                    tokens[:end] = self._drawn(tokens[:end], start, self.going.prior_temperature, own, written=stretch.source is not None)
                window += 1
        return canonical_tokens(tokens)

    def _lead_in(self, tokens: Tokens, bar: int, source: int) -> None:
        """Fill the open steps of a bar with those of another, or with silence (source -1)."""
        free = self.opened.free[bar]
        tokens[bar, free] = tokens[source, free] if source >= 0 else HOLD
        self._unheld(tokens, bar)

    def _unheld(self, tokens: Tokens, bar: int) -> None:
        """No given note goes on in the open steps of a bar."""
        first = int(np.flatnonzero(self.opened.free[bar])[0])
        if tokens[bar, first] == HOLD and self.opened.bias[bar, first, HOLD] < 0:
            tokens[bar, first] = NOTE_OFF

    def _new(self, tokens: Tokens, start: int, seed: int) -> Tokens:
        """The tokens (B, S) with bars `start` on new: of a few draws the first that is no return nor silent, else what least is."""
        heat, best, fewest = self.going.prior_temperature, tokens, len(tokens) + 1
        for turn in range(_DRAWS):
            if heat or not turn:
                found = self._drawn(tokens, start, heat, seed if not turn else derived_seed(seed, f"new {turn}"))
            else:  # the likeliest way of all is no news, and so the same for every seed
                found = self._drawn(tokens, start, _WARM, turn)
            returns = np.asarray(np.tril(equal_bars(found), -1).any(axis=1)) & (found >= FIRST_PITCH_TOKEN).any(axis=1)
            count = int(returns[start:].sum()) + self._silent(found, start)
            if count < fewest:
                best, fewest = found, count
            if not count:
                break
        return best

    def _silent(self, tokens: Tokens, start: int) -> int:
        """How many bars from `start` on have no note, where every given bar has one and constraints may have taken them away."""
        sounds = np.asarray((tokens >= FIRST_PITCH_TOKEN).any(axis=1))
        return int((~sounds[start:]).sum()) if self.going.plan is not None and sounds[: self._first].all() else 0

    @property
    def _first(self) -> int:
        """The first bar that is open."""
        return int(np.flatnonzero(self.opened.free.any(axis=1))[0])

    def _drawn(self, tokens: Tokens, start: int, prior_temperature: float, seed: int, *, written: bool = False) -> Tokens:
        """The tokens (B, S) with the free steps of bars `start` on drawn; written: as what stands there already asks for."""
        first = max(0, len(tokens) - self.engine.config.max_bars)
        inside = slice(first, len(tokens))
        known, free, bias = canonical_tokens(tokens[inside]), self.opened.free[inside].copy(), self.opened.bias[inside]
        free[: start - first] = False
        z = self._idea(known, len(known) if written else start - first, prior_temperature, seed)
        forced = np.where(free, -1, known.astype(np.int16))[None]
        heat = 0.0 if written else self.going.temperature
        if self.going.plan is None:
            drawn = self.engine.decode(
                z, bars=len(known), kind=self.kind, temperature=heat, seeds=[seed], bias=bias[None], forced=forced
            )  # fmt: skip
        else:
            drawn = decode_under(
                self.engine, z, self.going.plan, start_bar=first, bars=len(known), shift_semitones=self.shift_semitones,
                temperature=heat, seeds=[seed], forced=forced,
            )  # fmt: skip
        return np.concatenate([tokens[:first], canonical_tokens(np.where(free, drawn[0], known))])

    def _idea(self, known: Tokens, given: int, prior_temperature: float, seed: int) -> Floats:
        """A z (1, Z) of a window (B, S) whose first `given` bars are known."""
        bars = len(known)
        heard = self.engine.encode(known[None, :given], self.kind)[0] if given else None
        if given == bars and heard is not None:
            return heard
        return self.engine.sample_prior([seed], bars=bars, kind=self.kind, temperature=prior_temperature, given=heard, given_bars=given)
