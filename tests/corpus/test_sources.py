import json
from pathlib import Path

import numpy as np
import pytest

from musicvae.corpus.sources import from_recipe, normal_label, read_pop909
from musicvae.music.extract import extract_melody
from musicvae.music.key import Key
from musicvae.music.melody import Melody, Note
from musicvae.music.meter import Meter
from musicvae.music.midi import write_midi

ABC = "X:1\nT:The Old {kind}\nY:AAB\nR:{field}\nM:4/4\nL:1/4\nK:C\nP:A\nCDEF|\nP:B\nGABc|\n"


@pytest.mark.parametrize(
    ("stem", "field", "kind", "label"),
    [("jigs2", "reel", "x", "jig"), ("book", "Double Jig", "x", "jig"), ("book", "", "Hornpipe", "hornpipe"), ("book", "?", "Song", "")],
)
def test_abc_recipes_label_tunes_and_rename_fields(tmp_path, stem, field, kind, label):
    (tmp_path / f"{stem}.abc").write_text(ABC.format(field=field, kind=kind))
    recipe = {"name": "r", "reader": "abc", "files": "*.abc", "label": {"stems": {"jigs": "jig"}}, "fields": {"Y": "P"}}
    (tune,) = from_recipe(recipe, tmp_path)
    assert (tune.label, tune.source, tune.tune_id) == (label, "r", f"r/{stem}#1 The Old {kind}")
    assert len(tune.read().tracks[0].notes) == 12


def test_missing_files_are_told(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"no file fits '\*\.abc'"):
        list(from_recipe({"name": "r", "reader": "abc", "files": "*.abc"}, tmp_path))


def test_labels():
    assert [normal_label(text) for text in ("Slip  Jig", "REEL", "polka", "sonata")] == ["slip-jig", "reel", "polka", ""]


@pytest.mark.parametrize("beats_per_bar", [3, 4])
def test_pop909_onsets_follow_the_beats(tmp_path, beats_per_bar):
    # A song at an uneven tempo whose first beat comes after 0.4 s; the file itself says 120 a minute throughout.
    beat_seconds = 0.4 + np.cumsum(np.r_[0, np.tile([0.5, 0.62, 0.55], 20)])
    index = np.arange(len(beat_seconds))
    first = 2  # the first bar line
    half = (index - first) % (3 if beats_per_bar == 3 else 2) == 0
    whole = (index - first) % (6 if beats_per_bar == 3 else 4) == 0
    np.savetxt(tmp_path / "beat_midi.txt", np.stack([beat_seconds, half, whole], axis=1))
    (tmp_path / "key_audio.txt").write_text("0.0\t99.0\tBb:min\n")
    onset_beats = np.arange(1, 40, 0.5)
    seconds = np.interp(onset_beats, index, beat_seconds)
    # A grid of 1/100 s stands for the file's fine ticks: sixteenths at 1500 quarter notes a minute.
    ticks = np.rint(seconds * 100).astype(int)
    notes = tuple(Note(60 + i % 7, int(t), 5) for i, t in enumerate(ticks))
    write_midi([Melody(notes, Meter(4, 4), 200, 1500.0, name="MELODY")], tmp_path / "001.mid")
    found = extract_melody(read_pop909(tmp_path / "001.mid"))
    (line,) = found.lines
    meter = Meter(beats_per_bar, 4)
    assert (line.melody.meter, line.melody.key, line.has_pickup) == (meter, Key(10, "minor"), True)
    lead = meter.steps_per_bar - 4 * first
    assert [n.onset_steps for n in line.melody.notes] == [lead + round(4 * beat) for beat in onset_beats]


def test_the_recipes_are_complete():
    recipes = [json.loads(path.read_text(encoding="utf-8")) for path in sorted((Path(__file__).parents[2] / "data").glob("*.json"))]
    assert {"aird", "nottingham", "oneill", "openhymnal", "openscore-lieder", "pop909", "ryan"} <= {r["name"] for r in recipes}
    for recipe in recipes:
        assert {"name", "title", "licence", "origin", "taken", "base", "reader", "files", "label"} <= set(recipe)
        assert not recipe["files"].startswith("/")
