import json
from pathlib import Path

import pytest

from musicvae.compose.composing.form import parse_form, plan_of
from musicvae.compose.composing.piece import Composition


@pytest.fixture
def composer(model, tune, monkeypatch):
    """The stand-in, which composes too."""

    def compose(**options):
        model.calls.append(("compose", options))
        plan = plan_of(parse_form(options.get("form", "AABA")), options.get("bars", 34))
        return Composition(tune(bars=plan.num_bars), plan, ("calm leaves rests as they are",))

    monkeypatch.setattr(model, "compose", compose, raising=False)
    return model


def test_options_reach_the_model(run, composer):
    from musicvae.music.meter import Meter

    words = (
        "compose --form ABA --bars 24 --mood calm:1,density:-0.5 --mood dark --style waltz --meter 3/4 --vary 0.2 --section-bars 8 --seed 7"
    )
    code, out, err = run(*words.split(), "-o", "x.mid")
    assert (code, out) == (0, "x.mid\n")
    asked = composer.called("compose")
    assert asked["mood"] == {"calm": 1.0, "density": -0.5, "dark": 1.0}
    assert (asked["form"], asked["bars"], asked["style"], asked["vary"]) == ("ABA", 24, {"waltz": 1.0}, 0.2)
    assert (asked["meter"], asked["section_bars"], asked["seed"]) == (Meter(3, 4), 8, 7)
    assert "minutes" not in asked
    assert "calm leaves rests as they are" in err
    assert "A 1-8 B 9-16 A' 17-24" in err


@pytest.mark.parametrize(
    ("words", "key"),
    [("--scale|D dorian", "D dorian"), ("--scale|A minor pentatonic", "A minor"), ("--scale|Bb pentatonic", "Bb"),
     ("--scale|E blues", "E minor"), ("--scale|G harmonic minor", "G minor"),
     ("--scale|C", "C"), ("--scale|C D E G A", None), ("--scale|C whole tone", None),
     ("--scale|C|--key|A minor", "A minor"), ("--scale|C|--chords|Am F", None)],
)  # fmt: skip
def test_a_scale_with_a_tonic_is_the_key(run, composer, words, key):
    from musicvae.music.key import Key

    assert run("compose", "--bars", "16", "--seed", "7", "-o", "x.mid", *words.split("|"))[0] == 0
    assert composer.called("compose").get("key") == (None if key is None else Key.parse(key))


def test_chords_by_section_reach_the_model(run, fails, composer):
    assert run("compose", "--form", "AB", "--bars", "16", "--chords", "A: C Am F G; B: F G", "--seed", "7")[0] == 0
    assert composer.called("compose")["chords"] == "A: C Am F G; B: F G"
    fails(["compose", "--chords", "A: C; F"], "has no letter of a section")


def test_a_piece_lasts_a_minute_unless_told(run, composer):
    assert run("compose", "--seed", "7")[:2] == (0, "musicvae-7.mid\n")
    assert composer.called("compose")["minutes"] == 1.0


def test_a_curve_is_read_before_anything_is_computed(run, fails, composer):
    Path("curve.csv").write_text("second,tense\n0,0\n20,1\n")
    assert run("compose", "--curve", "curve.csv")[0] == 0
    assert composer.called("compose")["curve"].strengths["tense"].tolist() == [0, 1]
    fails("compose --curve nowhere.csv", "nowhere.csv does not exist")
    fails("compose --curve .", "is a folder")
    Path("curve.csv").write_text("tense\n")
    fails("compose --curve curve.csv", "a curve needs one of names")


def test_json_names_the_sections(run, composer):
    code, out, err = run("compose", "--form", "AABA", "--bars", "34", "--json", "--seed", "3")
    assert (code, err) == (0, "")
    found = json.loads(out)
    assert [(s["name"], s["start_bar"], s["bars"]) for s in found["sections"]][-2:] == [("A''", 25, 8), ("coda", 33, 2)]
    assert found["pieces"][0]["bars"] == 34
    assert found["notices"]


@pytest.mark.parametrize(
    ("words", "part"),
    [
        ("compose --form aaba", "try AABA"),
        ("compose --minutes 0", "--minutes"),
        ("compose --minutes 1 --bars 3", "not allowed with"),
        ("compose --mood calm:x", "'calm:x' is no style with a strength"),
        ("compose --section-bars 5", "4, 8, 16"),
        ("compose --vary 2", "a share from 0 to 1"),
        ("compose -o x.wav", "--wav"),
        (["compose", "--scale", "C", "--key", "F# major"], "a note that is not in the scale C"),
    ],
)
def test_slips_are_one_line(fails, composer, words, part):
    fails(words, part)
    assert not [name for name, _ in composer.calls if name == "compose"]
