import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from musicvae.cli.style import effect_lines, fact_lines
from musicvae.compose.library import StyleInfo
from musicvae.music.meter import Meter

REPORT = {
    "learnt": "attribute",
    "passages": 192,
    "strengths": [-1.0, 0.0, 1.0],
    "effects": {
        "density": {"standard_deviation": 2.0, "moves": [-1.02, 0.0, 0.98]},
        "interval": {"standard_deviation": 1.0, "moves": [0.25, 0.0, -0.25]},
    },
}


@dataclass
class FakeStyle:
    path: Path = Path("data") / "swing.safetensors"
    report: dict[str, Any] = field(default_factory=lambda: REPORT)
    notices: tuple[str, ...] = ("3 melodies were found in swing",)


@pytest.fixture
def styled(model, monkeypatch):
    """The stand-in with styles."""

    def restyle(melody, strengths, *, refine, chords, seed):
        model.calls.append(("restyle", {"strengths": strengths, "refine": refine, "chords": chords}))
        return melody.transposed(1)

    def learn(name, examples=None, **options):
        model.calls.append(("learn_style", {"name": name, "examples": examples, **options}))
        return FakeStyle()

    info = StyleInfo("jig", "shipped", None, Meter(6, 8), 112.5, "as jigs are", Path("melody.styles.safetensors"))
    monkeypatch.setattr(model, "restyle", restyle, raising=False)
    monkeypatch.setattr(model, "learn_style", learn, raising=False)
    monkeypatch.setattr(model, "styles", lambda: [info], raising=False)
    monkeypatch.setattr(model, "style", lambda name: FakeStyle(), raising=False)
    return model


def test_styles_are_applied(run, styled, two_tunes):
    code, out, err = run("style", "apply", "a.mid", "jig:+1.0", "density:-0.5", "swing", "-o", "out.mid", "--refine", "3")
    assert (code, out) == (0, "out.mid\n")
    assert styled.called("restyle") == {"strengths": {"jig": 1.0, "density": -0.5, "swing": 1.0}, "refine": 3, "chords": None}
    assert "a.mid: track" in err


def test_options_may_stand_between_the_input_and_the_styles(run, styled, two_tunes):
    assert run("style", "apply", "a.mid", "-o", "out.mid", "jig:-0.5")[0] == 0
    assert styled.called("restyle")["strengths"] == {"jig": -0.5}
    assert run("style", "apply", "a.mid", "jig")[1] == "a-styled.mid\n"


def test_a_style_file_may_have_a_colon_in_its_path(run, styled, two_tunes):
    assert run("style", "apply", "a.mid", "c:swing.safetensors", "d:reel.safetensors:0.5")[0] == 0
    assert styled.called("restyle")["strengths"] == {"c:swing.safetensors": 1.0, "d:reel.safetensors": 0.5}


def test_a_style_is_learnt_from_two_folders(run, styled, tmp_path):
    (tmp_path / "a").mkdir()
    (tmp_path / "b").mkdir()
    code, out, err = run("style", "learn", "swing", "--from", "a", "--versus", "b", "--description", "swings", "--meter", "4/4")
    assert (code, out) == (0, str(FakeStyle().path) + "\n")
    assert err == "3 melodies were found in swing\n"
    asked = styled.called("learn_style")
    assert asked == {
        "name": "swing", "examples": "a", "versus": "b", "attribute": None, "method": "joint", "meter": "4/4", "tempo_qpm": None,
        "description": "swings", "path": None, "force": False, "progress": asked["progress"],
    }  # fmt: skip


def test_a_style_is_learnt_from_an_attribute(run, styled):
    code, out, _ = run("style", "learn", "dense", "--attribute", "density", "-o", "d.safetensors", "--json")
    assert code == 0
    assert json.loads(out)["report"]["effects"]["density"]["moves"] == [-1.02, 0.0, 0.98]
    asked = styled.called("learn_style")
    assert (asked["attribute"], asked["examples"], asked["path"]) == ("density", None, "d.safetensors")


