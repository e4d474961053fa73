"""The ``config.json`` of a magenta.js folder: which published network it describes."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from musicvae.model.imports.fitting import fitted, misfits
from musicvae.model.published.config import PublishedConfig
from musicvae.model.published.presets import PUBLISHED
from musicvae.music.drum_maps import DRUM_MAPS

__all__ = ["SPEC", "checked_spec", "network_of"]

SPEC = "config.json"
Args = Mapping[str, Any]
Shapes = Mapping[str, tuple[int, ...]]

_NOTE_EVENTS = 2  # melody classes before the first pitch
_CHORDS = {"TriadChordEncoder": 49}
_NOT_HERE = {
    "MelodyRhythmConverter": "the rhythm of a melody without its pitches",
    "MelodyShapeConverter": "the contour of a melody without its pitches",
    "TrioRhythmConverter": "the rhythms of a trio without its pitches",
    "DrumsOneHotConverter": "drums whose input is one of 512 classes",
}
_PERFORMANCE_DEPTH = 490
_FORWARD = "control_preprocessing/cell_0/bidirectional_rnn/fw/multi_rnn_cell/cell_0/lstm_cell/bias"


def checked_spec(spec: Any) -> Args:
    """The same description; ValueError where it is none of a MusicVAE."""
    if not isinstance(spec, Mapping) or not isinstance(spec.get("dataConverter"), Mapping):
        raise ValueError(f"{SPEC} describes no magenta.js network: it has no dataConverter")
    if spec.get("type") != "MusicVAE":
        raise ValueError(f"{SPEC} describes a {spec.get('type')!r}, not a MusicVAE")
    return spec


def network_of(spec: Args, shapes: Shapes, name: str) -> PublishedConfig:
    """The network that a description and these tensors' shapes are of, hidden widths still those of a published one.

    It bears the name of the published configuration whose parts it has, else `name`. ValueError for what this
    project has no notes for, and for a malformed description.
    """
    converter = spec["dataConverter"]
    kind, args = str(converter.get("type")), converter.get("args", {})
    if not isinstance(args, Mapping):
        raise ValueError(f"{SPEC}: the args of {kind} are no object")
    if kind in _NOT_HERE:
        raise ValueError(f"{SPEC}: {kind} stands for {_NOT_HERE[kind]}, which cannot be imported")
    if kind not in _CONVERTERS:
        raise ValueError(f"{SPEC}: unknown converter {kind!r}; known are {', '.join(_CONVERTERS)}")
    if spec.get("useBooleanDecoder"):
        raise ValueError(f"{SPEC}: useBooleanDecoder (each output by itself on or off) is no part of a network here")
    start = _with_controls(_shaped(_CONVERTERS[kind](args), args), spec, shapes)
    return _named(start, shapes, name)


def _shaped(start: PublishedConfig, args: Args) -> PublishedConfig:
    """With the number of steps and of segments that the arguments state; segments bring a conductor and levels of the encoder."""
    steps = _whole(args, "numSteps")
    if args.get("numSegments") is None:
        return replace(start, steps=steps, segments=1, conductor_sizes=(), encoder_levels=())
    segments = _whole(args, "numSegments")
    if segments < 2 or steps % segments:
        raise ValueError(f"{SPEC}: {steps} steps cannot be cut into {segments} segments")
    changes: dict[str, Any] = {"steps": steps, "segments": segments, "encoder_levels": (steps // segments, segments)}
    return replace(start, conductor_sizes=start.conductor_sizes or (1,), encoder_sizes=start.encoder_sizes[:1], **changes)


def _with_controls(start: PublishedConfig, spec: Args, shapes: Shapes) -> PublishedConfig:
    """With chords as controls, where the description has them, and the layers that read them, where the tensors have."""
    others = [f"extraControls ({_control_name(each)})" for each in _listed(spec.get("extraControls"))]
    if spec.get("conditionOnKey"):
        others.append("conditionOnKey")
    if others:
        raise ValueError(f"{SPEC}: {' and '.join(others)} condition the network on what cannot be given here; of controls chords can")
    if start.control_depth:
        return start
    encoder = spec.get("chordEncoder")
    if encoder is None:
        return start
    if str(encoder) not in _CHORDS or f"{start.converter}-chords" not in {preset.config.converter for preset in PUBLISHED.values()}:
        raise ValueError(
            f"{SPEC}: {encoder} with {start.converter} cannot be given here; known is TriadChordEncoder with melodies or tracks"
        )
    sizes = (1,) if _FORWARD in shapes else ()
    return replace(start, converter=f"{start.converter}-chords", control_depth=_CHORDS[encoder], control_sizes=sizes)


def _named(start: PublishedConfig, shapes: Shapes, name: str) -> PublishedConfig:
    """Under the name of the published configuration of the same parts whose sizes are nearest, if there is one."""
    config = fitted(shapes, start)
    same = [preset.config for preset in PUBLISHED.values() if _parts(preset.config) == _parts(config)]
    if misfits(shapes, config) or not same:
        return replace(start, preset=same[0].preset if same else name)
    return replace(start, preset=min(same, key=lambda other: _distance(other, config)).preset)


def _parts(config: PublishedConfig) -> tuple[object, ...]:
    return (
        config.converter, config.steps, config.segments, config.encoder_levels, config.head, config.outputs, config.separate,
        config.input_depth, config.control_depth, config.min_pitch, bool(config.control_sizes),
    )  # fmt: skip


def _distance(a: PublishedConfig, b: PublishedConfig) -> int:
    """How far apart two networks are in size."""
    widths = [sum(c.encoder_sizes) + sum(c.decoder_sizes) + sum(c.conductor_sizes) + c.z_size for c in (a, b)]
    return abs(widths[0] - widths[1])


# -- converters


def _preset(name: str, **changes: Any) -> PublishedConfig:
    return replace(PUBLISHED[name].config, **changes)


def _melody(args: Args) -> PublishedConfig:
    lowest, depth = _melody_range(args, "MelodyConverter")
    return _preset("cat-mel_2bar_small", min_pitch=lowest, outputs=(depth,), input_depth=depth)


def _drums(args: Args) -> PublishedConfig:
    _check_nine(args)
    return _preset("cat-drums_2bar_small")


def _drum_roll(args: Args) -> PublishedConfig:
    classes = _drum_classes(args)
    if classes is not None and tuple(classes) == DRUM_MAPS["sixty-one"].classes:
        return _preset("nade-drums_2bar_full")
    _check_nine(args)
    return _preset("nade-drums_2bar_reduced")


def _trio(args: Args) -> PublishedConfig:
    lowest, melody = _melody_range(args.get("melArgs", args), "melArgs")
    lowest_bass, bass = _melody_range(args.get("bassArgs", args), "bassArgs")
    if lowest != lowest_bass:
        raise ValueError(f"{SPEC}: melody and bass begin at different pitches ({lowest} and {lowest_bass}), which cannot be imported")
    _check_nine(args.get("drumsArgs", {}))
    return _preset("hierdec-trio_16bar", min_pitch=lowest, outputs=(melody, bass, 512), input_depth=melody + bass + 512)


def _tracks(args: Args) -> PublishedConfig:
    lowest, highest = (_whole({key: args.get(key) or default}, key) for key, default in (("minPitch", 0), ("maxPitch", 127)))
    depth = 2 * (highest - lowest + 1) + _whole(args, "totalSteps") + _whole(args, "numVelocityBins") + 130
    if args.get("stepsPerQuarter") != 24 or depth != _PERFORMANCE_DEPTH:
        raise ValueError(f"{SPEC}: tracks of another vocabulary than the published one (24 steps a quarter, {_PERFORMANCE_DEPTH} events)")
    return _preset("hier-multiperf_vel_1bar_med")


def _groove(args: Args) -> PublishedConfig:
    if args.get("splitInstruments"):
        raise ValueError(f"{SPEC}: splitInstruments (a step for each drum) is no network of the published family here")
    _check_nine(args)
    if args.get("tapify"):
        return _preset("groovae_2bar_tap_fixed_velocity")
    return _preset("groovae_2bar_humanize") if args.get("humanize") else _preset("groovae_4bar")


_CONVERTERS: Mapping[str, Callable[[Args], PublishedConfig]] = {
    "MelodyConverter": _melody,
    "DrumsConverter": _drums,
    "DrumRollConverter": _drum_roll,
    "TrioConverter": _trio,
    "MultitrackConverter": _tracks,
    "GrooveConverter": _groove,
}


def _melody_range(args: Any, what: str) -> tuple[int, int]:
    """Lowest pitch and number of classes."""
    if not isinstance(args, Mapping):
        raise ValueError(f"{SPEC}: {what} is no object")
    lowest, highest = _whole(args, "minPitch"), _whole(args, "maxPitch")
    if not 0 <= lowest <= highest <= 127:
        raise ValueError(f"{SPEC}: pitches {lowest} to {highest} are no range of MIDI pitches")
    return lowest, highest - lowest + 1 + _NOTE_EVENTS


def _drum_classes(args: Any) -> list[tuple[int, ...]] | None:
    classes = args.get("pitchClasses") if isinstance(args, Mapping) else None
    if classes is None:
        return None
    if not isinstance(classes, list) or not all(isinstance(each, list) and each for each in classes):
        raise ValueError(f"{SPEC}: pitchClasses is no list of lists of pitches")
    if not all(isinstance(pitch, int) and 0 <= pitch <= 127 for each in classes for pitch in each):
        raise ValueError(f"{SPEC}: pitchClasses holds what is no MIDI pitch")
    return [tuple(each) for each in classes]


def _check_nine(args: Any) -> None:
    """ValueError unless the drums are in the nine classes of here, whatever further pitches each has."""
    classes = _drum_classes(args)
    if classes is None:
        return
    kit = DRUM_MAPS["nine"]
    if len(classes) != len(kit) or any(kit.class_of[each[0]] != number for number, each in enumerate(classes)):
        raise ValueError(f"{SPEC}: {len(classes)} drum classes that are none of the published drum maps")


def _whole(args: Args, key: str) -> int:
    value = args.get(key)
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    if not isinstance(value, int) or isinstance(value, bool) or value < 0:
        raise ValueError(f"{SPEC}: {key} is to be a whole number, got {value!r}")
    return value


def _listed(value: Any) -> Sequence[Any]:
    return value if isinstance(value, list) else []


def _control_name(control: Any) -> str:
    return str(control.get("name", "unnamed")) if isinstance(control, Mapping) else "unnamed"
