import csv
import json
import shutil

import pytest
from compose.fake_engine import FakeEngine, tune

from musicvae.compose import library
from musicvae.compose import model as compose_model
from musicvae.compose.augmenting import folder as module
from musicvae.compose.augmenting.augment import Limits
from musicvae.compose.augmenting.folder import augment_folder, sources_in
from musicvae.compose.intake import read
from musicvae.compose.model import Model

ABC = "X:1\nT:One\nR:jig\nM:4/4\nL:1/8\nK:C\nCDEFGABc|cBAGFEDC|\n\nX:2\nT:Two\nR:reel\nM:4/4\nL:1/8\nK:C\nCEGcCEGc|cGECcGEC|\n"
LIMITS = Limits(3, (0.2, 0.4))


@pytest.fixture
def tunes(tmp_path):
    """Two labels, a book of two tunes, and a file that holds nothing."""
    folder = tmp_path / "tunes"
    for number, label in enumerate(["jig", "jig", "slow/air"]):
        (folder / label).mkdir(parents=True, exist_ok=True)
        tune(number, 8).write(folder / label / f"{number}.mid")
    (folder / "book.abc").write_text(ABC)
    (folder / "jig" / "broken.mid").write_bytes(b"MThd")
    return folder


@pytest.fixture
def loaded(monkeypatch, tmp_path):
    """A model without weights, and how many sources it was given."""
    monkeypatch.setattr(library, "find_model", lambda name: (name or "melody", tmp_path / "none"))
    monkeypatch.setattr(compose_model, "load", lambda path, threads=None: Model(FakeEngine(lossy=0.8)))
    seen = []
    monkeypatch.setattr(module, "augment", lambda *a, plain=module.augment, **k: seen.append(a) or plain(*a, **k))
    return seen


def contents(folder):
    return {str(path.relative_to(folder)): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}


def test_no_two_tunes_have_variations_of_one_name(tmp_path):
    folder = tmp_path / "alike"
    folder.mkdir()
    for name in ("book-1.mid", "book.mid", "other.mid"):
        tune(1, 8).write(folder / name)
    (folder / "book.abc").write_text(ABC)
    targets = {source.name: source.target(1, 3) for source in sources_in(folder)}
    assert targets == {
        "book-1.mid": "book-1-mid-01.mid", "book.abc#1": "book-abc-1-01.mid", "book.abc#2": "book-2-01.mid", "book.mid": "book-01.mid",
        "other.mid": "other-01.mid",
    }  # fmt: skip


def test_labels_are_the_folders_or_what_files_state(tunes):
    labels = {source.name: source.label for source in sources_in(tunes)}
    assert labels == {
        "book.abc#1": "jig", "book.abc#2": "reel", "jig/0.mid": "jig", "jig/1.mid": "jig", "jig/broken.mid": "jig",
        "slow/air/2.mid": "slow/air",
    }  # fmt: skip


