import csv
import json
from pathlib import Path

import pytest

from musicvae.compose import library
from musicvae.compose import model as compose_model


@pytest.fixture
def loaded(model, monkeypatch):
    """The stand-in by its path, too; its variations differ, and it knows its hash."""
    monkeypatch.setattr(library, "find_model", lambda name: (name or "melody", Path("none")))
    monkeypatch.setattr(compose_model, "load", lambda path, threads=None: Varier(model))


class Varier:
    """Moves as many notes as are asked for, others in each variation."""

    hash = "abc"

    def __init__(self, plain):
        self.plain = plain
        self.take = plain.take

    def vary(self, melody, amount, n, *, seed):
        from dataclasses import replace

        from musicvae.compose.varying.results import Variations

        count, pieces = round(amount * len(melody.notes)), []
        for k in range(n):
            first = (seed + 3 * k) % (len(melody.notes) - count)
            notes = [replace(note, pitch=note.pitch + 12) if first <= i < first + count else note for i, note in enumerate(melody.notes)]
            pieces.append(replace(melody, notes=tuple(notes), provenance={"seed": k, "amount": amount}))
        return Variations(tuple(pieces), (), (amount,) * n, (amount,) * n)


@pytest.fixture
def tunes(tmp_path, tune):
    for label, shift in (("jig", 0), ("reel", 5)):
        (tmp_path / "tunes" / label).mkdir(parents=True)
        tune(shift, bars=8).write(tmp_path / "tunes" / label / "a.mid")
    return tmp_path / "tunes"


def test_a_folder_is_multiplied(run, loaded, tunes):
    code, out, err = run(*["augment", "tunes", "-o", "more", "--n", "2", "--amount", "0.25", "--seed", "3", "--jobs", "1"])
    assert (code, err) == (0, "4 variations of 2 sources, seed 3\n")
    assert out == "label  variations\njig             2\nreel            2\nmore/manifest.csv\nmore/manifest.json\n"
    with Path("more/manifest.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert [(row["path"], row["label"], row["source"]) for row in rows[:2]] == [
        ("jig/a-01.mid", "jig", "jig/a.mid"), ("jig/a-02.mid", "jig", "jig/a.mid"),
    ]  # fmt: skip
    assert [float(row["distance"]) for row in rows] == [0.25] * 4


def test_sources_that_were_left_out_are_not_counted(run, loaded, tunes):
    Path("tunes/reel/broken.mid").write_bytes(b"nothing")
    code, _, err = run(*["augment", "tunes", "-o", "more", "--n", "2", "--amount", "0.25", "--seed", "3", "--jobs", "1"])
    assert code == 0
    assert err.splitlines()[-1] == "4 variations of 2 sources, seed 3"
    assert "left out: 1" in err


def test_json_tells_the_same(run, loaded, tunes):
    code, out, err = run(*["augment", "tunes", "-o", "more", "--n", "1", "--amount", "0.25", "--seed", "3", "--jobs", "1", "--json"])
    assert (code, err) == (0, "")
    result = json.loads(out)
    assert (result["sources"], result["variations"], result["labels"], result["left_out"]) == (2, 2, {"jig": 1, "reel": 1}, [])


@pytest.mark.parametrize(
    ("words", "parts"),
    [
        ("augment none -o more", ("none does not exist",)),
        ("augment tunes -o more --amount 0", ("amount 0 gives copies",)),
        ("augment tunes -o more --amount 30", ("argument --amount: 30 is not a share from 0 to 1",)),
        ("augment tunes -o more --resume --force", ("give one of them",)),
        ("augment tunes -o more --resume", ("give the --seed",)),
        ("augment tunes/jig/a.mid -o more", ("give the folder that it lies in",)),
        ("augment tunes", ("-o/--output",)),
    ],
)
def test_slips(fails, loaded, tunes, words, parts):
    fails(words, *parts)
    assert not Path("more").exists()


def test_nothing_made_is_an_error(fails, loaded, tunes):
    for label in ("jig", "reel"):
        (tunes / label / "a.mid").write_bytes(b"MThd")
    fails("augment tunes -o more --seed 1 --jobs 1", "not one variation could be made: left out: 2 (")
    assert not Path("more").exists()
