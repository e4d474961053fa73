"""What a model of drums or grooves does with whole files: humanise, transfer a groove, make a beat of a rhythm.

The functions are those of `musicvae`, with the shipped models; the methods are for a model that is at hand.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from numbers import Real
from pathlib import Path
from typing import TYPE_CHECKING, Any

from musicvae.compose.engine import Floats
from musicvae.compose.grooving.drumify import BeatOrder
from musicvae.compose.grooving.drumify import drumify as make_beat
from musicvae.compose.grooving.engine import require_kind
from musicvae.compose.grooving.feel import Chance
from musicvae.compose.grooving.humanize import PlayOrder
from musicvae.compose.grooving.humanize import humanize as play_file
from musicvae.compose.grooving.rendition import Rendition
from musicvae.compose.intake import Source
from musicvae.compose.limits import check_seed, check_temperature
from musicvae.compose.pieces.engine import PieceEngine
from musicvae.compose.pieces.styling import offset_of
from musicvae.compose.styled import LoadedModel, Styles
from musicvae.music.drum_map_files import Kit, kit_of
from musicvae.music.piece import Piece

if TYPE_CHECKING:
    from musicvae.compose.pieces.model import PieceModel

__all__ = ["DEFAULT_TEMPERATURE", "DRUMMER", "PLAYER", "GroovingModel", "drumify", "groove_transfer", "humanize", "playing_model"]

PLAYER, DRUMMER = "groove", "drumify"
"""Names of the models that are loaded where none is given."""
DEFAULT_TEMPERATURE = 0.5
"""Of humanising: bars that return are not played quite alike, and nobody stumbles."""
_Tracks = Sequence[int | str] | int | str


class GroovingModel(LoadedModel[PieceEngine, Piece]):
    """The part of a model of pieces that plays whole files."""

    def humanize(
        self, source: Source, *, style: Styles | None = None, amount: float = 1.0, temperature: float = DEFAULT_TEMPERATURE,
        seed: int | None = None, track: int | str | None = None, apply_to: _Tracks = (), afresh: bool = False,
        drum_map: str | Path | Kit | None = None, like: Source | None = None, lead_in_bars: int = 0,
    ) -> Rendition:  # fmt: skip
        """The file with human velocity and timing for its drum hits; all else in it stays.

        style: of feel, a name or strengths by name. amount: 0 (the very same file) to 1, of timing and velocity. temperature: 0 plays
        the expected way, 1 as freely as drummers do. track: the drums (default: those on the drum channel). apply_to: pitched tracks, by
        number from 1 or part of a name, that take their timing from the beat. afresh: timing that the beat has already is taken away
        first, instead of being added to. drum_map: whose notes are written, "gm", "td11" or a TOML file (default: those of the file).
        like: a performance, such as what a beat was made from; hits that it has too are played as there, the others with its feel.
        lead_in_bars: silent bars at the start, for files that are to begin alike; 1 comes anyway where the first hit is early. ValueError
        for a model that plays no given hits, and as `compose.grooving.humanize`.
        """
        require_kind(self.engine, "hits", self.name, "humanise")
        others = () if like is None else (like,)
        order = self._play_order("humanize", source, others, amount, temperature, seed, style, track, apply_to, afresh, drum_map)
        return play_file(self.engine, source, replace(order, lead_in_bars=lead_in_bars), like=like, keep=True)

    def groove_transfer(
        self, pattern: Source, performance: Source, *, style: Styles | None = None, amount: float = 1.0, temperature: float = 0.0,
        seed: int | None = None, track: int | str | None = None, performance_track: int | str | None = None, apply_to: _Tracks = (),
        drum_map: str | Path | Kit | None = None,
    ) -> Rendition:  # fmt: skip
        """The hits of one file with the feel of another, repeated where it is shorter; options as those of `humanize`.

        Hits that both have are played as in the performance, unless a style or a temperature asks otherwise. The pattern's own timing is
        taken away, but for hits that are further from a sixteenth than played ones (triplets).
        """
        require_kind(self.engine, "hits", self.name, "transfer grooves")
        order = self._play_order(
            "groove-transfer", pattern, (performance,), amount, temperature, seed, style, track, apply_to, True, drum_map
        )
        keep = order.vector is None and temperature == 0
        return play_file(self.engine, pattern, order, like=performance, like_track=performance_track, keep=keep)

    def drumify(
        self, source: Source, *, player: GroovingModel | None, style: Styles | None = None, temperature: float = DEFAULT_TEMPERATURE,
        seed: int | None = None, track: int | str | None = None, keep: bool = False, drum_map: str | Path | Kit | None = None,
        tune: int = 1,
    ) -> Rendition:  # fmt: skip
        """A beat for a rhythm: the onsets of `track` (default: the drums, else the melody), as long as the input.

        player: the model that plays the beat; None leaves it stiff. style: of the beat, of its feel, or both. temperature: 0 takes the
        beat to be expected, hit by hit. keep: with the input's other tracks. tune: which one of an ABC file, from 1. ValueError for a
        model that takes no taps, and as `compose.grooving.drumify`.
        """
        require_kind(self.engine, "taps", self.name, "make a beat of a rhythm")
        if player is not None:
            require_kind(player.engine, "hits", player.name, "play a beat")
        strengths = {style: 1.0} if isinstance(style, str) else dict(style or {})
        own = _known(self, strengths)
        feel = {} if player is None else _known(player, strengths)
        if unknown := [name for name in strengths if name not in own and name not in feel]:
            self._vectors({unknown[0]: 1.0})  # which says what is known
        chance = Chance(check_seed(seed), check_temperature(temperature))
        kit = None if drum_map is None else kit_of(drum_map)
        story = self._story(
            "drumify", seed=chance.seed, temperature=temperature, style=strengths or None, track=track, keep=keep or None,
            player=None if player is None else player.name, player_hash=None if player is None else player.hash,
            drum_map=None if kit is None else kit.name, inputs=_inputs(source),
        )  # fmt: skip
        feel_vector = None if player is None else player._vector(feel)
        player_chance = Chance(chance.seed, DEFAULT_TEMPERATURE, centred=True)
        order = BeatOrder(chance, player_chance, self._vector(own), feel_vector, track, keep, kit, story)
        return make_beat(self.engine, None if player is None else player.engine, source, order, tune=tune)

    def _vector(self, styles: Styles | None) -> Floats | None:
        """What styles add to z, (Z,); None for none."""
        return offset_of(self._vectors(styles), self.engine.config.z_size) if styles else None

    def _play_order(
        self, made_by: str, source: Source, others: Sequence[Source], amount: float, temperature: float, seed: int | None,
        style: Styles | None, track: int | str | None, apply_to: _Tracks, afresh: bool, drum_map: str | Path | Kit | None,
    ) -> PlayOrder:  # fmt: skip
        chance = Chance(check_seed(seed), check_temperature(temperature), centred=True)
        followers = (apply_to,) if isinstance(apply_to, int | str) else tuple(apply_to)
        kit = None if drum_map is None else kit_of(drum_map)
        strengths = {style: 1.0} if isinstance(style, str) else dict(style or {})
        story = self._story(
            made_by, seed=chance.seed, temperature=temperature, amount=_share(amount), style=strengths or None, track=track,
            apply_to=list(followers) or None, afresh=afresh or None, drum_map=None if kit is None else kit.name,
            inputs=_inputs(source, *others),
        )  # fmt: skip
        return PlayOrder(chance, amount, self._vector(strengths), track, followers, afresh, kit, story)


def humanize(source: Source, *, model: str | Path | PieceModel | None = None, **options: Any) -> Rendition:
    """The file with human velocity and timing, as `GroovingModel.humanize`; model: a loaded one, its name or path (default: "groove")."""
    return _loaded(model, PLAYER).humanize(source, **options)


def groove_transfer(pattern: Source, performance: Source, *, model: str | Path | PieceModel | None = None, **options: Any) -> Rendition:
    """The hits of `pattern` with the feel of `performance`, as `GroovingModel.groove_transfer`; model: as for `humanize`."""
    return _loaded(model, PLAYER).groove_transfer(pattern, performance, **options)


def drumify(
    source: Source, *, model: str | Path | PieceModel | None = None, player: str | Path | PieceModel | None = None, stiff: bool = False,
    **options: Any,
) -> Rendition:  # fmt: skip
    """A beat for a rhythm, as `GroovingModel.drumify`; model: default "drumify"; player: default "groove"; stiff: none plays it."""
    return _loaded(model, DRUMMER).drumify(source, player=None if stiff else _loaded(player, PLAYER), **options)


def playing_model(model: Any, example: str) -> GroovingModel:
    """The model as one that plays files; ValueError for a model of melodies, naming an example of what is needed."""
    if not isinstance(model, GroovingModel):
        raise ValueError(f"{model.name} is a model of {model.material}: leave the model out, or give one such as {example!r}")
    return model


def _loaded(model: str | Path | PieceModel | None, default: str) -> GroovingModel:
    from musicvae.compose.model import load

    return playing_model(load(default if model is None else model) if model is None or isinstance(model, str | Path) else model, default)


def _known(model: GroovingModel, strengths: dict[str, float]) -> dict[str, float]:
    """Those of the styles that a model has; paths of files are the drummer's."""
    names = {style.name for style in model.styles()}
    return {name: strength for name, strength in strengths.items() if name in names}


def _share(amount: object) -> float:
    """An amount, 0 to 1; ValueError otherwise."""
    if isinstance(amount, bool) or not isinstance(amount, Real) or not 0 <= float(amount) <= 1:
        raise ValueError(f"amount must be a number from 0 (as it was) to 1 (all of the feel), got {amount!r}: was a percentage meant?")
    return float(amount)


def _inputs(*sources: Source) -> list[dict[str, str]]:
    """What provenance says of what a result was made from: name and a fingerprint of the notes, or of the file."""
    import hashlib

    from musicvae.compose.grooving.rendition import bytes_of

    found = [bytes_of(source) for source in sources]
    return [{"name": name, "fingerprint": hashlib.sha256(data).hexdigest()[:12]} for name, data, _ in found]
