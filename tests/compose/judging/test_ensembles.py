import numpy as np
import pytest
from compose.fake_piece_engine import engine as published
from compose.fake_piece_engine import piece as played
from model.pieces.networks import columns, engine

from musicvae.compose.judging.ensembles import judge_piece
from musicvae.music.piece import Piece

DRUMS, TRIO = "tiny-drums", "tiny-trio"


def piece_of(preset, bars, seed=0):
    made = columns({DRUMS: "drums", TRIO: "trio"}[preset], 1, bars, seed)
    return Piece(material={DRUMS: "drums", TRIO: "trio"}[preset], columns={name: rows[0] for name, rows in made.items()})


@pytest.fixture(scope="module")
def engines():
    return {preset: engine(preset) for preset in (DRUMS, TRIO)}


@pytest.mark.parametrize("preset", [DRUMS, TRIO])
@pytest.mark.parametrize("bars", [1, 4, 21])
def test_every_bar_of_every_part_has_its_bits_and_they_add_up(preset, bars, engines):
    score = judge_piece(engines[preset], piece_of(preset, bars))
    assert set(score.parts) == set(engines[preset].config.streams)
    assert all(bits.shape == (bars,) for bits in (*score.parts.values(), score.code, score.shared, score.bar_bits))
    assert score.bits == pytest.approx(score.tune + sum(bits.sum() for bits in score.parts.values()) + score.code.sum())
    assert np.isnan(score.shared).all() == (bars < 4)


def test_bits_are_those_of_the_likelihood_at_the_mean(engines):
    made, piece = engines[DRUMS], piece_of(DRUMS, 4)
    stacked = {name: rows[None] for name, rows in piece.columns.items()}
    mu, sigma = made.encode(stacked)
    used = made.z_used(4)
    heard = made.log_probs(stacked, mu)["drums"].sum()
    meant = made.prior_log_probs(mu, stacked).sum() + (np.log(sigma) + np.log(2 * np.pi) / 2)[:, :used].sum()
    assert judge_piece(made, piece).bits == pytest.approx(-(heard + meant) / np.log(2))


def test_notes_and_hits_are_counted(engines):
    hits = np.zeros((2, 16), np.uint64)
    hits[0, 0], hits[1, 4] = 3, 4
    score = judge_piece(engines[DRUMS], Piece(material="drums", columns={"bars": hits}))
    assert score.events == 3
    assert score.bits_per_event == pytest.approx(score.bits / 3)
    silent = judge_piece(engines[DRUMS], Piece(material="drums", columns={"bars": np.zeros((2, 16), np.uint64)}))
    assert np.isnan(silent.bits_per_event)


def test_networks_without_likelihoods_are_refused():
    with pytest.raises(ValueError, match="tells no likelihoods: models of melodies, drums and trios of this project do"):
        judge_piece(published("drums"), played("drums"))
    with pytest.raises(ValueError, match="tells no likelihoods"):
        judge_piece(engine("tiny-groove"), played("groove"))
