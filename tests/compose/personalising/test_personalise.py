"""On a real network, tiny and untrained."""

from dataclasses import replace

import numpy as np
import pytest
from compose.fake_engine import FakeEngine, tune

from musicvae.compose.examples import Examples
from musicvae.compose.library import model_header
from musicvae.compose.model import Model, load
from musicvae.compose.personalising.personalise import personalise, windows_of_tunes
from musicvae.compose.styles import StyleVector, save_styles
from musicvae.music.meter import Meter

JIGS = tuple(tune(seed, 12, "6/8", tempo_qpm=90.0 + 10 * seed) for seed in range(3))
OTHER = tune(9, 8, tempo_qpm=200.0)


@pytest.fixture(scope="module")
def options():
    from musicvae.train.adapter import AdapterOptions

    return AdapterOptions(rounds=1, steps=2, dreams=200)


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
def mine(base, options, tmp_path_factory):
    out = tmp_path_factory.mktemp("mine") / "mine.safetensors"
    return personalise(base, Examples((*JIGS, OTHER), ("4 melodies were found",)), out, options=options)


def test_it_is_a_whole_model_that_only_differs_in_its_prior(base, mine):
    from safetensors.numpy import load_file

    ours, theirs = load_file(mine.path), load_file(base)
    assert ours.keys() == theirs.keys()
    changed = {name for name in ours if not np.array_equal(ours[name], theirs[name])}
    assert changed
    assert all(name.startswith("prior.") for name in changed)


def test_its_header_says_what_it_is(base, mine):
    header, before = model_header(mine.path), model_header(base)
    assert header["personalised"]["hash"] == load(base).hash
    assert (header["personalised"]["base"], header["personalised"]["files"]) == ("tiny", 4)
    assert header["personalised"]["copying"]["drawn"] == mine.copying.drawn
    assert (header["usual_spread"], header["description"]) == (0.5, "tiny, personalised with 4 files")
    assert "prior" not in header
    assert header["config"] == before["config"]
    assert mine.notices[0] == "4 melodies were found"


def test_it_composes_in_the_meter_and_at_the_tempo_of_most_files(base, mine):
    piece = load(mine.path).generate(4, seed=1)
    assert (piece.meter, piece.tempo_qpm) == (Meter(6, 8), 100.0)
    other = load(mine.path).generate(4, seed=1, meter="3/4", tempo_qpm=77)
    assert (other.meter, other.tempo_qpm) == (Meter(3, 4), 77)
    plain = load(base).generate(4, seed=1)
    assert (plain.meter, plain.tempo_qpm) == (Meter(4, 4), 120.0)


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


def test_windows_cover_a_tune():
    tunes = [np.full((bars, 16), 40, np.uint8) for bars in (24, 9, 3)]
    sizes = [len(window) for window in windows_of_tunes(tunes, 16)]
    assert sizes == [16] * 3 + [8] * 5 + [8] + [3]
    assert windows_of_tunes([np.zeros((8, 16), np.uint8)], 16) == []


def test_what_cannot_be_personalised_is_said(base, tmp_path):
    with pytest.raises(ValueError, match="51 melodies were given, and at most 50 are taken.*--init-from"):
        personalise(base, Examples((OTHER,) * 51), tmp_path / "m.safetensors")
    with pytest.raises(ValueError, match="too sparse"):
        personalise(base, Examples((replace(OTHER, notes=()),)), tmp_path / "m.safetensors")
    with pytest.raises(ValueError, match="load it by name or path"):
        Model(FakeEngine()).personalise(JIGS, tmp_path / "m.safetensors")
    with pytest.raises(ValueError, match="one of our own is needed here, of melodies"):
        personalise("drums", Examples(JIGS), tmp_path / "m.safetensors")
    assert not list(tmp_path.iterdir())
