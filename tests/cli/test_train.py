import json
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from musicvae.cli.corpora import report_lines
from musicvae.corpus.store import Corpus
from musicvae.music.drum_maps import DRUM_MAPS
from musicvae.music.drums import DrumLine
from musicvae.music.melody import Melody, Note
from musicvae.music.meter import Meter
from musicvae.music.midi_writing import write_score


@pytest.fixture
def folder(tmp_path):
    """Sixty different tunes of eight bars and a file that is none."""
    rng = np.random.default_rng(0)
    (tmp_path / "tunes").mkdir()
    for k in range(60):
        pitches = rng.integers(60, 80, 32)
        notes = tuple(Note(int(pitch), 4 * i, 4) for i, pitch in enumerate(pitches))
        Melody(notes, num_bars=8).write(tmp_path / "tunes" / f"{k:02}.mid")
    (tmp_path / "tunes" / "bad.mid").write_bytes(b"not music")
    return tmp_path / "tunes"


@dataclass
class FakeResult:
    path: Path
    run_dir: Path
    steps: int = 3
    seconds: float = 60.0
    figures: dict[str, float] = field(default_factory=lambda: {"kl_bits": 190.5})
    prior: dict[str, float] = field(default_factory=dict)
    report: dict[str, Any] = field(default_factory=dict)
    rank: int = 0


@pytest.fixture
def trained(monkeypatch):
    """Calls of `musicvae.train.run.train`, which does nothing."""
    from musicvae.train import run

    calls: list[dict[str, Any]] = []

    def fake(corpus, out, **options):
        calls.append({"corpus": corpus, "out": out, **options})
        return FakeResult(Path(out), options["machine"].run_dir)

    monkeypatch.setattr(run, "train", fake)
    return calls


def test_the_data_is_reported_first(run, trained, folder):
    code, out, err = run("train", "tunes", "-o", "m.safetensors", "--preset", "tiny")
    assert code == 0
    lines = out.splitlines()
    assert lines[0] == "data: melody, 60 tunes, 60 lines, 480 bars"
    assert lines[1].startswith("files: 61 (")
    assert lines[1].endswith("), 60 gave something, 0 passed over")
    assert "left out 1:" in out
    assert "windows of 16 bars\n" in out
    assert lines[-1] == "m.safetensors"
    assert "validation: kl_bits 190.5" in err
    assert trained[0]["progress"] is True


def test_options_reach_the_run(run, trained, folder):
    words = (
        "train tunes -o m.safetensors --preset small --steps 7 --minutes 2.5 --batch 8 --seed 3 --target-bits 128 --lr 0.01 --patience 2 "
        "--prior-steps 9 --accelerator cpu --devices 2 --num-nodes 3 --strategy ddp --precision bf16-mixed --threads 1 "
        "--description folk --force --json"
    )
    code, out, err = run(*words.split())
    assert (code, err) == (0, "")
    (call,) = trained
    learning, machine = call["options"], call["machine"]
    assert (learning.max_steps, learning.max_minutes, learning.batch_size, learning.seed) == (7, 2.5, 8, 3)
    assert (learning.target_bits, learning.lr, learning.patience, learning.prior_steps) == (128.0, 0.01, 2, 9)
    assert (machine.accelerator, machine.devices, machine.num_nodes, machine.strategy) == ("cpu", 2, 3, "ddp")
    assert (machine.precision, machine.threads, machine.run_dir) == ("bf16-mixed", 1, Path("m.safetensors.run"))
    assert (call["resume"], call["force"], call["init_from"], call["progress"]) == (False, True, None, False)
    assert call["metadata"] == {"description": "folk"}
    assert call["config"].z_bar == 8
    result = json.loads(out)
    assert (result["path"], result["figures"]) == ("m.safetensors", {"kl_bits": 190.5})


def test_minutes_alone_bound_the_run(run, trained, folder):
    run("train", "tunes", "-o", "m.safetensors", "--preset", "tiny", "--minutes", "5", "--devices", "0,1")
    assert (trained[0]["options"].max_steps, trained[0]["options"].max_minutes) == (None, 5.0)
    assert trained[0]["machine"].devices == "0,1"


def test_a_resumed_run_keeps_its_data(run, trained, folder):
    assert run("train", "tunes", "-o", "m.safetensors", "--preset", "tiny")[0] == 0
    (folder / "00.mid").unlink()
    code, _, err = run("train", "tunes", "-o", "m.safetensors", "--preset", "tiny", "--resume")
    assert code == 0
    assert "what the run began with" in err
    assert len(trained[1]["corpus"]) == 60
    assert trained[1]["resume"] is True


