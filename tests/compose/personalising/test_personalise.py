"""On real networks, tiny and untrained."""

from dataclasses import replace

import numpy as np
import pytest
from compose.fake_engine import FakeEngine, tune

from musicvae.compose.examples import Examples
from musicvae.compose.library import model_header
from musicvae.compose.model import Model, load
from musicvae.compose.personalising.lessons import examples_for, marks_of_columns, windows_of
from musicvae.compose.personalising.personalise import personalise
from musicvae.compose.pieces.intake import PieceExamples
from musicvae.compose.styles import StyleVector, save_styles
from musicvae.music.meter import Meter
from musicvae.music.piece import Piece

JIGS = tuple(tune(seed, 12, "6/8", tempo_qpm=90.0 + 10 * seed) for seed in range(3))
OTHER = tune(9, 8, tempo_qpm=200.0)


def beat(seed, bars=8):
    hits = np.random.default_rng(seed).integers(0, 512, (bars, 16)).astype(np.uint64)
    return Piece("drums", {"bars": hits}, tempo_qpm=80.0 + seed, drum_map="nine")


@pytest.fixture(scope="module")
def options():
    from musicvae.train.adapter import AdapterOptions

    return AdapterOptions(dreams=20)


@pytest.fixture(scope="module")
def base(tmp_path_factory):
    """A model with a style beside it."""
    import torch

    from musicvae.model.config import PRESETS
    from musicvae.model.prior import BarPrior
    from musicvae.model.vae import MelodyVAE
    from musicvae.model.weights import save_model

    with torch.random.fork_rng():
        torch.manual_seed(0)
        networks = MelodyVAE(PRESETS["tiny"]), BarPrior(PRESETS["tiny"])
    metadata = {"description": "untrained", "prior": {"steps": 1}, "usual_spread": 0.5}
    path = save_model(tmp_path_factory.mktemp("model") / "tiny.safetensors", *networks, metadata=metadata)
    style = StyleVector(name="up", direction=np.ones(PRESETS["tiny"].z_size), model_hash=load(path).hash)
    save_styles([style], path.with_name("tiny.styles.safetensors"))
    return path


@pytest.fixture(scope="module")
def drummer(tmp_path_factory):
    """A model of drums whose prior is drawn from as that of the shipped one."""
    import torch

    from musicvae.model.pieces.config import PIECE_PRESETS
    from musicvae.model.pieces.vae import PieceVAE
    from musicvae.model.prior import BarPrior
    from musicvae.model.weights import save_model

    config = PIECE_PRESETS["tiny-drums"]
    with torch.random.fork_rng():
        torch.manual_seed(0)
        networks = PieceVAE(config), BarPrior(config)
    return save_model(tmp_path_factory.mktemp("model") / "d.safetensors", *networks, metadata={"prior_scale": 0.3, "first_scale": 1.0})


@pytest.fixture(scope="module")
def mine(base, options, tmp_path_factory):
    out = tmp_path_factory.mktemp("mine") / "mine.safetensors"
    return personalise(base, Examples((*JIGS, OTHER), ("4 melodies were found",)), out, options=options)


def test_it_is_a_whole_model_with_a_leaning(base, mine):
    from safetensors.numpy import load_file

    ours, theirs = load_file(mine.path), load_file(base)
    assert {name.split(".")[0] for name in ours.keys() - theirs.keys()} == {"tilt"}
    assert all(np.array_equal(ours[name], theirs[name]) for name in theirs)
    assert ours["tilt.drawn"].any()


def test_its_header_says_what_it_is(base, mine):
    header, before = model_header(mine.path), model_header(base)
    assert header["personalised"]["hash"] == load(base).hash
    assert (header["personalised"]["base"], header["personalised"]["files"]) == ("tiny", 4)
    assert header["personalised"]["copying"]["drawn"] == mine.copying.drawn
    assert [leaning["files"] for leaning in header["personalised"]["leanings"]] == [1, 3]
    assert (header["usual_spread"], header["description"]) == (0.5, "tiny, personalised with 4 files")
    assert "prior" not in header
    assert header["config"] == before["config"]


def test_it_is_told_what_was_learned_in_which_meter(mine):
    assert mine.notices[0] == "4 melodies were found"
    assert "in 4/4 it learned from 1 file, and one piece cannot tell what is its kind: it leans a little only" in mine.notices
    assert any(text.startswith("in 6/8 it learned from 3 files, which are few: it leans a little only; ") for text in mine.notices)
    assert "no files in 3/4: there it composes as tiny does" in mine.notices


def test_it_composes_in_the_meter_and_at_the_tempo_of_most_files(base, mine):
    piece = load(mine.path).generate(4, seed=1)
    assert (piece.meter, piece.tempo_qpm) == (Meter(6, 8), 100.0)
    other = load(mine.path).generate(4, seed=1, meter="4/4", tempo_qpm=77)
    assert (other.meter, other.tempo_qpm) == (Meter(4, 4), 77)
    plain = load(base).generate(4, seed=1)
    assert (plain.meter, plain.tempo_qpm) == (Meter(4, 4), 120.0)


def test_in_a_meter_without_files_it_composes_the_very_pieces_of_its_base(base, mine):
    own, theirs = ([piece.notes for piece in load(path).generate_many(3, 8, seed=1, meter="3/4")] for path in (mine.path, base))
    assert own == theirs
    own, theirs = ([piece.notes for piece in load(path).generate_many(3, 8, seed=1, meter="6/8")] for path in (mine.path, base))
    assert own != theirs


