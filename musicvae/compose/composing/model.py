"""What a model of melodies makes of a form: a long piece, or a stream without an end."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from functools import partial
from pathlib import Path

from musicvae.compose.composing.asking import asked_moods, checked_share, checked_strengths, found_mood
from musicvae.compose.composing.chording import SectionChords, chords_of_plan, ending_notices, ending_on, section_chords_text
from musicvae.compose.composing.curves import Curve, read_curve
from musicvae.compose.composing.form import Plan, bars_in, default_form, parse_form, plan_notices, plan_of
from musicvae.compose.composing.moods import Palette, majorness, tempo_factor
from musicvae.compose.composing.piece import Composition, compose
from musicvae.compose.composing.rendering import Stage
from musicvae.compose.composing.streaming import MusicStream, Wanted
from musicvae.compose.composing.writing import Wish, Writer
from musicvae.compose.constraints.constraints import Constraints
from musicvae.compose.constraints.settling import Settled, settled
from musicvae.compose.engine import Engine, Layout
from musicvae.compose.limits import (
    check_bars,
    check_key,
    check_kind,
    check_meter,
    check_seed,
    check_temperature,
    check_tempo,
)
from musicvae.compose.styled import LoadedModel, Styles
from musicvae.compose.styles import Usual, meter_of, tempo_of
from musicvae.music.key import Key
from musicvae.music.melody import Melody
from musicvae.music.meter import Meter

__all__ = ["ComposingModel"]

DEFAULT_TEMPERATURE = 0.6
DEFAULT_VARY = 0.4


class ComposingModel(LoadedModel[Engine, Melody]):
    """The part of a model of melodies that makes long pieces."""

    def compose(
        self,
        form: str | None = None,
        minutes: float | None = None,
        *,
        bars: int | None = None,
        mood: Styles | None = None,
        curve: str | Path | Curve | None = None,
        style: Styles | None = None,
        meter: str | Meter | None = None,
        key: str | Key | None = None,
        tempo_qpm: float | None = None,
        section_bars: int | None = None,
        vary: float = DEFAULT_VARY,
        seed: int | None = None,
        temperature: float = DEFAULT_TEMPERATURE,
        prior_temperature: float = 1.0,
        chords: SectionChords | None = None,
        constraints: Constraints | None = None,
    ) -> Composition:
        """Compose a piece of returning sections, so many minutes long, to the nearest bar, or of so many written bars.

        form: as `composing.form` reads it (default: AABA, or what a short piece has room for). mood: a name, or strengths by name, of
        `composing.moods`, of attributes or of styles.
        curve: strengths over time, a file or a `Curve`. style: a name, or strengths by name, throughout. section_bars: 4, 8 or
        16. vary: how much returns differ, the more the later, 0 to 1; with 0 a long piece has nothing but the sections of its form.
        tempo_qpm: default the style's, else 120, times what the moods do to it. chords: a progression for every section, or one for each
        letter, a chord a bar, as `composing.chording` has it. constraints: as for `generate`, over the whole piece. seed, temperature,
        prior_temperature, meter and key: as for `generate`.
        """
        styles = self._vectors({} if style is None else style)
        usual = Usual.of(self.engine.metadata)
        chosen_meter = check_kind(meter_of(styles, None if meter is None else check_meter(meter), usual), self.engine.config.kinds)
        moods = checked_strengths(mood)
        course_of = curve if curve is None or isinstance(curve, Curve) else read_curve(curve)
        tempo = round(tempo_of(styles, usual) * tempo_factor(moods), 1) if tempo_qpm is None else check_tempo(tempo_qpm)
        if (minutes is None) == (bars is None):
            raise ValueError("say how long the piece is, in minutes or in bars, and not in both")
        length = check_bars(bars) if minutes is None else bars_in(minutes, chosen_meter, tempo)
        form = default_form(length) if form is None else form
        plan = plan_of(parse_form(form), length, section_bars, extend=checked_share(vary) > 0)
        asked = asked_moods(moods, course_of, length, 60 * chosen_meter.beats_per_bar / tempo)
        palette = Palette.of(list(asked), styles, partial(found_mood, self._library), [info.name for info in self.styles()])
        asked_key = None if key is None else check_key(key)
        mean = {name: float(values.mean()) for name, values in asked.items()}
        must, ending = _settled(self.engine.config, constraints, chords, chosen_meter, plan, asked_key)
        shift = 0 if must.plan is None else must.plan.shift(self.engine.config, None if asked_key is None else asked_key.major_tonic)
        stage = Stage(
            self.engine, chosen_meter, check_temperature(temperature), check_temperature(prior_temperature, "prior_temperature"),
            must.plan, shift, must.chords,
        )  # fmt: skip
        writer = _writer(stage, plan.section_bars, vary, asked_key, mean, seed)
        melody = compose(writer, plan, palette.course(asked, length), key=asked_key, tempo_qpm=tempo)
        story = self._story(
            "compose", seed=writer.seed, form=form, bars=length, section_bars=plan.section_bars, meter=str(chosen_meter), tempo_qpm=tempo,
            mood=moods or None, curve=None if course_of is None else course_of.story(),
            style={vector.name: strength for vector, strength in styles} or None, key=None if asked_key is None else str(asked_key),
            vary=vary, temperature=temperature, prior_temperature=None if prior_temperature == 1 else prior_temperature,
            chords=None if chords is None else section_chords_text(chords),
            constraints=constraints.story() or None if constraints else None,
        )  # fmt: skip
        return Composition(replace(melody, provenance=story), plan, (*plan_notices(plan, form), *ending, *palette.left_out))

    def stream(
        self,
        form: str = "AABACA",
        *,
        mood: Styles | None = None,
        style: Styles | None = None,
        meter: str | Meter | None = None,
        key: str | Key | None = None,
        tempo_qpm: float | None = None,
        section_bars: int = 8,
        vary: float = DEFAULT_VARY,
        seed: int | None = None,
        temperature: float = DEFAULT_TEMPERATURE,
        prior_temperature: float = 1.0,
        constraints: Constraints | None = None,
    ) -> MusicStream:
        """Bars of music without an end, as told in `compose.composing.streaming`; options as those of `compose`.

        The stream is an iterator of `Bar` and a handle: its `set` changes moods, styles, tempo and constraints from any thread, heard
        from the next bar on, its `finish` asks for an end. The same seed and the same changes at the same bars give the same music.
        """
        styles = self._vectors({} if style is None else style)
        usual = Usual.of(self.engine.metadata)
        chosen_meter = check_kind(meter_of(styles, None if meter is None else check_meter(meter), usual), self.engine.config.kinds)
        moods = checked_strengths(mood)
        tempo = round(tempo_of(styles, usual) * tempo_factor(moods), 1) if tempo_qpm is None else check_tempo(tempo_qpm)
        signs, asked_key = parse_form(form), None if key is None else check_key(key)
        size = plan_of(signs[:1], section_bars, section_bars).section_bars
        stage = Stage(self.engine, chosen_meter, check_temperature(temperature), check_temperature(prior_temperature, "prior_temperature"))
        writer = _writer(stage, size, vary, asked_key, moods, seed)
        wanted = Wanted({**{vector.name: strength for vector, strength in styles}, **moods}, tempo, constraints or Constraints())

        def palette(names: tuple[str, ...]) -> Palette:
            found = Palette.of(list(names), [], partial(found_mood, self._library), [info.name for info in self.styles()])
            meter_of([(vector, 1.0) for vector in found.vectors], chosen_meter)
            return found

        return MusicStream(writer, signs, size, wanted, palette, asked_key)


def _settled(
    config: Layout, constraints: Constraints | None, chords: SectionChords | None, meter: Meter, plan: Plan, key: Key | None
) -> tuple[Settled, tuple[str, ...]]:
    """What a whole piece must keep to, and notices; with chords its last bar is on the tonic."""
    if chords is None:
        return settled(config, constraints, None, meter, plan.num_bars, key), ()
    played = chords_of_plan(chords, plan)
    must = settled(config, constraints, played, meter, plan.num_bars, key)
    assert must.plan is not None, "chords make a plan"
    home = key or must.plan.home
    ended = ending_on(played, home, plan.num_bars)
    return settled(config, constraints, ended, meter, plan.num_bars, key), ending_notices(played, ended, plan.num_bars)


def _writer(stage: Stage, section_bars: int, vary: float, key: Key | None, moods: Mapping[str, float], seed: int | None) -> Writer:
    plan = stage.plan
    home = (key or plan.home).transposed(stage.shift_semitones) if plan is not None and plan.spans else None
    wish = Wish(None if key is None else key.mode, majorness(moods), home)
    return Writer(stage, check_seed(seed), section_bars // stage.meter.written_per_model_bar, checked_share(vary), wish)
