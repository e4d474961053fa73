"""A network of drums, grooves, trios or performances as musicians use it: its methods take and give pieces.

They are those of `compose.model.Model`, with a `music.piece.Piece` wherever that has a melody. A path of a MIDI, MusicXML
or ABC file, a `music.score.Score`, a `pretty_midi.PrettyMIDI` or a `music21` stream will do wherever a piece is taken. What
differs from melodies:

* All is in 4/4, and a network has no key of its own. Tempi are kept.
* A network of this project takes 1 to `max_bars` bars at once, a published one always as many (`compose.pieces.windows`).
* `encode` gives the mean of q(z | x), not a draw from it, window by window.
* Drums are in the map of the network (`music.drum_maps`), which most published ones share with Magenta before April 2019.
* A humanising network is not shown velocities and timing, one for taps nothing but the rhythm, one that adds hi-hats not
  the closed one: `reconstruct` is how a stiff beat is played, a rhythm becomes a beat, or a beat gets its hi-hat.
* A network that plays given hits takes `hits`, drums that it plays with the feel of z: with `decode`, the hits of one
  piece get the feel of another. One for taps takes the rhythm of `hits`. One conditioned on chords takes `chords`, spread
  evenly over the bars.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from musicvae.compose.composing.piece_model import ComposingPieces
from musicvae.compose.grooving.model import GroovingModel
from musicvae.compose.harmony import Chords, spread_chords
from musicvae.compose.intake import Source
from musicvae.compose.judging.piece_model import JudgingPieces
from musicvae.compose.learning import Lesson, Tell, few_notices
from musicvae.compose.limits import check_bars, check_meter, check_pieces, check_seed, check_temperature, check_tempo
from musicvae.compose.personalising.model import PersonalModel
from musicvae.compose.pieces import coding, learning, styling
from musicvae.compose.pieces.blending import PieceBlend, blend_pieces
from musicvae.compose.pieces.code import PieceCode
from musicvae.compose.pieces.engine import Columns, PieceEngine
from musicvae.compose.pieces.generating import PieceOrder, draw
from musicvae.compose.pieces.guides import asked_guide, hits_notices
from musicvae.compose.pieces.intake import TakenPiece, Wanted, gather_pieces, take_music
from musicvae.compose.revising.pieces.continuing import RevisingPieces
from musicvae.compose.revising.pieces.repairing import RepairingPieces
from musicvae.compose.styled import Style, Styles
from musicvae.compose.styles import StyleVector, Usual, check_style_name, tempo_of
from musicvae.compose.varying.piece_model import VaryingPieces
from musicvae.model.noise import piece_seed
from musicvae.music.key import Key
from musicvae.music.melody import DEFAULT_TEMPO_QPM
from musicvae.music.meter import Meter
from musicvae.music.piece import Piece

__all__ = ["PieceModel"]

_USUAL_BARS = {"drums": 4, "groove": 4, "trio": 16}


@dataclass(frozen=True)
class PieceModel(
    VaryingPieces,
    RevisingPieces,
    RepairingPieces,
    ComposingPieces,
    JudgingPieces,
    GroovingModel,
    PersonalModel[PieceEngine, Piece],
):
    """A model of drums, grooves, trios or performances."""

    @property
    def material(self) -> str:
        """What is taken and made: "drums", "groove", "trio" or "performance"."""
        return self.engine.material

    @property
    def max_bars(self) -> int:
        """Bars that are taken or drawn at once, at most."""
        return self.engine.bars

    @property
    def usual_bars(self) -> int:
        """Length of a new piece where none is asked for: a published network's span, else 4 bars of drums and 16 of a trio."""
        return self.max_bars if self.engine.fixed_window else min(self.max_bars, _USUAL_BARS.get(self.material, self.max_bars))

    def take(
        self, source: Source, *, track: int | str | None = None, start_bar: int = 1, bars: int | None = None, tune: int = 1
    ) -> TakenPiece:
        """What a file or an object holds for this network, as `compose.pieces.intake.take_music` finds it."""
        return take_music(source, self._wanted, track=track, start_bar=start_bar, bars=bars, tune=tune)

    def take_hits(self, source: Source) -> TakenPiece:
        """The drums in a file or an object as `hits` takes them: for a network of taps with their timing, and any rhythm will do."""
        by_taps = self.engine.guide == "taps"
        return take_music(source, Wanted("groove", self.engine.drum_map, any_rhythm=True) if by_taps else self._wanted)

    def generate(self, bars: int | None = None, **options: Any) -> Piece:
        """Compose a piece; bars and options are those of `generate_many`."""
        return self.generate_many(1, bars, **options)[0]

    def generate_many(
        self,
        n: int,
        bars: int | None = None,
        *,
        seed: int | None = None,
        temperature: float = 1.0,
        style: Styles | None = None,
        meter: str | Meter | None = None,
        key: str | Key | None = None,
        tempo_qpm: float | None = None,
        prior_temperature: float = 1.0,
        chords: Chords | None = None,
        hits: Source | None = None,
    ) -> list[Piece]:
        """Compose n pieces of `bars` bars (1 to 10,000; default: `usual_bars`, or as long as the hits).

        Piece k is what a seed of ``piece_seed(seed, k)`` alone gives. temperature: of what is written, 0 to 10; prior_temperature: of
        the idea behind it. style: a name, or strengths by name. tempo_qpm: default the style's, else 120 (of a personalised
        model that of its files). chords, hits: what the network is told, where it can be; hits of another length are repeated or
        cut, which the notices tell. ValueError for a key, a meter other than 4/4, and what the network cannot be told.
        """
        self._refuse(meter=meter, key=key)
        styles = self._vectors({} if style is None else style)
        struck = None if hits is None else self._hits(hits)
        if bars is None:
            bars = self.usual_bars if struck is None else len(struck["bars"])
        tempo = tempo_of(styles, Usual.of(self.engine.metadata)) if tempo_qpm is None else check_tempo(tempo_qpm)
        order = PieceOrder(
            bars=check_bars(bars), temperature=check_temperature(temperature), tempo_qpm=tempo,
            prior_temperature=check_temperature(prior_temperature, "prior_temperature"),
            vector=(lambda count: styling.offset_at(self.engine, styles, count)) if styles else None,
            guide=asked_guide(self.engine, bars, chords=chords, hits=struck, tempo_qpm=tempo),
        )  # fmt: skip
        first = check_seed(seed)
        seeds = [piece_seed(first, piece) for piece in range(check_pieces(n))]
        options: dict[str, Any] = {
            "bars": bars, "temperature": order.temperature, "tempo_qpm": order.tempo_qpm,
            "style": {vector.name: strength for vector, strength in styles} or None,
            "prior_temperature": None if order.prior_temperature == 1 else order.prior_temperature,
            "chords": chords,
            "inputs": self._inputs((), hits),
        }  # fmt: skip
        pieces = draw(self.engine, seeds, order)
        notices = hits_notices(bars, struck)
        named = zip(seeds, pieces, strict=True)
        return [replace(piece, provenance=self._story("generate", seed=s, **options), notices=notices) for s, piece in named]

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
        hits: Source | None = None,
        progress: Tell = lambda text: None,
    ) -> PieceBlend:
        """Blend two pieces in `steps` (2 to 1,000) pieces, both reconstructions included, as told in `compose.pieces.blending`.

        method: "slerp" or "lerp". align: "repeat", "pad" or "trim". spacing: "even" or "latent". refine: gradient steps on the
        codes of both ends. chords, hits: what all pieces are told (default: what each one's nearer end is). meters and keys
        are those of melodies; ValueError for others than the defaults. progress: hears how far it is.
        """
        if meters != "map" or keys != "switch":
            raise ValueError(f"{self.name} knows one meter and no keys: leave meters={meters!r} and keys={keys!r} out")
        taken = [self.take(source) for source in (a, b)]
        first, second = (found.music for found in taken)
        bars = (min if align == "trim" else max)(first.num_bars, second.num_bars)
        # A blend's tempo moves: the network hears each step's own.
        guide = None if chords is None and hits is None else self._guide(bars, chords, hits)
        story = self._story(
            "interpolate", seed=check_seed(seed), steps=steps, method=method, temperature=temperature, align=align, spacing=spacing,
            refine=refine, chords=chords, inputs=self._inputs((first, second), hits),
        )  # fmt: skip
        blend = blend_pieces(
            self.engine, first, second, steps, method=method, temperature=temperature, seed=story["seed"], alignment=align,
            spacing=spacing, refine=refine, guide=guide, provenance=story, tell=progress,
        )  # fmt: skip
        told = () if hits is None else hits_notices(bars, self._hits(hits))
        return replace(blend, notices=(*taken[0].notices, *taken[1].notices, *blend.notices, *told))

    def encode(self, source: Source, *, refine: int = 0, chords: Chords | None = None) -> PieceCode:
        """The code of a piece; refine: gradient steps towards it at encode time. Its `notices` say what was chosen and lost."""
        taken = self.take(source)
        code = coding.encode(self.engine, self._over(taken.music, chords), refine=refine)
        return replace(code, notices=(*taken.notices, *code.notices))

    def decode(
        self, code: PieceCode, *, temperature: float = 0.0, seed: int = 0, chords: Chords | None = None, hits: Source | None = None
    ) -> Piece:
        """The piece of a code, for the chords or hits it was encoded with unless others are given.

        ValueError for a code of another model, and for what the network cannot be told.
        """
        guide = None if chords is None and hits is None else self._guide(code.num_bars, chords, hits, code.tempo_qpm)
        story = self._story(
            "decode", seed=check_seed(seed), temperature=temperature, refine=code.refine, chords=chords, inputs=self._inputs((), hits)
        )
        piece = coding.decode(self.engine, code, temperature=temperature, seed=story["seed"], guide=guide, provenance=story)
        return self._noted(piece, hits)

    def reconstruct(
        self,
        source: Source,
        *,
        refine: int = 0,
        temperature: float = 0.0,
        seed: int = 0,
        chords: Chords | None = None,
        hits: Source | None = None,
    ) -> Piece:
        """What the network hears in a piece: its code, decoded. With `hits`: those, with the feel of the piece."""
        piece = self.take(source).music
        story = self._story(
            "reconstruct", seed=check_seed(seed), temperature=temperature, refine=refine, chords=chords,
            inputs=self._inputs((piece,), hits),
        )  # fmt: skip
        code = coding.encode(self.engine, self._over(piece, chords), refine=refine)
        guide = None if hits is None else self._guide(code.num_bars, None, hits, code.tempo_qpm)
        played = coding.decode(self.engine, code, temperature=temperature, seed=story["seed"], guide=guide, provenance=story)
        return self._noted(played, hits)

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
    ) -> Style[Piece]:
        """Learn a style from pieces (a folder or several sources), as told in `compose.pieces.learning`.

        Options are those of `compose.model.Model.learn_style`; attributes are those of `compose.pieces.attributes`.
        """
        self._refuse(meter=meter)
        lesson = Lesson(check_style_name(name), description, None, None if tempo_qpm is None else check_tempo(tempo_qpm))
        tell = progress or (lambda text: None)
        if attribute is not None and versus is not None:
            raise ValueError("an attribute needs no pieces to compare with: leave versus out, or the attribute")
        if attribute is None and examples is None:
            raise ValueError("say what to learn from: pieces that have the style, or an attribute such as 'density'")
        tell("reading pieces")
        found, others = (None if given is None else gather_pieces(given, self._wanted) for given in (examples, versus))
        if attribute is not None:
            pieces = None if found is None else found.pieces
            vector = learning.learn_from_attribute(self.engine, lesson, attribute, pieces, method=method, hold=hold, tell=tell)
        else:
            opposite = None if others is None else others.pieces
            vector = learning.learn_from_examples(self.engine, lesson, found.pieces if found else (), opposite, tell=tell)
        notices = (*(found.notices if found else ()), *(others.notices if others else ()), *few_notices(vector))
        written = self._library.add(vector, path, force=force) if keep or path is not None else None
        return Style(vector, self, written, notices)

    @property
    def _wanted(self) -> Wanted:
        return Wanted(self.material, self.engine.drum_map, self.engine.any_rhythm)

    def _inputs(self, pieces: Sequence[Piece], hits: Source | None = None) -> list[dict[str, str]] | None:
        """What provenance says of the pieces that a result was made from, the hits it was told last; None if of none."""
        every = [*pieces, *([] if hits is None else [self.take_hits(hits).music])]
        return [{"name": piece.name, "fingerprint": piece.fingerprint} for piece in every] or None

    def _hits(self, hits: Source) -> Columns:
        return self.take_hits(hits).music.columns

    def _guide(self, bars: int, chords: Chords | None, hits: Source | None, tempo_qpm: float = DEFAULT_TEMPO_QPM) -> Columns:
        struck = None if hits is None else self._hits(hits)
        return asked_guide(self.engine, bars, chords=chords, hits=struck, tempo_qpm=tempo_qpm)

    def _noted(self, piece: Piece, hits: Source | None) -> Piece:
        """The piece with a word on hits that were of another length."""
        return piece if hits is None else replace(piece, notices=(*piece.notices, *hits_notices(piece.num_bars, self._hits(hits))))

    def _over(self, piece: Piece, chords: Chords | None) -> Piece:
        """The piece with other chords; ValueError where the network takes none."""
        if chords is None:
            return piece
        if self.engine.guide != "chords":
            asked_guide(self.engine, piece.num_bars, chords=chords)
        return replace(piece, columns={**piece.columns, "chords": spread_chords(chords, piece.num_bars)})

    def _refuse(self, *, meter: str | Meter | None = None, key: str | Key | None = None) -> None:
        """ValueError for a meter other than 4/4, or 2/2 with its bars as long, and for a key."""
        if meter is not None and str(check_meter(meter)) not in ("4/4", "2/2"):
            raise ValueError(f"{self.name} knows 4/4 only, not {meter}: leave the meter out")
        if key is not None:
            raise ValueError(f"{self.name} makes {self.material} in no key that could be asked for: leave the key out")

    def _apply(
        self,
        source: Source,
        styles: Sequence[tuple[StyleVector, float]],
        *,
        temperature: float,
        seed: int,
        refine: int,
        chords: Chords | None = None,
    ) -> Piece:
        piece = self._over(self.take(source).music, chords)
        story = self._story(
            "restyle", seed=check_seed(seed), style={vector.name: s for vector, s in styles}, temperature=temperature, refine=refine,
            chords=chords, inputs=self._inputs((piece,)),
        )  # fmt: skip
        return styling.restyle_piece(
            self.engine, piece, styles, temperature=temperature, seed=story["seed"], refine=refine, provenance=story
        )