def test_every_command_takes_it(mine, tmp_path):
    """What continues, scores and compresses goes by the leaning, or does without."""
    model = load(mine.path)
    assert model.continue_(JIGS[0], bars=8, seed=1).num_bars == 20
    assert model.generate(40, seed=1).num_bars == 40


def test_styles_of_the_base_are_styles_of_it(mine):
    model = load(mine.path)
    assert [style.name for style in model.styles()] == ["up"]
    assert model.generate(4, seed=1, style="up").notes != model.generate(4, seed=1).notes


def test_the_same_seed_gives_the_same_file(base, mine, options, tmp_path):
    again = personalise(base, Examples((*JIGS, OTHER)), tmp_path / "mine.safetensors", options=options)
    assert again.path.read_bytes() == mine.path.read_bytes()
    with pytest.raises(FileExistsError, match="mine.safetensors exists"):
        load(base).personalise(JIGS, again.path)
    seeded = personalise(base, Examples((*JIGS, OTHER)), tmp_path / "b.safetensors", options=replace(options, seed=1))
    assert seeded.path.read_bytes() != mine.path.read_bytes()


def test_a_personalised_model_is_personalised_from_its_base(mine, options, tmp_path):
    from safetensors.numpy import load_file

    again = personalise(mine.path, Examples((*JIGS, OTHER)), tmp_path / "again.safetensors", options=options)
    assert "mine is personalised already: this begins anew from what it came from" in again.notices
    ours, theirs = load_file(again.path), load_file(mine.path)
    assert all(np.array_equal(ours[name], theirs[name]) for name in theirs)


def test_drums_are_personalised_too(drummer, options, tmp_path):
    files = tuple(beat(seed) for seed in range(3))
    made = personalise(drummer, PieceExamples(files), tmp_path / "mine.safetensors", options=options)
    assert not any("no files in" in text for text in made.notices)
    model = load(made.path)
    piece = model.generate(4, seed=1)
    assert (piece.material, piece.tempo_qpm) == ("drums", 81.0)
    assert not np.array_equal(piece.columns["bars"], load(drummer).generate(4, seed=1).columns["bars"])
    assert model.continue_(files[0], bars=4, seed=1).num_bars == 12
    with pytest.raises(ValueError, match="51 pieces were given, and at most 50 are taken"):
        personalise(drummer, PieceExamples(files * 17), tmp_path / "m.safetensors")


def test_examples_are_of_the_models_material(drummer, tmp_path):
    path = beat(1).write(tmp_path / "a.mid")
    found = examples_for(drummer, tmp_path)
    assert isinstance(found, PieceExamples)
    assert np.array_equal(found.pieces[0].columns["bars"], beat(1).columns["bars"])
    assert isinstance(examples_for("melody", [JIGS[0]]), Examples)
    assert path


def test_windows_cover_a_tune_and_no_file_has_many():
    tunes = {3: np.full((24, 16), 40, np.uint8), 5: np.full((9, 16), 40, np.uint8), 6: np.zeros((9, 16), np.uint8)}
    assert [(w.file, w.start) for w in windows_of(tunes, 8)] == [(3, 0), (3, 4), (3, 12), (3, 16), (5, 0)]
    assert [(w.file, w.start) for w in windows_of(tunes, 16)] == [(3, 0), (3, 4), (3, 8)]


def test_marks_of_drums_and_trios():
    hits = np.zeros((1, 2, 16), np.uint64)
    hits[0, 1, 3] = 0b101
    marks = marks_of_columns({"bars": hits}, "drums", "nine")
    assert marks.shape == (1, 2, 144)
    assert np.flatnonzero(marks[0, 1]).tolist() == [27, 29]
    trio = marks_of_columns(
        {"bars": np.full((1, 2, 16), 7, np.uint8), "bass": np.zeros((1, 2, 16), np.uint8), "drums": hits}, "trio", "nine"
    )
    assert trio.shape == (1, 2, 176)
    assert (trio[..., :16] == 7).all()


def test_what_cannot_be_personalised_is_said(base, tmp_path):
    with pytest.raises(ValueError, match="51 melodies were given, and at most 50 are taken.*--init-from"):
        personalise(base, Examples((OTHER,) * 51), tmp_path / "m.safetensors")
    with pytest.raises(ValueError, match="too sparse"):
        personalise(base, Examples((replace(OTHER, notes=()),)), tmp_path / "m.safetensors")
    with pytest.raises(ValueError, match="load it by name or path"):
        Model(FakeEngine()).personalise(JIGS, tmp_path / "m.safetensors")
    with pytest.raises(ValueError, match="one of our own is needed here, of melodies"):
        personalise("drums", Examples(JIGS), tmp_path / "m.safetensors")
    for name in ("groove", "drumify"):
        with pytest.raises(ValueError, match=f"{name} plays what it is given and has no pieces of its own"):
            personalise(name, PieceExamples((beat(0),)), tmp_path / "m.safetensors")
    with pytest.raises(ValueError, match="trio is a model of trio, and pieces of drums were given"):
        personalise("trio", PieceExamples((beat(0),)), tmp_path / "m.safetensors")
    assert not list(tmp_path.iterdir())