def test_a_corpus_is_taken_as_it_is(run, trained, folder):
    from musicvae.corpus.build import build_corpus

    build_corpus([folder], "corpus", engine="inline")
    assert run("train", "corpus", "-o", "m.safetensors", "--preset", "tiny")[0] == 0
    assert len(trained[0]["corpus"]) == 60
    assert not Path("m.safetensors.run").exists()


def test_other_processes_of_a_run_print_no_report(run, trained, folder, monkeypatch):
    Path("m.safetensors").write_text("")  # the first process has checked it
    monkeypatch.setenv("LOCAL_RANK", "1")
    code, out, _ = run("train", "tunes", "-o", "m.safetensors", "--preset", "tiny")
    assert code == 0
    assert "data:" not in out
    assert not Path("m.safetensors.run").exists()


@pytest.mark.parametrize(
    ("words", "parts"),
    [
        ("train tunes", ("required", "-o")),
        ("train tunes -o m.mid", (".safetensors",)),
        ("train tunes -o old.safetensors", ("old.safetensors exists", "--force")),
        ("train tunes -o run.safetensors", ("interrupted run", "--resume", "--force")),
        ("train tunes -o nowhere/m.safetensors", ("folder nowhere",)),
        ("train nowhere -o m.safetensors", ("nowhere does not exist",)),
        ("train tunes -o m.safetensors --preset huge", ("unknown preset 'huge'", "tiny")),
        ("train tunes -o m.safetensors --init-from nope", ("unknown model 'nope'",)),
        ("train tunes -o m.safetensors --resume --force", ("give one of them",)),
        ("train tunes -o m.safetensors --batch 0", ("--batch",)),
    ],
)
def test_bad_words_are_refused_before_anything_is_read(fails, trained, folder, words, parts):
    Path("old.safetensors").write_text("")
    Path("run.safetensors.run").mkdir()
    fails(words, *parts)
    assert trained == []


def test_too_little_data_says_how_much_is_needed(run, trained, tmp_path):
    (tmp_path / "few").mkdir()
    Melody(tuple(Note(60 + i % 12, 4 * i, 4) for i in range(32)), num_bars=8).write(tmp_path / "few" / "a.mid")
    code, out, err = run("train", "few", "-o", "m.safetensors", "--preset", "tiny")
    assert code == 2
    assert out.startswith("data: melody, 1 tune, 1 line, 8 bars\n")
    assert err.startswith("musicvae: too little data")
    assert "needed" in err
    assert err.count("\n") == 1
    assert sorted(path.name for path in tmp_path.iterdir()) == ["few"]
    assert trained == []


def test_a_folder_without_music(run, trained, tmp_path):
    (tmp_path / "empty").mkdir()
    code, out, err = run("train", "empty", "-o", "m.safetensors")
    assert (code, err.count("\n")) == (2, 1)
    assert "data: melody, 0 tunes, 0 lines, 0 bars" in out


def test_reasons_are_told_with_the_most_frequent_first():
    reasons = {f"reason {k}": {"count": k, "examples": [f"{k}.mid"]} for k in range(1, 21)}
    report = {
        "files": 300, "files_read": 90, "tunes_found": 300, "unreadable": reasons, "duplicates": {"removed": 4},
        "losses": {"notes in a second voice": 7},
    }  # fmt: skip
    bars = np.zeros((20, 16), np.uint8)
    bars[:, ::4] = 40
    bars[17:] = 0
    zeros = np.zeros(2, np.int64)
    corpus = Corpus(
        bars, np.array([0, 16]), np.array([16, 4]), zeros, np.array([0, 1]), zeros, zeros - 1, zeros, sources=("a",), report=report
    )
    lines = report_lines(corpus)
    assert "  left out 20: reason 20 (such as 20.mid)" in lines
    assert "  left out 36 for 8 other reasons" in lines
    assert "tunes: 300 found, 4 dropped as near-duplicates" in lines
    assert "  lost inside tunes: notes in a second voice: 7" in lines
    assert [line.split() for line in lines if line.strip().startswith(("train", "validation"))] == [
        ["train", "1", "0", "0"], ["validation", "0", "0", "0"],
    ]  # fmt: skip
    assert "  no window: tunes shorter than a window: 1" in lines