def test_the_list_tells_of_every_file(tunes, tmp_path, loaded):
    out = tmp_path / "out"
    made = augment_folder(None, tunes, out, LIMITS, seed=5)
    content = json.loads((out / "manifest.json").read_text())
    assert content["about"] == {"model": "melody", "hash": "fake", "seed": 5, "n": 3, "amounts": [0.2, 0.4], "near": 0.5}
    assert [entry["source"] for entry in content["left_out"]] == ["jig/broken.mid"]
    assert made.labels["jig"] == sum(row["label"] == "jig" for row in content["rows"]) > 6
    with (out / "manifest.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert {row["path"] for row in rows} == {name for name in contents(out) if name.endswith(".mid")}
    assert "book-1-01.mid" in contents(out)
    row = next(row for row in rows if row["path"] == "slow/air/2-01.mid")
    source, varied = (
        {(n.onset_steps, n.pitch) for n in read(path).notes} for path in (tunes / "slow/air/2.mid", out / "slow/air/2-01.mid")
    )
    assert float(row["distance"]) == pytest.approx(1 - 2 * len(source & varied) / (len(source) + len(varied)), abs=0.02)
    assert (row["label"], row["source"]) == ("slow/air", "slow/air/2.mid")


def test_what_becomes_of_a_file_depends_on_nothing_beside_it(tunes, tmp_path, loaded):
    augment_folder(None, tunes, tmp_path / "all", LIMITS, seed=5)
    shutil.rmtree(tunes / "slow")
    (tunes / "book.abc").unlink()
    augment_folder(None, tunes, tmp_path / "few", LIMITS, seed=5)
    every, few = contents(tmp_path / "all"), contents(tmp_path / "few")
    assert {name for name in few if name.endswith(".mid")} == {name for name in every if name.startswith("jig/")}
    assert all(every[name] == few[name] for name in few if name.endswith(".mid"))


def test_an_interrupted_run_goes_on_to_the_same_bytes(tunes, tmp_path, loaded):
    augment_folder(None, tunes, tmp_path / "whole", LIMITS, seed=5)
    whole, before = contents(tmp_path / "whole"), len(loaded)
    out = tmp_path / "out"

    def stop(done, of):
        if done == 3:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        augment_folder(None, tunes, out, LIMITS, seed=5, progress=stop)
    assert not (out / "manifest.json").exists()
    with pytest.raises(FileExistsError, match="--resume goes on"):
        augment_folder(None, tunes, out, LIMITS, seed=5)
    halfway = len(loaded)
    made = augment_folder(None, tunes, out, LIMITS, seed=5, resume=True)
    assert made.resumed == 3
    assert len(loaded) - halfway < before
    assert contents(out) == whole
    with pytest.raises(FileExistsError, match="is complete"):
        augment_folder(None, tunes, out, LIMITS, seed=5, resume=True)


def test_records_of_other_options_count_for_nothing(tunes, tmp_path, loaded):
    out = tmp_path / "out"
    with pytest.raises(KeyboardInterrupt):
        augment_folder(None, tunes, out, LIMITS, seed=5, progress=lambda done, of: (_ for _ in ()).throw(KeyboardInterrupt))
    assert augment_folder(None, tunes, out, LIMITS, seed=6, resume=True).resumed == 0


def test_an_older_result_is_replaced_only_if_asked_for(tunes, tmp_path, loaded):
    out = tmp_path / "out"
    augment_folder(None, tunes, out, LIMITS, seed=5)
    with pytest.raises(FileExistsError, match="holds variations"):
        augment_folder(None, tunes, out, LIMITS, seed=5)
    (out / "mine.txt").write_text("stays")
    augment_folder(None, tunes, out, Limits(1, (0.2,)), seed=5, force=True)
    assert len([name for name in contents(out) if name.endswith(".mid")]) == 5
    assert (out / "mine.txt").exists()


def test_variations_do_not_go_among_their_sources(tunes, loaded):
    with pytest.raises(ValueError, match="holds what is varied"):
        augment_folder(None, tunes, tunes / ".." / tunes.name, LIMITS, seed=5)


def test_replacing_takes_away_what_an_interrupted_run_left(tunes, tmp_path, loaded):
    out = tmp_path / "out"
    with pytest.raises(KeyboardInterrupt):
        augment_folder(None, tunes, out, LIMITS, seed=5, progress=lambda done, of: (_ for _ in ()).throw(KeyboardInterrupt))
    made = augment_folder(None, tunes, out, Limits(1, (0.2,)), seed=5, force=True)
    assert sorted(name for name in contents(out) if name.endswith(".mid")) == sorted(row["path"] for row in made.rows)


def test_a_foreign_list_takes_nothing_away(tunes, tmp_path, loaded):
    out, mine = tmp_path / "out", tmp_path / "mine.mid"
    out.mkdir()
    mine.write_bytes(b"stays")
    (out / "notes.txt").write_text("stays")
    paths = [str(mine), "../mine.mid", "notes.txt"]
    (out / "manifest.json").write_text(json.dumps({"rows": [{"path": path} for path in paths]}))
    augment_folder(None, tunes, out, Limits(1, (0.2,)), seed=5, force=True)
    assert mine.read_bytes() == b"stays"
    assert (out / "notes.txt").exists()


def test_folders_that_are_none(tmp_path, loaded):
    with pytest.raises(FileNotFoundError, match="does not exist"):
        sources_in(tmp_path / "none")
    (tmp_path / "a.mid").write_bytes(b"")
    with pytest.raises(NotADirectoryError, match="give the folder"):
        sources_in(tmp_path / "a.mid")
    (tmp_path / "empty").mkdir()
    with pytest.raises(ValueError, match="holds no MIDI"):
        sources_in(tmp_path / "empty")


@pytest.mark.slow
def test_the_number_of_processes_changes_no_byte(tunes, tmp_path):
    import torch

    from musicvae.model.config import PRESETS
    from musicvae.model.prior import BarPrior
    from musicvae.model.vae import MelodyVAE
    from musicvae.model.weights import save_model

    with torch.random.fork_rng():
        torch.manual_seed(0)
        path = save_model(tmp_path / "tiny.safetensors", MelodyVAE(PRESETS["tiny"]), BarPrior(PRESETS["tiny"]), metadata={})
    made = [augment_folder(path, tunes, tmp_path / f"jobs{jobs}", LIMITS, seed=5, jobs=jobs) for jobs in (1, 3)]
    assert len(made[0].rows) > 6
    assert contents(tmp_path / "jobs1") == contents(tmp_path / "jobs3")


def test_where_nothing_can_be_made_it_is_an_error_and_nothing_is_left(tunes, tmp_path, loaded, monkeypatch):
    for path in (*tunes.rglob("*.mid"), *tunes.rglob("*.abc")):
        path.unlink()
    for name in ("a.mid", "b.mid"):
        (tunes / name).write_bytes(b"MThd")
    with pytest.raises(ValueError, match=r"not one variation could be made: left out: 2 \("):
        augment_folder(None, tunes, tmp_path / "out", LIMITS, seed=1)
    assert not (tmp_path / "out").exists()
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "mine.txt").write_text("stays")
    with pytest.raises(ValueError, match="not one variation could be made"):
        augment_folder(None, tunes, tmp_path / "out", LIMITS, seed=1)
    assert contents(tmp_path / "out") == {"mine.txt": b"stays"}


@pytest.mark.parametrize("kind", ["drums", "trio"])
def test_drums_and_trios_are_multiplied_too(tmp_path, kind):
    """By the shipped models."""
    folder = tmp_path / "beats" / "straight"
    folder.mkdir(parents=True)
    compose_model.load(kind, threads=1).generate(4, seed=3).write(folder / "a.mid")
    made = augment_folder(kind, tmp_path / "beats", tmp_path / "out", Limits(2, (0.3,)), seed=1)
    assert [(row["label"], row["bars"]) for row in made.rows] == [("straight", 4)] * 2
    assert all(0.15 <= row["distance"] <= 0.4 for row in made.rows)