def test_styles_are_listed(run, styled):
    code, out, _ = run("style", "list")
    assert code == 0
    assert out.splitlines()[1].split() == ["jig", "shipped", "6/8", "as", "jigs", "are"]
    (listed,) = json.loads(run("style", "list", "--json")[1])["styles"]
    assert (listed["name"], listed["meter"], listed["tempo_qpm"]) == ("jig", "6/8", 112.5)


def test_a_report_shows_what_moves(run, styled):
    code, out, _ = run("style", "report", "dense")
    assert code == 0
    lines = out.splitlines()
    assert lines[0].startswith("moves, in standard deviations")
    assert lines[1].split() == ["density", "-1.02", "+0.00", "+0.98"]
    assert lines[2].split() == ["interval", "+0.25", "+0.00", "-0.25"]
    assert lines[3:] == ["learnt from an attribute, on 192 passages"]
    assert json.loads(run("style", "report", "dense", "--json")[1])["report"] == REPORT


def test_how_a_style_was_learnt_is_told_in_words():
    found = {
        "passages": 16, "standard_deviation": 0.18, "target": 0.136, "effect_at_0": -0.011, "effect_at_1": 0.1364, "effect_at_-1": -0.1,
        "reached": True, "reached_down": False,
    }  # fmt: skip
    report = {**REPORT, "method": "joint", "held": ["interval", "diatonic"], "calibration": found, "extra": {"x": 1}}
    assert fact_lines(report) == [
        "learnt from an attribute (method joint), on 192 passages",
        "meant to stay: interval, diatonic",
        "calibrated on 16 passages to move the mean by 0.136, one standard deviation",
        "there strength +1 moves it by +0.136, -1 by -0.100, and decoding alone by -0.011",
        "strength -1 adds less than that to what decoding does alone: it is as far as the model goes",
        "extra:", "  x: 1",
    ]  # fmt: skip
    examples = {"learnt": "examples", "passages": 1, "versus_passages": 5}
    assert fact_lines(examples) == ["learnt from examples, on 1 passage, beside 5 passages without it"]
    assert fact_lines({**examples, "versus_passages": None}) == ["learnt from examples, on 1 passage"]


@pytest.mark.parametrize("as_json", [False, True])
def test_progress_is_shown_on_a_terminal_but_not_beside_json(run, styled, monkeypatch, capsys, as_json):
    def learn(name, examples=None, *, progress, **options):
        progress("encoding 256 melodies")
        progress("calibrating on 64 passages")
        return FakeStyle(notices=())

    monkeypatch.setattr(styled, "learn_style", learn)
    monkeypatch.setattr("sys.stderr.isatty", lambda: True)
    code, _, err = run("style", "learn", "dense", "--attribute", "density", *(["--json"] if as_json else []))
    assert code == 0
    shown = [text.strip() for text in err.split("\r") if text.strip()]
    assert shown == ([] if as_json else ["encoding 256 melodies", "calibrating on 64 passages"])


def test_a_report_without_measurements():
    assert effect_lines({"learnt": "examples"}) == []


@pytest.mark.parametrize(
    ("words", "parts"),
    [
        ("style apply a.mid", ("required", "NAME:STRENGTH")),
        ("style apply a.mid jig:much", ("'jig:much'", "NAME:+1.0")),
        ("style apply a.mid jig:1 jig:2", ("'jig' is given twice",)),
        ("style apply none.mid jig:1", ("none.mid does not exist",)),
        ("style learn x", ("--from DIR_A", "--attribute")),
        ("style learn x --versus .", ("--from DIR_A",)),
        ("style learn x --from . --versus . --attribute density", ("--versus goes with --from",)),
        ("style learn x --from nowhere", ("nowhere is no folder",)),
        ("style learn x --from a.mid", ("a.mid is no folder",)),
        ("style learn x --attribute density -o a.mid", ("a.mid exists",)),
        ("style learn x --attribute density -o x.mid", (".safetensors",)),
        ("style learn x --attribute density --method both", ("unknown --method 'both'", "joint")),
    ],
)
def test_bad_words_are_refused_before_anything_is_computed(fails, styled, two_tunes, words, parts):
    fails(words, *parts)
    assert styled.calls == []