@pytest.fixture
def beats(tmp_path):
    """Forty beats of eight bars, each with a fill of its own."""
    rng = np.random.default_rng(0)
    (tmp_path / "beats").mkdir()
    for k in range(40):
        hits = np.zeros((8, 16), np.uint64)
        hits[:, ::4], hits[:, 4::8] = 1 + 4, 2 + 4
        hits[:, rng.integers(0, 16, 4)] |= np.uint64(1 << int(rng.integers(3, 9)))
        score = DrumLine(hits, Meter(4, 4), 8, 1, 0, 120.0).to_score(DRUM_MAPS["nine"])
        write_score(score, tmp_path / "beats" / f"{k:02}.mid")
    return tmp_path / "beats"


def test_from_files_what_the_network_is_for_is_taken(run, trained, beats):
    code, out, _ = run("train", "beats", "-o", "m.safetensors", "--preset", "cat-drums_2bar_small")
    assert code == 0
    assert out.startswith("data: drums, ")
    (call,) = trained
    assert call["corpus"].options["drum_map"] == "nine-old"
    assert call["config"].preset == "cat-drums_2bar_small"
    options = call["options"]
    assert (options.batch_size, options.max_steps, options.free_bits, options.max_beta) == (512, 200_000, 48.0, 0.2)


def test_what_is_asked_for_goes_before_the_recipe(run, trained, folder):
    words = (
        "train tunes -o m.safetensors --preset cat-mel_2bar_small --batch 32 --free-bits 64 --max-beta 0.5 --lr 0.01 --pieces 4 --minutes 3"
    )
    assert run(*words.split())[0] == 0
    options = trained[0]["options"]
    assert (options.batch_size, options.free_bits, options.max_beta, options.lr, options.pieces) == (32, 64.0, 0.5, 0.01, 4)
    assert (options.max_steps, options.max_minutes, options.beta_rate, options.transpose) == (None, 3.0, 0.99999, 5)


def test_without_a_preset_the_network_is_that_of_the_model_to_start_from(run, trained, folder):
    import torch

    from musicvae.model.published.presets import PUBLISHED
    from musicvae.model.published.vae import PublishedVAE
    from musicvae.model.weights import save_model

    config = replace(PUBLISHED["cat-mel_2bar_small"].config, preset="mel_mini", z_size=4, encoder_sizes=(8,), decoder_sizes=(8,))
    torch.manual_seed(0)
    save_model("start.safetensors", PublishedVAE(config), metadata={})
    assert run("train", "tunes", "-o", "m.safetensors", "--init-from", "start.safetensors")[0] == 0
    assert trained[0]["config"] == config
    assert trained[0]["options"].sampling == "inverse_sigmoid"


def test_a_start_of_another_network_leaves_nothing_behind(run, trained, folder):
    import torch

    from musicvae.model.published.presets import PUBLISHED
    from musicvae.model.published.vae import PublishedVAE
    from musicvae.model.weights import save_model

    torch.manual_seed(0)
    config = replace(PUBLISHED["cat-mel_2bar_small"].config, z_size=4, encoder_sizes=(8,), decoder_sizes=(8,))
    save_model("start.safetensors", PublishedVAE(config), metadata={})
    for preset, message in (("cat-mel_2bar_big", "start.safetensors cannot be started from"), ("tiny", "one of our own is needed")):
        code, _, err = run("train", "tunes", "-o", "m.safetensors", "--preset", preset, "--init-from", "start.safetensors", "--batch", "8")
        assert code == 2
        assert err.startswith("musicvae: start.safetensors")
        assert message in err
        assert not list(Path().glob("m.safetensors*"))
    assert trained == []


@pytest.mark.parametrize(
    ("words", "parts"),
    [
        ("train tunes -o m.safetensors --preset hier-mel", ("unknown preset 'hier-mel'", "hier-mel_16bar", "musicvae presets")),
        (
            "train tunes -o m.safetensors --preset hier-mel_16bar --target-bits 9",
            ("--target-bits is for networks of this project", "--free-bits"),
        ),
        ("train tunes -o m.safetensors --preset tiny --free-bits 9", ("--free-bits is for published networks", "--target-bits")),
        ("train tunes -o m.safetensors --preset hier-mel_16bar --max-beta -1", ("--max-beta", "from 0 up")),
    ],
)
def test_options_of_the_other_family_are_refused(fails, trained, folder, words, parts):
    fails(words, *parts)
    assert trained == []


def test_a_corpus_of_another_material_is_refused(run, trained, folder):
    from musicvae.corpus.build import build_corpus

    build_corpus([folder], "corpus", engine="inline")
    code, _, err = run("train", "corpus", "-o", "m.safetensors", "--preset", "groovae_4bar")
    assert code == 2
    assert "this corpus holds melody, and groove is needed" in err
