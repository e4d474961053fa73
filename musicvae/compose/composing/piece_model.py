"""What a model of drums or trios makes of a form: a long piece, as `compose.composing.model` has it of melodies."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

from musicvae.compose.composing.asking import asked_moods, checked_share, checked_strengths, found_mood
from musicvae.compose.composing.curves import Curve, read_curve
from musicvae.compose.composing.ensembles import Ensemble, compose_ensemble
from musicvae.compose.composing.form import Plan, Section, bars_in, default_form, parse_form, plan_notices, plan_of
from musicvae.compose.composing.moods import Palette, tempo_factor
from musicvae.compose.composing.piece_streaming import PieceStream
from musicvae.compose.composing.streaming import Wanted
from musicvae.compose.harmony import Chords
from musicvae.compose.limits import check_bars, check_meter, check_seed, check_temperature, check_tempo
from musicvae.compose.pieces.coding import piece_of
from musicvae.compose.pieces.engine import PieceEngine
from musicvae.compose.styled import LoadedModel, Styles
from musicvae.compose.styles import tempo_of
from musicvae.music.key import Key
from musicvae.music.meter import Meter
from musicvae.music.piece import Piece

__all__ = ["ComposingPieces", "PieceComposition"]

_FOUR_FOUR = Meter(4, 4)
_MATERIALS = ("drums", "trio")


@dataclass(frozen=True, eq=False)
class PieceComposition:
    """A long piece with its plan. notices: what was chosen and left out."""

    music: Piece
    plan: Plan
    notices: tuple[str, ...] = ()

    @property
    def sections(self) -> tuple[Section, ...]:
        """What is played when."""
        return self.plan.sections

    def write(self, path: str | Path, *, force: bool = False) -> Path:
        """Write the piece as a MIDI file."""
        return self.music.write(path, force=force)


class ComposingPieces(LoadedModel[PieceEngine, Piece]):
    """The part of a model of drums or trios that makes long pieces."""

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
        vary: float = 0.4,
        seed: int | None = None,
        temperature: float = 0.8,
        prior_temperature: float = 1.0,
        chords: Chords | None = None,
    ) -> PieceComposition:
        """Compose a piece of returning sections of 4 or 8 bars, in 4/4; options are those of melodies.

        Moods move what the model has vectors for, and the tempo. ValueError for a network that plays what it is given, one of
        performances, and published ones, whose windows have a fixed length.
        """
        engine = self._composing_engine()
        if key is not None or chords is not None or (meter is not None and check_meter(meter) != _FOUR_FOUR):
            raise ValueError(f"{self.name} knows 4/4 only, and composes without a given key or chords: leave meter, key and chords out")
        styles = self._vectors({} if style is None else style)
        moods = checked_strengths(mood)
        over_time = curve if curve is None or isinstance(curve, Curve) else read_curve(curve)
        tempo = round(tempo_of(styles) * tempo_factor(moods), 1) if tempo_qpm is None else check_tempo(tempo_qpm)
        if (minutes is None) == (bars is None):
            raise ValueError("say how long the piece is, in minutes or in bars, and not in both")
        length = check_bars(bars) if minutes is None else bars_in(minutes, _FOUR_FOUR, tempo)
        form = default_form(length) if form is None else form
        signs = parse_form(form)
        size = min(8, plan_of(signs, length).section_bars) if section_bars is None else section_bars
        plan = plan_of(signs, length, size, extend=checked_share(vary) > 0)
        self._check_section(plan.section_bars)
        asked = asked_moods(moods, over_time, length, 60 * 4 / tempo)
        palette = Palette.of(list(asked), styles, partial(found_mood, self._library), [info.name for info in self.styles()])
        ensemble = Ensemble(
            engine, check_seed(seed), plan.section_bars, checked_share(vary), check_temperature(temperature),
            check_temperature(prior_temperature, "prior_temperature"),
        )  # fmt: skip
        columns = compose_ensemble(ensemble, plan, palette.course(asked, length, vectors_alone=True))
        story = self._story(
            "compose", seed=ensemble.seed, form=form, bars=length, section_bars=plan.section_bars, tempo_qpm=tempo, mood=moods or None,
            curve=None if over_time is None else over_time.story(), style={vector.name: strength for vector, strength in styles} or None,
            vary=vary, temperature=temperature, prior_temperature=None if prior_temperature == 1 else prior_temperature,
        )  # fmt: skip
        piece = piece_of(engine, columns, tempo_qpm=tempo, provenance=story)
        return PieceComposition(
            piece if ensemble.home is None else replace(piece, key=ensemble.home), plan, (*plan_notices(plan, form), *palette.left_out)
        )

    def stream(
        self,
        form: str = "AABACA",
        *,
        mood: Styles | None = None,
        style: Styles | None = None,
        tempo_qpm: float | None = None,
        section_bars: int = 8,
        vary: float = 0.4,
        seed: int | None = None,
        temperature: float = 0.8,
        prior_temperature: float = 1.0,
    ) -> PieceStream:
        """Bars of drums or of a trio without an end, as told in `compose.composing.piece_streaming`; options as those of `compose`.

        The stream is an iterator of `PieceBar` and a handle: its `set` changes moods, styles and tempo from any thread, heard from the
        next bar on, its `finish` asks for an end. The same seed and the same changes at the same bars give the same music.
        """
        engine = self._composing_engine()
        styles = self._vectors({} if style is None else style)
        moods = checked_strengths(mood)
        tempo = round(tempo_of(styles) * tempo_factor(moods), 1) if tempo_qpm is None else check_tempo(tempo_qpm)
        signs = parse_form(form)
        size = plan_of(signs[:1], section_bars, section_bars).section_bars
        self._check_section(size)
        ensemble = Ensemble(
            engine, check_seed(seed), size, checked_share(vary), check_temperature(temperature),
            check_temperature(prior_temperature, "prior_temperature"),
        )  # fmt: skip
        wanted = Wanted({**{vector.name: strength for vector, strength in styles}, **moods}, tempo)
        known = [info.name for info in self.styles()]
        return PieceStream(ensemble, signs, wanted, lambda names: Palette.of(list(names), [], partial(found_mood, self._library), known))

    def _composing_engine(self) -> PieceEngine:
        """The engine; ValueError for one that cannot compose."""
        engine = self.engine
        if engine.material not in _MATERIALS or engine.guide or engine.fixed_window:
            raise ValueError(f"{self.name} cannot compose: models of melodies can, and own ones of drums or trios, such as 'trio'")
        return engine

    def _check_section(self, bars: int) -> None:
        """ValueError for sections that leave no room for another one beside them."""
        if 2 * bars > self.engine.bars:
            raise ValueError(f"sections of {bars} bars are too long for {self.name}: at most {self.engine.bars // 2} can contrast")
