"""A loaded model as musicians use it: `load()` gives one, its methods take and give melodies.

A model may be used by several threads at once; it prints nothing and keeps nothing between calls.
Wherever a melody is taken, a path of a MIDI, MusicXML or ABC file, a `music.score.Score`, a
`pretty_midi.PrettyMIDI` or a `music21` stream will do. Every melody that a model makes says in its
`provenance` how to make it again.

A published melody network works like one of this project's own, with these differences: it knows 4/4, 2/2 and 2/4
only; it has no key of its own; its windows have a fixed length (`compose.windows`), so that bars in which nothing
starts before the first note stay outside the code, and longer pieces are chains of windows (`compose.generating`); what it takes
for the training tunes, to learn a style against, is the prior. `encode` gives the mean of q(z | x), not a
draw from it, and results keep their input's tempo. Networks conditioned on chords take `chords`,
such as ``"C Am F G"``, spread evenly over the bars; without, they are told that there are none.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

from musicvae.compose import blending, coding, learning, styling
from musicvae.compose.augmenting.model import AugmentingModel
from musicvae.compose.code import Code
from musicvae.compose.composing.model import ComposingModel
from musicvae.compose.compressing.model import CompressingModel
from musicvae.compose.constraints.constraints import Constraints
from musicvae.compose.constraints.settling import settled
from musicvae.compose.engine import ChordRows, Engine, require_chords
from musicvae.compose.examples import gather
from musicvae.compose.generating import Order, draw
from musicvae.compose.harmony import Chords, spread_chords
from musicvae.compose.intake import Source, Taken, take
from musicvae.compose.judging.model import JudgingModel
from musicvae.compose.library import ModelInfo, StyleInfo, available_models, find_model, model_header
from musicvae.compose.limits import (
    check_bars,
    check_key,
    check_kind,
    check_meter,
    check_pieces,
    check_seed,
    check_temperature,
    check_tempo,
)
from musicvae.compose.personalising.model import PersonalModel
from musicvae.compose.revising.model import RevisingModel
from musicvae.compose.styled import LoadedModel, Style, Styles
from musicvae.compose.styles import StyleVector, Usual, added, check_style_name, meter_of, tempo_of
from musicvae.model.noise import piece_seed
from musicvae.music.key import Key
from musicvae.music.melody import Melody
from musicvae.music.meter import Meter
from musicvae.music.provenance import inputs_of

__all__ = ["AnyModel", "Model", "ModelInfo", "Style", "StyleInfo", "available_models", "load", "load_melodic"]

if TYPE_CHECKING:
    from musicvae.compose.pieces.model import PieceModel

AnyModel: TypeAlias = "Model | PieceModel"


def load(name_or_path: str | Path | None = None, *, device: str = "cpu", threads: int | None = None) -> AnyModel:
    """Load a model by the name of one at hand or by the path of its file; None loads the default one.

    One of drums, grooves, trios or performances is a `compose.pieces.model.PieceModel`, with the same methods.
    device: as torch names them. threads: to compute with, >= 1 (default: torch's choice). Raises ValueError
    for unknown names, damaged or newer files and devices that cannot be used, FileNotFoundError
    for a path that is not there.
    """
    name, path = find_model(name_or_path)
    # Importing an engine imports torch, which takes a second.
    family = model_header(path).get("network")
    if family == "pieces":
        from musicvae.compose.pieces.model import PieceModel
        from musicvae.model.pieces.engine import PiecesEngine

        return PieceModel(PiecesEngine.load(path, device=device, threads=threads), name=name, path=path)
    if family != "published":
        from musicvae.model.engine import Engine as NetworkEngine

        return Model(NetworkEngine.load(path, device=device, threads=threads), name=name, path=path)
    from musicvae.model.published.engine import PublishedEngine
    from musicvae.model.published.melody_engine import MelodyEngine

    engine = PublishedEngine.load(path, device=device, threads=threads)
    if engine.material == "melody":
        return Model(MelodyEngine(engine), name=name, path=path)
    from musicvae.compose.pieces.model import PieceModel
    from musicvae.model.published.piece_engine import WindowEngine

    return PieceModel(WindowEngine(engine), name=name, path=path)


def load_melodic(name_or_path: str | Path | None = None, *, device: str = "cpu", threads: int | None = None) -> Model:
    """As `load`, for what works with melodies only: ValueError for a model of another material."""
    model = load(name_or_path, device=device, threads=threads)
    if not isinstance(model, Model):
        raise ValueError(f"{model.name} is a model of {model.material}, and this works with models of melodies only: give one of those")
    return model


@dataclass(frozen=True)
class Model(
    AugmentingModel, RevisingModel, ComposingModel, JudgingModel, CompressingModel, PersonalModel[Engine, Melody],
    LoadedModel[Engine, Melody],
):  # fmt: skip
    """A model of melodies."""

    @property
    def material(self) -> str:
        """What it takes and makes."""
        return "melody"

    @property
    def max_bars(self) -> int:
        """Model bars that are taken or drawn at once."""
        return self.engine.config.max_bars

    def take(self, source: Source, *, track: int | str | None = None, start_bar: int = 1, bars: int | None = None, tune: int = 1) -> Taken:
        """The melody in a file or an object, as `compose.intake.take` finds it, with what was chosen and left out."""
        return take(source, track=track, start_bar=start_bar, bars=bars, tune=tune)

    def generate(
        self,
        bars: int = 16,
        *,
        seed: int | None = None,
        temperature: float = 1.0,
        style: Styles | None = None,
        meter: str | Meter | None = None,
        key: str | Key | None = None,
        tempo_qpm: float | None = None,
        prior_temperature: float = 1.0,
        chords: Chords | None = None,
        constraints: Constraints | None = None,
    ) -> Melody:
        """Compose a melody of `bars` written bars (1 to 10,000).

        seed: decides all chance (default: a new one, kept in `provenance`). temperature: of the
        events, 0 to 10; prior_temperature: of the idea behind them. style: a name, or strengths by name. meter: default the
        style's, else 4/4 (of a personalised model that of its files). key: default as composed, with no accidentals in the signature.
        tempo_qpm: quarter notes a minute in every meter, default the style's, else 120 (or that of its files). chords: spread evenly
        over the bars; the result is then a `music.lead_sheet.LeadSheet`, which writes them as a second track. A model conditioned on
        chords is told them, in the key that is wanted, which then cannot be asked for; any other leans towards them
        (`compose.constraints`). constraints: what the piece must keep to. How pieces longer than the model's span go on, and how a key
        is met, is told in `compose.generating`.
        """
        return self.generate_many(
            1, bars, seed=seed, temperature=temperature, style=style, meter=meter, key=key, tempo_qpm=tempo_qpm,
            prior_temperature=prior_temperature, chords=chords, constraints=constraints,
        )[0]  # fmt: skip

    def generate_many(
        self,
        n: int,
        bars: int = 16,
        *,
        seed: int | None = None,
        temperature: float = 1.0,
        style: Styles | None = None,
        meter: str | Meter | None = None,
        key: str | Key | None = None,
        tempo_qpm: float | None = None,
        prior_temperature: float = 1.0,
        chords: Chords | None = None,
        constraints: Constraints | None = None,
    ) -> list[Melody]:
        """Compose n melodies; piece k is what `generate` gives for ``piece_seed(seed, k)``, the seed in its `provenance`."""
        styles = self._vectors({} if style is None else style)
        asked_meter = None if meter is None else check_meter(meter)
        usual = Usual.of(self.engine.metadata)
        chosen_meter = check_kind(meter_of(styles, asked_meter, usual), self.engine.config.kinds)
        asked_key = None if key is None else check_key(key)
        asked = settled(self.engine.config, constraints, chords, chosen_meter, check_bars(bars), asked_key)
        order = Order(
            bars=check_bars(bars),
            meter=chosen_meter,
            temperature=check_temperature(temperature),
            prior_temperature=check_temperature(prior_temperature, "prior_temperature"),
            key=asked_key,
            tempo_qpm=tempo_of(styles, usual) if tempo_qpm is None else check_tempo(tempo_qpm),
            vector=(lambda num: added(styles, num, self.engine.config)) if styles else None,
            chords=asked.chords,
            plan=asked.plan,
        )
        first = check_seed(seed)
        seeds = [piece_seed(first, piece) for piece in range(check_pieces(n))]
        options: dict[str, Any] = {
            "bars": order.bars, "temperature": order.temperature, "meter": str(order.meter), "tempo_qpm": order.tempo_qpm,
            "style": {vector.name: strength for vector, strength in styles} or None, "key": None if order.key is None else str(order.key),
            "prior_temperature": None if order.prior_temperature == 1 else order.prior_temperature, "chords": chords,
            "constraints": constraints.story() or None if constraints else None,
        }  # fmt: skip
        pieces = draw(self.engine, seeds, order)
        return [replace(piece, provenance=self._story("generate", seed=s, **options)) for s, piece in zip(seeds, pieces, strict=True)]

    def interpolate(
        self,
        a: Source,
        b: Source,
        steps: int = 9,
        *,
        method: str = "slerp",
        temperature: float = 0.0,
        seed: int = 0,
        align: str = "repeat",
        meters: str = "map",
        keys: str = "switch",
        spacing: str = "even",
        refine: int = 0,
        chords: Chords | None = None,
    ) -> blending.Blend:
        """Blend two melodies in `steps` (2 to 1,000) pieces, both reconstructions included.

        method: "slerp" or "lerp". align: "repeat", "pad" or "trim"; meters: "map" or "refuse"
        (`compose.alignment`). keys: "switch", "a" or "b"; spacing: "even" or "latent"
        (`compose.blending`). refine: gradient steps on the codes of both ends. The result is a
        sequence of melodies with `notices` of what was chosen and lost. `path_through`, `grid`, `mix` and `morph` take more
        inputs, and have ends that are the inputs themselves.
        """
        taken = [take(source) for source in (a, b)]
        story = self._story(
            "interpolate", seed=check_seed(seed), steps=steps, method=method, temperature=temperature, align=align, meters=meters,
            keys=keys, spacing=spacing, refine=refine, chords=chords, inputs=inputs_of(*(found.melody for found in taken)),
        )  # fmt: skip
        blend = blending.blend(
            self.engine, taken[0].melody, taken[1].melody, steps, method=method, temperature=temperature, seed=story["seed"],
            alignment=align, meters=meters, keys=keys, spacing=spacing, refine=refine, provenance=story,
            chords=None if chords is None else lambda bars: spread_chords(chords, bars),
        )  # fmt: skip
        return replace(blend, notices=(*taken[0].notices, *taken[1].notices, *blend.notices))

    def encode(self, source: Source, *, refine: int = 0, chords: Chords | None = None) -> Code:
        """The code of a melody; refine: gradient steps towards it at encode time. Its `notices` say what was chosen and lost."""
        taken = take(source)
        code = coding.encode(self.engine, taken.melody, refine=refine, chords=self._over(taken.melody, chords))
        return replace(code, notices=(*taken.notices, *code.notices))

    def decode(self, code: Code, *, temperature: float = 0.0, seed: int = 0, chords: Chords | None = None) -> Melody:
        """The melody of a code, over the chords it was encoded over unless others are given; ValueError for a code of another model."""
        story = self._story("decode", seed=check_seed(seed), temperature=temperature, refine=code.refine, chords=chords)
        coding.check_code(self.engine, code)
        over = self._rows(chords, code.num_model_bars)
        return coding.decode(self.engine, code, temperature=temperature, seed=story["seed"], chords=over, provenance=story)

    def reconstruct(
        self, source: Source, *, refine: int = 0, temperature: float = 0.0, seed: int = 0, chords: Chords | None = None
    ) -> Melody:
        """What the model hears in a melody: its code, decoded."""
        melody = take(source).melody
        story = self._story(
            "reconstruct", seed=check_seed(seed), temperature=temperature, refine=refine, chords=chords, inputs=inputs_of(melody)
        )
        code = coding.encode(self.engine, melody, refine=refine, chords=self._over(melody, chords))
        return coding.decode(self.engine, code, temperature=temperature, seed=story["seed"], provenance=story)

    def learn_style(
        self,
        name: str,
        examples: str | os.PathLike[str] | Iterable[Source] | None = None,
        *,
        versus: str | os.PathLike[str] | Iterable[Source] | None = None,
        attribute: str | None = None,
        method: str = "joint",
        hold: Sequence[str] | None = None,
        meter: str | Meter | None = None,
        tempo_qpm: float | None = None,
        description: str = "",
        keep: bool = True,
        path: str | Path | None = None,
        force: bool = False,
        progress: Callable[[str], None] | None = None,
    ) -> Style[Melody]:
        """Learn a style from melodies (a folder or several sources), as told in `compose.learning`.

        Without `attribute`: what `examples` have and `versus` (default: the training tunes) has not. With it: how to move
        that attribute; examples may then be left out, and method and hold count. meter, tempo_qpm:
        what generating with the style uses. keep: write it to the user's data folder, or to `path`.
        progress: called with what is being done, as it begins.
        """
        check_style_name(name)
        lesson = learning.Lesson(
            name, description, None if meter is None else check_meter(meter), None if tempo_qpm is None else check_tempo(tempo_qpm)
        )
        tell = progress or (lambda text: None)
        tell("reading melodies")
        found, others = (None if given is None else gather(given).of_kinds(self.engine.config.kinds) for given in (examples, versus))
        if attribute is not None:
            if others is not None:
                raise ValueError("an attribute needs no melodies to compare with: leave versus out, or the attribute")
            melodies = None if found is None else found.melodies
            vector = learning.learn_from_attribute(self.engine, lesson, attribute, melodies, method=method, hold=hold, tell=tell)
        elif found is None:
            raise ValueError("say what to learn from: melodies that have the style, or an attribute such as 'density'")
        else:
            opposite = None if others is None else others.melodies
            vector = learning.learn_from_examples(self.engine, lesson, found.melodies, opposite, tell=tell)
        notices = (*(found.notices if found else ()), *(others.notices if others else ()), *learning.few_notices(vector))
        written = self._library.add(vector, path, force=force) if keep or path is not None else None
        return Style(vector, self, written, notices)

    def _rows(self, chords: Chords | None, bars: int) -> ChordRows | None:
        """The chords as rows of so many model bars; ValueError where the model takes none."""
        if chords is None:
            return None
        require_chords(self.engine)
        return spread_chords(chords, bars)

    def _over(self, melody: Melody, chords: Chords | None) -> ChordRows | None:
        return self._rows(chords, melody.meter.model_bars(melody.num_bars))

    def _apply(
        self,
        source: Source,
        styles: Sequence[tuple[StyleVector, float]],
        *,
        temperature: float,
        seed: int,
        refine: int,
        chords: Chords | None = None,
    ) -> Melody:
        strengths = {vector.name: strength for vector, strength in styles}
        melody = take(source).melody
        story = self._story(
            "restyle", seed=check_seed(seed), style=strengths, temperature=temperature, refine=refine, chords=chords,
            inputs=inputs_of(melody),
        )  # fmt: skip
        return styling.apply_styles(
            self.engine, melody, styles, temperature=temperature, seed=story["seed"], refine=refine, chords=self._over(melody, chords),
            provenance=story,
        )  # fmt: skip
