"""What the description of a magenta.js network means; shapes do not matter here but where they are said to."""

from dataclasses import replace

import pytest
from model.imports.maker import tiny

from musicvae.model.imports.jsconfig import checked_spec, network_of
from musicvae.model.imports.layout import layout
from musicvae.music.converters import converter
from musicvae.music.drum_maps import DRUM_MAPS


def described(kind, shapes=None, *, name="folder", spec=None, **args):
    return network_of(checked_spec({"type": "MusicVAE", "dataConverter": {"type": kind, "args": args}, **(spec or {})}), shapes or {}, name)


MELODY = {"numSteps": 32, "minPitch": 21, "maxPitch": 108}


def shapes_of(config):
    return {move.source: move.shape for move in layout(config)}


def test_the_published_configuration_of_the_nearest_sizes_gives_the_name():
    config = replace(tiny("cat-mel_2bar_small"), encoder_sizes=(2000,), decoder_sizes=(2000, 2000, 2000))
    assert described("MelodyConverter", shapes_of(config), **MELODY).preset == "cat-mel_2bar_big"
    assert described("MelodyConverter", shapes_of(tiny("cat-mel_2bar_small")), **MELODY).preset == "cat-mel_2bar_small"


def test_a_network_of_no_published_length_bears_the_folders_name():
    config = described("MelodyConverter", name="mel_4bar", **{**MELODY, "numSteps": 64})
    assert (config.preset, config.steps, config.segments) == ("mel_4bar", 64, 1)


def test_segments_bring_a_conductor_and_levels():
    config = described("DrumsConverter", numSteps=64, numSegments=4)
    assert config.encoder_levels == (16, 4)
    assert config.segments == 4
    assert config.conductor_sizes
    assert converter(config.converter, outputs=config.outputs, steps=config.steps).outputs == (512,)


def test_a_smaller_range_of_pitches():
    config = described("MelodyConverter", numSteps=32, minPitch=48, maxPitch=83)
    assert (config.min_pitch, config.outputs, config.input_depth) == (48, (38,), 38)
    assert converter(config.converter, min_pitch=48, outputs=config.outputs).outputs == (38,)


def test_a_flat_trio_has_a_decoder_for_each_stream():
    config = described("TrioConverter", numSteps=32, melArgs=MELODY, bassArgs=MELODY, drumsArgs={})
    assert (config.separate, config.segments, config.outputs, config.input_depth) == (True, 1, (90, 90, 512), 692)


def test_layers_that_read_the_controls():
    config = tiny("cat-mel_2bar_med_chords", control_sizes=(3,))
    found = described("MelodyConverter", shapes_of(config), spec={"chordEncoder": "TriadChordEncoder"}, **MELODY)
    assert (found.converter, found.control_depth, len(found.control_sizes)) == ("melody-chords", 49, 1)


def test_drum_classes_of_any_known_map():
    for name in ("nine", "nine-old", "roland"):
        classes = [list(pitches) for pitches in DRUM_MAPS[name].classes]
        assert described("GrooveConverter", numSteps=32, pitchClasses=classes).converter == "groove"
    single = [list(pitches) for pitches in DRUM_MAPS["sixty-one"].classes]
    assert described("DrumRollConverter", numSteps=32, pitchClasses=single).outputs == (61,)


@pytest.mark.parametrize(
    ("kind", "args", "spec", "message"),
    [
        ("MelodyRhythmConverter", MELODY, {}, "stands for the rhythm of a melody without its pitches, which cannot be imported"),
        ("MelodyShapeConverter", MELODY, {}, "the contour of a melody"),
        ("TrioRhythmConverter", MELODY, {}, "the rhythms of a trio"),
        ("DrumsOneHotConverter", MELODY, {}, "input is one of 512 classes"),
        ("PianoConverter", MELODY, {}, "unknown converter 'PianoConverter'; known are MelodyConverter, "),
        (["MelodyConverter"], MELODY, {}, "unknown converter"),
        ("MelodyConverter", MELODY, {"useBooleanDecoder": True}, "useBooleanDecoder"),
        ("MelodyConverter", MELODY, {"conditionOnKey": True}, "conditionOnKey condition the network on what cannot be given"),
        ("MelodyConverter", MELODY, {"extraControls": [{"name": "contour", "depth": 3}, 7]}, r"extraControls \(contour\) and"),
        ("MelodyConverter", MELODY, {"chordEncoder": "PitchChordEncoder"}, "PitchChordEncoder with melody cannot be given"),
        ("MelodyConverter", MELODY, {"chordEncoder": {}}, "cannot be given"),
        ("DrumsConverter", {"numSteps": 32}, {"chordEncoder": "TriadChordEncoder"}, "TriadChordEncoder with drums cannot be given"),
        ("MelodyConverter", {**MELODY, "numSteps": None}, {}, "numSteps is to be a whole number, got None"),
        ("MelodyConverter", {**MELODY, "numSteps": -4}, {}, "numSteps is to be a whole number"),
        ("MelodyConverter", {**MELODY, "numSegments": 5}, {}, "32 steps cannot be cut into 5 segments"),
        ("MelodyConverter", {**MELODY, "numSegments": True}, {}, "numSegments is to be a whole number"),
        ("MelodyConverter", {"numSteps": 32}, {}, "minPitch is to be a whole number, got None"),
        ("MelodyConverter", {**MELODY, "minPitch": 109}, {}, "pitches 109 to 108 are no range"),
        ("TrioConverter", {"numSteps": 32, "melArgs": 3}, {}, "melArgs is no object"),
        ("TrioConverter", {"numSteps": 32, "melArgs": MELODY, "bassArgs": {**MELODY, "minPitch": 28}}, {}, "begin at different pitches"),
        ("MultitrackConverter", {"numSteps": 512, "stepsPerQuarter": 12, "totalSteps": 96, "numVelocityBins": 8}, {}, "another vocabulary"),
        ("MultitrackConverter", {"numSteps": 512, "stepsPerQuarter": 24, "totalSteps": 96, "numVelocityBins": 0}, {}, "another vocabulary"),
        ("GrooveConverter", {"numSteps": 32, "splitInstruments": True}, {}, "splitInstruments"),
        ("DrumsConverter", {"numSteps": 32, "pitchClasses": [[36], [38]]}, {}, "2 drum classes that are none of the published"),
        ("DrumsConverter", {"numSteps": 32, "pitchClasses": [[36], 38]}, {}, "no list of lists"),
        ("DrumsConverter", {"numSteps": 32, "pitchClasses": [["kick"]]}, {}, "what is no MIDI pitch"),
        ("DrumsConverter", {"numSteps": 32, "pitchClasses": [[200]]}, {}, "what is no MIDI pitch"),
    ],
)  # fmt: skip
def test_descriptions_that_cannot_be_imported(kind, args, spec, message):
    with pytest.raises(ValueError, match=rf"^config\.json: .*{message}"):
        described(kind, spec=spec, **args)


@pytest.mark.parametrize(
    ("spec", "message"),
    [
        ([], "no magenta.js network"), ({"config": "hier-mel_16bar"}, "it has no dataConverter"), ({"dataConverter": 3}, "no data"),
        ({"type": "MusicRNN", "dataConverter": {}}, "describes a 'MusicRNN', not a MusicVAE"),
    ],
)  # fmt: skip
def test_files_that_describe_something_else(spec, message):
    with pytest.raises(ValueError, match=message):
        checked_spec(spec)
