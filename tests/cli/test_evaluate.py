import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from musicvae.corpus.store import Corpus


class FakeEvaluation:
    def to_text(self) -> str:
        return "# Evaluation\n\n| a |\n"

    def to_dict(self) -> dict[str, Any]:
        return {"about": {"model": "m"}, "sections": {"reconstruction": {"rows": [{"bits": np.float64(1.5)}]}}}


@pytest.fixture
def evaluated(monkeypatch, model, tmp_path):
    """Calls of `musicvae.evaluate.run.evaluate`; m.safetensors and an empty corpus are there."""
    from musicvae.evaluate import run

    calls: list[dict[str, Any]] = []

    def fake(model, corpus, **options):
        options.pop("progress")("half done")
        calls.append({"model": model, "tunes": len(corpus), **options})
        return FakeEvaluation()

    monkeypatch.setattr(run, "evaluate", fake)
    (tmp_path / "m.safetensors").write_bytes(b"")
    Corpus(np.zeros((0, 16), np.uint8), *(np.zeros(0, np.int64) for _ in range(7))).save(tmp_path / "corpus")
    return calls


def test_tables_are_printed(run, model, evaluated):
    code, out, err = run("evaluate", "m.safetensors", "corpus", "--quick", "--seed", "4", "--threads", "1")
    assert (code, out, err) == (0, "# Evaluation\n\n| a |\n", "")
    assert evaluated == [{"model": model, "tunes": 0, "quick": True, "seed": 4}]
    assert model.called("load") == {"name": "m.safetensors", "device": "cpu", "threads": 1}


def test_as_json(run, evaluated):
    code, out, err = run("evaluate", "m.safetensors", "corpus", "--json")
    assert (code, err) == (0, "")
    assert json.loads(out)["sections"]["reconstruction"]["rows"] == [{"bits": 1.5}]
    assert evaluated[0]["quick"] is False


def test_models_of_pieces_have_tables_of_their_own(run, model, evaluated, monkeypatch):
    from musicvae.evaluate.pieces import run as pieces

    heard = []
    monkeypatch.setattr(type(model), "material", "drums")
    monkeypatch.setattr(type(model), "engine", SimpleNamespace(guide="taps", material="drums", drum_map="nine"), raising=False)
    monkeypatch.setattr(pieces, "evaluate_pieces", lambda model, corpus, **options: heard.append(options) or FakeEvaluation())
    code, out, err = run("evaluate", "m.safetensors", "corpus", "--quick")
    assert (code, out, err) == (0, "# Evaluation\n\n| a |\n", "")
    assert (heard[0]["quick"], evaluated) == (True, [])


@pytest.mark.parametrize(
    ("words", "parts"),
    [
        ("evaluate m.safetensors nowhere", ("nowhere does not exist",)),
        ("evaluate none.safetensors corpus", ("none.safetensors does not exist",)),
        ("evaluate m.safetensors", ("required", "CORPUS")),
    ],
)
def test_bad_words(fails, evaluated, words, parts):
    fails(words, *parts)
    assert evaluated == []
    assert not Path("m.md").exists()
