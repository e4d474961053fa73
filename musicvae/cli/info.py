"""``musicvae info`` and ``musicvae models``: what there is, and what a model would take from a file."""

from __future__ import annotations

import argparse
import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from musicvae.cli.kept import describe_code, describe_safetensors
from musicvae.cli.parsing import Commands, add_command, add_selection
from musicvae.cli.sources import chosen_track
from musicvae.cli.terminal import Terminal, counted, table

if TYPE_CHECKING:
    from musicvae.compose.pieces.intake import Wanted
    from musicvae.compose.windows import Window
    from musicvae.music.extract import Extraction
    from musicvae.music.melody import Melody
    from musicvae.music.score import Score

__all__ = ["add_commands", "run_info", "run_models"]

_INFO = """
For a MIDI, MusicXML or ABC file: tracks, meters, tempi and keys, which track and bars a model
would take, in which windows, and what would be left out. For a model (a path or a name): its
configuration, training data, licences, measured figures and styles. For a code (.npz): what it holds."""
_MODELS = """
Models that come with the package and those in the folder 'models' of your data folder; --model takes a
name or a path. 'musicvae import' makes models of published weights, 'musicvae train' of your music."""
_SHOWN_CHANGES = 8
_STORY_BEGINS = ("made_by", "model", "hash", "seed")
_MODEL_BARS = 16  # span of the shipped models, assumed where no model was named


def add_commands(commands: Commands) -> None:
    """Add ``info`` and ``models``."""
    info = add_command(
        commands, "info", run_info, summary="show what a file or a model holds", text=_INFO, example="musicvae info tune.mid --track 2"
    )
    info.add_argument("what", metavar="FILE|MODEL", help="music file, model (.safetensors or a name) or code (.npz)")
    add_selection(info)
    info.add_argument("--model", metavar="MODEL", help="model that would take a music file (default: a shipped one, of drums or melodies)")
    info.add_argument("--json", action="store_true", help="print one JSON object instead of lines")
    models = add_command(commands, "models", run_models, summary="list the models at hand", text=_MODELS, example="musicvae models")
    models.add_argument("--json", action="store_true", help="print one JSON object instead of lines")


def run_models(args: argparse.Namespace, terminal: Terminal) -> None:
    """List the models at hand."""
    from musicvae.compose.library import available_models

    models = [{"name": name, "path": path, "description": text} for name, path, text in available_models()]
    rows = [(model["name"], model["description"], model["path"]) for model in models]
    for text in table(rows, heading=("model", "what it is", "file")):
        terminal.line(text)
    if not rows:
        terminal.line("no models at hand: 'musicvae train' and 'musicvae import' make some")
    terminal.finish({"command": "models", "models": models})


def run_info(args: argparse.Namespace, terminal: Terminal) -> None:
    """Show what a music file, a model or a code holds."""
    path = Path(args.what)
    if not path.is_file():
        from musicvae.compose.library import find_model

        path = find_model(args.what)[1]
    if path.suffix.lower() == ".safetensors":
        described = describe_safetensors(path, terminal)
    elif path.suffix.lower() == ".npz":
        described = describe_code(path, terminal)
    else:
        described = _music(path, args, terminal)
    terminal.finish({"command": "info", "path": path, **described})


def _music(path: Path, args: argparse.Namespace, terminal: Terminal) -> dict[str, Any]:
    from musicvae.music.extract import extract_melody
    from musicvae.music.reading import file_format, read_score

    kind = file_format(path)
    score = read_score(path, tune=args.tune - 1)
    described: dict[str, Any] = {"kind": kind, **_score(score)}
    _print_score(path, described, terminal)
    reader = _Reader.of(args.model) if args.model or not _only_drums(path, args) else _Reader(wanted=_plain_drums())
    try:
        if reader.wanted is not None:
            return {**described, "taken": _taken_piece(score, reader, args, terminal)}
        taken = extract_melody(score, track=chosen_track(args.track), start_bar=args.start_bar, bars=args.bars)
    except ValueError as error:  # what is in the file was asked for; that nothing can be taken is a part of the answer
        terminal.line(f"a model would take: nothing ({error})")
        return {**described, "taken": None, "why": str(error)}
    return {**described, "taken": _taken(taken, score, reader, terminal)}


def _only_drums(path: Path, args: argparse.Namespace) -> bool:
    from musicvae.compose.pieces.intake import holds_only_drums

    return holds_only_drums(path, tune=args.tune)


def _plain_drums() -> Wanted:
    from musicvae.compose.pieces.intake import Wanted

    return Wanted("drums")


