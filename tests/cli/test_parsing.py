import argparse

import pytest
from hypothesis import given
from hypothesis import strategies as st

from musicvae.cli.main import build_parser
from musicvae.cli.parsing import new_seed, parse_strengths, positive_int, seed_number, temperature_number, tempo_number


def sub_parsers(parser):
    """Every parser of the command line with the words that lead to it."""
    yield parser.prog, parser
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            for inner in action.choices.values():
                yield from sub_parsers(inner)


PARSERS = dict(sub_parsers(build_parser()))


def test_all_commands_are_there():
    commands = {name.removeprefix("musicvae").strip() for name in PARSERS} - {""}
    wanted = {"generate", "interpolate", "style", "style learn", "style apply", "style list", "style report", "models", "encode", "decode",
              "reconstruct", "info", "train", "evaluate", "import", "presets", "humanize", "drumify",
              "groove-transfer", "compose", "vary", "continue", "repair", "score", "augment", "compress", "expand", "personalise",
              "corpus", "corpus build", "corpus report", "corpus inspect", "corpus sources"}  # fmt: skip
    assert commands == wanted


@pytest.mark.parametrize("name", PARSERS)
def test_every_command_has_help_with_an_example_in_plain_characters(name):
    text = PARSERS[name].format_help()
    assert "example:\n  " + name.split()[0] in text
    assert text.isascii()
    for action in PARSERS[name]._actions:
        assert action.help, f"{name}: {action.option_strings or action.dest} has no help"


@pytest.mark.parametrize("name", [name for name in PARSERS if name not in ("musicvae", "musicvae style", "musicvae corpus")])
def test_the_example_of_a_command_can_be_parsed(name):
    import shlex

    example = PARSERS[name].epilog.splitlines()[-1].strip()
    assert example.startswith(name)
    args = build_parser().parse_args(shlex.split(example)[1:])
    assert callable(args.run)


READING = ("interpolate", "style apply", "encode", "reconstruct", "info")


@pytest.mark.parametrize("name", READING)
def test_commands_that_read_a_file_let_the_user_choose_a_part(name):
    options = {word for action in PARSERS[f"musicvae {name}"]._actions for word in action.option_strings}
    assert {"--track", "--start-bar", "--bars"} <= options


@pytest.mark.parametrize(
    ("words", "parts"),
    [
        ("genrate", ("unknown command 'genrate'", "did you mean 'generate'?", "interpolate")),
        ("zzz", ("unknown command 'zzz'; allowed are generate",)),
        ("style aply", ("'aply' (did you mean 'apply'?)",)),
        ("generate --sed 3", ("unknown option '--sed' (did you mean '--seed'?)", "musicvae generate --help")),
        ("generate --temp 1", ("unknown option '--temp'",)),
        ("generate 16", ("one word too many: '16'",)),
        ("interpolate a.mid", ("the following arguments are required: B",)),
        ("interpolate a b --method slrp", ("unknown --method 'slrp' (did you mean 'slerp'?)",)),
        ("generate --bars 0", ("--bars", "0 is not a whole number from 1 up")),
        ("generate --bars 1.5", ("--bars", "'1.5' is not a whole number from 1 up")),
        ("generate --n -1", ("--n", "-1 is not a whole number")),
        ("generate --seed -1", ("--seed", "-1 is not a whole number from 0")),
        ("generate --tempo 0", ("--tempo", "0 is not a tempo above 0")),
        ("generate --temperature nan", ("--temperature", "nan is not")),
        ("style", ("learn, apply, list or report",)),
        ("--speed", ("unknown option '--speed'",)),
    ],
)
def test_a_slip_on_the_command_line_is_one_line(fails, words, parts):
    fails(words, *parts)


@pytest.mark.parametrize("text", ["1", "7", "1000"])
def test_whole_numbers(text):
    assert positive_int(text) == int(text)
    assert seed_number(text) == int(text)


def test_ranges_of_numbers():
    assert seed_number("9223372036854775807") == 2**63 - 1
    assert temperature_number("0") == 0.0
    assert tempo_number("0.5") == 0.5
    for convert, text in ((seed_number, "9223372036854775808"), (tempo_number, "inf"), (tempo_number, "0"), (temperature_number, "-0.1")):
        with pytest.raises(argparse.ArgumentTypeError, match="is not a"):
            convert(text)


@given(st.dictionaries(st.text("abc-:", min_size=1), st.floats(-10, 10), min_size=1, max_size=4))
def test_strengths_are_read_back(strengths):
    assert parse_strengths([f"{name}:{value!r}" for name, value in strengths.items()]) == strengths


def test_a_style_without_a_number_has_strength_one():
    assert parse_strengths(["jig", "density:-0.5", "x:+2"]) == {"jig": 1.0, "density": -0.5, "x": 2.0}


@pytest.mark.parametrize("word", ["jig:", "jig:x", ":1", "jig:nan", "jig:inf", ""])
def test_a_bad_strength_is_refused(word):
    with pytest.raises(ValueError, match=r"write NAME:\+1\.0 or NAME:-0\.5"):
        parse_strengths([word])


def test_a_style_given_twice_is_refused():
    with pytest.raises(ValueError, match="'jig' is given twice"):
        parse_strengths(["jig:1", "jig:2"])


def test_new_seeds_differ_and_are_short():
    seeds = {new_seed() for _ in range(20)}
    assert len(seeds) > 10
    assert all(0 <= seed < 2**31 for seed in seeds)
