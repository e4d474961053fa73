import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from musicvae.model.config import PRESETS
from musicvae.model.prior import BarPrior
from musicvae.model.reader import PITCH
from musicvae.model.vae import MelodyVAE
from musicvae.model.weights import Bundle
from musicvae.music.vocabulary import FIRST_PITCH_TOKEN
from musicvae.train.checkpoints import load_plain
from musicvae.train.damage import damaged, with_wrong_notes
from musicvae.train.reader_fit import ReaderOptions, fit_reader

TINY = PRESETS["tiny"]
FEW = ReaderOptions(most_steps=60, batch=12, hop_bars=4, lr=1e-2, held_out=4, ema_decay=0.9)


@pytest.fixture(scope="module")
def bundle():
    with torch.random.fork_rng():
        torch.manual_seed(0)
        return Bundle(MelodyVAE(TINY).eval(), BarPrior(TINY).eval(), TINY, {}, "tiny")


@pytest.fixture(autouse=True)
def _same_chance():
    with torch.random.fork_rng():
        yield


@given(st.integers(0, 2**31), st.integers(1, 16), st.sampled_from([12, 16]))
def test_every_window_misses_something_and_what_is_not_doubtful_is_clean(seed, bars, steps):
    rng = np.random.default_rng(seed)
    tokens = rng.choice([0, 0, 1, 2, 40, 89], (3, bars, steps)).astype(np.int64)
    damage = damaged(tokens, rng)
    assert (damage.gaps > 0).any((1, 2)).all()
    assert (tokens[damage.gaps == PITCH] >= FIRST_PITCH_TOKEN).all()
    assert (damage.clean == tokens).all()
    moved = damage.heard != tokens
    assert damage.doubtful or not moved.any()
    assert ((np.abs(damage.heard - tokens)[moved] >= 1) & (np.abs(damage.heard - tokens)[moved] <= 6)).all()
    assert (damage.heard[moved] >= FIRST_PITCH_TOKEN).all()
    assert (tokens[moved] >= FIRST_PITCH_TOKEN).all()


def test_the_share_of_wrong_notes_is_the_one_that_is_asked_for():
    tokens = np.full((4, 16, 16), 40)
    wrong = (with_wrong_notes(tokens, np.array([0, 0.1, 0.5, 1]), np.random.default_rng(0)) != tokens).mean((1, 2))
    np.testing.assert_allclose(wrong, [0, 0.1, 0.5, 1], atol=0.1)


def test_a_reader_learns_which_bars_return(bundle, corpus):
    before = fit_reader(bundle, corpus, ReaderOptions(most_steps=1, batch=4, held_out=4)).nats
    after = fit_reader(bundle, corpus, FEW)
    assert after.steps == FEW.most_steps
    assert set(after.nats) == {f"{what}, {meter}" for what in ("bars", "notes") for meter in ("4/4", "3/4", "6/8")}
    assert after.nats["bars, 4/4"] < 0.8 * before["bars, 4/4"]
    assert after.nats["notes, 4/4"] < 0.9 * before["notes, 4/4"]


def test_teaching_goes_on_where_it_was(bundle, corpus, tmp_path):
    told: list[str] = []
    state = tmp_path / "reader.ckpt"
    options = {"batch": 4, "held_out": 2, "look_every_seconds": 0.0}
    fit_reader(bundle, corpus, ReaderOptions(most_steps=2, **options), checkpoint=state, report=told.append)
    assert told[0].startswith("step 1, 0 min: bars, 4/4 ")
    assert load_plain(state)["step"] == 2
    assert len(told) == 2
    fit_reader(bundle, corpus, ReaderOptions(most_steps=3, **options), checkpoint=state, report=told.append)
    assert len(told) == 3
    other = Bundle(bundle.vae, bundle.prior, TINY, {}, "other")
    with pytest.raises(ValueError, match="is of a reader of model tiny, not of other"):
        fit_reader(other, corpus, ReaderOptions(most_steps=3, **options), checkpoint=state)


@pytest.mark.parametrize("wrong", [{"minutes": 0}, {"batch": 0}, {"held_out": 0}])
def test_numbers_that_make_no_sense_are_refused(wrong):
    with pytest.raises(ValueError, match=next(iter(wrong))):
        ReaderOptions(**wrong)
