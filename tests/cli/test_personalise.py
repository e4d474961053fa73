import json
from pathlib import Path

import pytest

from musicvae.compose.personalising import personalise as module
from musicvae.compose.personalising.copying import Copying
from musicvae.compose.personalising.personalise import Personalised
from musicvae.train.adapter import Leaning


@pytest.fixture
def asked(monkeypatch):
    """What was asked for; nothing is learned."""
    calls = []

    def personalise(base, examples, path, **options):
        calls.append((base, examples, path, options))
        return Personalised(
            path,
            None,
            Copying(2, 0.3, 0.01, 0.0, 0.2, 0.5, 1.0),
            (Leaning(0, 2, 8, 0.0, None, 0.5),),
            61.4,
            (*examples.notices, "30% is copied"),
        )

    monkeypatch.setattr(module, "personalise", personalise)
    return calls


def test_a_model_of_ones_own(run, asked, two_tunes):
    code, out, err = run(*["personalise", "melody", ".", "-o", "mine.safetensors", "--seed", "4"])
    assert (code, out) == (0, "mine.safetensors\n")
    assert err == "2 melodies were found in .\n30% is copied\nlearned in 61 seconds\n"
    base, examples, path, options = asked[0]
    assert (base, path, len(examples.melodies), options["seed"]) == ("melody", Path("mine.safetensors"), 2, 4)


def test_json_says_whether_the_files_are_too_few(run, asked, two_tunes):
    code, out, _ = run(*["personalise", "melody", ".", "-o", "mine.safetensors", "--json"])
    result = json.loads(out)
    assert (code, result["too_few"], result["copying"]["drawn"]) == (0, True, 0.3)
    assert result["leanings"] == [{"kind": 0, "files": 2, "bars": 8, "gain_nats": 0.0, "caution": None, "effective": 0.5}]


@pytest.mark.parametrize(
    ("words", "parts"),
    [
        ("personalise melody none -o m.safetensors", ("none does not exist",)),
        ("personalise melody . -o m.mid", ("m.safetensors",)),
        ("personalise melody . -o a.mid", ("a.mid exists", "--force")),
        ("personalise melody .", ("-o/--output",)),
    ],
)
def test_slips(fails, asked, two_tunes, words, parts):
    fails(words, *parts)
    assert not asked