def _score(score: Score) -> dict[str, Any]:
    from musicvae.music.provenance import provenance_of

    beat = score.ticks_per_beat
    tracks = [
        {
            "track": number, "name": track.name, "program": track.program, "drums": track.is_drum, "notes": len(track.notes),
            "lowest": min((note.pitch for note in track.notes), default=None),
            "highest": max((note.pitch for note in track.notes), default=None),
        }
        for number, track in enumerate(score.tracks, 1)
    ]  # fmt: skip
    return {
        "title": score.title,
        "length_beats": _end_ticks(score) / beat,
        "length_seconds": _seconds(score),
        "tracks": tracks,
        "meters": [{"beat": change.tick / beat, "meter": str(change.meter)} for change in score.meters],
        "tempi": [{"beat": change.tick / beat, "qpm": round(change.qpm, 3)} for change in score.tempi],
        "keys": [{"beat": change.tick / beat, "key": str(change.key)} for change in score.keys],
        "texts": list(score.texts),
        "provenance": provenance_of(score),
        "dropped_in_reading": dict(score.losses),
    }


def _end_ticks(score: Score) -> int:
    """Where the bar ends in which the last note does; a note that rings over by half a sixteenth opens no bar."""
    from musicvae.music.meter import STEPS_PER_BEAT, Meter

    end = max(score.end_ticks, score.length_ticks)
    tick, meter = next(((c.tick, c.meter) for c in reversed(score.meters) if c.tick <= end), (0, Meter(4, 4)))
    bar_ticks = meter.beats_per_bar * score.ticks_per_beat
    bars = math.ceil((end - tick - score.ticks_per_beat / STEPS_PER_BEAT / 2) / bar_ticks)
    return tick + round(max(0, bars) * bar_ticks)


def _seconds(score: Score) -> float:
    """Length with all changes of tempo; 120 quarter notes a minute until the first."""
    end, seconds, tick, qpm = _end_ticks(score), 0.0, 0, 120.0
    for change in score.tempi:
        until = min(change.tick, end)
        seconds += max(0, until - tick) / score.ticks_per_beat * 60 / qpm
        tick, qpm = max(tick, until), change.qpm
    return seconds + max(0, end - tick) / score.ticks_per_beat * 60 / qpm


def _print_score(path: Path, described: Mapping[str, Any], terminal: Terminal) -> None:
    from musicvae.music.provenance import entry_of

    seconds = round(described["length_seconds"])
    length = f"{seconds // 60}:{seconds % 60:02d} minutes" if seconds >= 60 else counted(seconds, "second")
    title = f", {described['title']!r}" if described["title"] else ""
    terminal.line(f"{path}: {described['kind']}{title}, {described['length_beats']:g} beats, {length}")
    rows = [
        (track["track"], track["name"] or "-", "drums" if track["drums"] else track["program"], track["notes"], _range(track))
        for track in described["tracks"]
    ]
    for text in table(rows, heading=("track", "name", "program", "notes", "pitches"), indent="  "):
        terminal.line(text)
    for name, key, unit in (("meters", "meter", ""), ("tempi", "qpm", " quarter notes a minute"), ("keys", "key", "")):
        terminal.line(f"{name}: {_changes(described[name], key, unit)}")
    for text in described["texts"]:
        entry = entry_of(text)
        if story := f"text: {text}" if entry is None else _story(entry):
            terminal.line(story)


def _story(entry: Mapping[str, Any]) -> str:
    """Where one of our own melodies came from, as in ``made by generate, model melody, seed 7``; "" where nothing is known."""
    first = [name for name in _STORY_BEGINS if name in entry]
    rest = [name for name in entry if name not in (*first, "melody", "inputs")]
    told = [f"{name.replace('_', ' ')} {_told(entry[name])}" for name in (*first, *rest)]
    inputs = entry.get("inputs", ())
    if isinstance(inputs, list) and inputs and all(isinstance(each, Mapping) for each in inputs):
        told.append("from " + " and ".join(f"{each.get('name')} ({each.get('fingerprint')})" for each in inputs))
    return " ".join(", ".join(told).split())


def _told(value: Any) -> str:
    """A value of provenance; strengths by name with their sign."""
    if isinstance(value, Mapping):
        return " and ".join(f"{name} {item:+g}" if isinstance(item, int | float) else f"{name} {item}" for name, item in value.items())
    return _value(value)


def _range(track: Mapping[str, Any]) -> str:
    return "-" if track["lowest"] is None else f"{track['lowest']}-{track['highest']}"


def _changes(changes: Sequence[Mapping[str, Any]], key: str, unit: str) -> str:
    """The first few changes, as in ``4/4, from beat 32 3/4``."""
    shown = []
    for change in changes[:_SHOWN_CHANGES]:
        since = f"from beat {change['beat']:g} " if change["beat"] else ""
        shown.append(f"{since}{_value(change[key])}{unit}")
    more = f", and {len(changes) - len(shown)} more" if len(changes) > len(shown) else ""
    return ", ".join(shown) + more if shown else "none stated"


def _value(value: object) -> str:
    return f"{value:g}" if isinstance(value, float) else str(value)


@dataclass(frozen=True)
class _Reader:
    """How a model takes music: model bars at once, whether always as many, and what it takes where it takes no melodies."""

    span_bars: int = _MODEL_BARS
    fixed: bool = False
    wanted: Wanted | None = None

    @classmethod
    def of(cls, model: str | None) -> _Reader:
        """That of the model with this name or path; None: of the shipped models."""
        if model is None:
            return cls()
        from musicvae.compose.library import checked_header, find_model

        header = checked_header(find_model(model)[1])
        if header.get("network") == "pieces":
            from musicvae.compose.pieces.intake import Wanted
            from musicvae.model.pieces.config import PieceConfig

            own = PieceConfig.from_dict(header["config"])
            return cls(own.max_bars, False, Wanted(own.material, own.drums, own.told == "taps"))
        if header.get("network") != "published":
            return cls(int(header["config"].get("max_bars", _MODEL_BARS)))
        from musicvae.compose.pieces.intake import Wanted
        from musicvae.model.published.config import PublishedConfig
        from musicvae.model.published.conversion import converter_for

        config = PublishedConfig.from_dict(header["config"])
        made = converter_for(config)
        wanted = Wanted(made.material, made.drum_map or "nine", made.name == "groove-tap")
        return cls(made.bars(config.steps), True, None if made.material == "melody" else wanted)

    def windows(self, melody: Melody) -> Sequence[Window]:
        """The windows that a melody is taken in; ValueError for a meter the model does not know."""
        from musicvae.compose.limits import check_kind
        from musicvae.compose.windows import fixed_windows, phrase_windows
        from musicvae.music.vocabulary import to_tokens

        if self.fixed:
            check_kind(melody.meter, (0,))
            return fixed_windows([to_tokens(melody)], max_bars=self.span_bars)
        return phrase_windows([to_tokens(melody)], melody.meter, max_bars=self.span_bars)


def _taken_piece(score: Score, reader: _Reader, args: argparse.Namespace, terminal: Terminal) -> dict[str, Any]:
    from musicvae.compose.pieces.intake import take_music

    assert reader.wanted is not None
    material = reader.wanted.material
    taken = take_music(score, reader.wanted, track=chosen_track(args.track), start_bar=args.start_bar, bars=args.bars)
    terminal.line(f"the model would take: {material}, {counted(taken.music.num_bars, 'bar')} of {taken.music.meter}")
    for text in taken.notices:
        terminal.line(f"  {text}")
    return {"material": material, "bars": taken.music.num_bars, "tempo_qpm": taken.music.tempo_qpm, "notices": taken.notices}


def _taken(taken: Extraction, score: Score, reader: _Reader, terminal: Terminal) -> dict[str, Any]:

    terminal.line(f"a model would take: track {taken.track} ({taken.why})")
    longest = max(taken.lines, key=lambda line: line.melody.num_bars)
    lines = []
    for line in taken.lines:
        melody = line.melody
        last = line.start_bar + melody.num_bars - 1
        ratio = melody.meter.written_per_model_bar
        windows = [
            (line.start_bar + window.start_bar * ratio, min(last, line.start_bar + (window.start_bar + window.num_bars) * ratio - 1))
            for window in reader.windows(melody)
        ]
        lines.append({
            "start_bar": line.start_bar, "bars": melody.num_bars, "meter": melody.meter, "key": melody.key, "tempo_qpm": melody.tempo_qpm,
            "notes": len(melody.notes), "windows": windows, "chosen": line is longest,
        })  # fmt: skip
        spans = ", ".join(f"{first}-{end}" for first, end in windows[:_SHOWN_CHANGES])
        spans += f" and {len(windows) - _SHOWN_CHANGES} more" if len(windows) > _SHOWN_CHANGES else ""
        choice = "" if line is longest else f"; shorter, so only with --start-bar {line.start_bar}"
        terminal.line(
            f"  bars {line.start_bar}-{last}: {melody.meter}, {melody.key or 'key unknown'}, {len(melody.notes)} notes, "
            f"{counted(len(windows), 'window')} ({spans}){choice}"
        )
    changes = Counter({"changes of tempo": sum(change.qpm != longest.melody.tempo_qpm for change in score.tempi)})
    losses = {**taken.losses, **+changes}
    terminal.line("left out: " + (", ".join(f"{reason}: {count}" for reason, count in losses.items()) or "nothing"))
    return {"track": taken.track, "why": taken.why, "lines": lines, "left_out": losses}
