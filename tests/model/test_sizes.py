from dataclasses import replace

import pytest
import torch

from musicvae.model.config import PRESETS
from musicvae.model.pieces.config import PIECE_PRESETS
from musicvae.model.pieces.vae import PieceVAE
from musicvae.model.prior import BarPrior
from musicvae.model.published.presets import PUBLISHED
from musicvae.model.published.vae import PublishedVAE
from musicvae.model.sizes import OWN_PARAMETERS, num_parameters
from musicvae.model.vae import MelodyVAE

# In millions, as counted from the shapes of the original's variables.
STATED = {
    "cat-mel_2bar_small": 4.42, "cat-mel_2bar_big": 134.6, "cat-mel_2bar_med_chords": 17.5, "cat-drums_2bar_small": 4.64,
    "cat-drums_2bar_big": 137.6, "nade-drums_2bar_reduced": 13.8, "nade-drums_2bar_full": 14.4, "flat-mel_16bar": 235,
    "hierdec-mel_16bar": 176, "hier-mel_16bar": 72.6, "flat-trio_16bar": 251, "hierdec-trio_16bar": 231, "hier-trio_16bar": 122.5,
    "hier-multiperf_vel_1bar_med": 55.6, "hier-multiperf_vel_1bar_big": 204.6, "groovae_4bar": 4.09,
    "groovae_2bar_hits_control_tfds": 4.13,
}  # fmt: skip


def counted(*networks):
    return sum(parameter.numel() for network in networks for parameter in network.parameters())


def built(make, *options):
    with torch.device("meta"):  # shapes without numbers
        return make(*options)


@pytest.mark.parametrize("name", PUBLISHED)
def test_published_networks_have_as_many_numbers_as_told(name):
    config = PUBLISHED[name].config
    assert num_parameters(config) == counted(built(PublishedVAE, config))
    if name in STATED:
        assert num_parameters(config) / 1e6 == pytest.approx(STATED[name], rel=3e-3)


def test_other_sizes_too():
    config = replace(PUBLISHED["cat-mel_2bar_med_chords"].config, control_sizes=(5, 7), decoder_sizes=(3, 4), z_size=6)
    assert num_parameters(config) == counted(built(PublishedVAE, config))


@pytest.mark.parametrize("name", PRESETS)
def test_own_networks_have_as_many_numbers_as_told(name):
    assert OWN_PARAMETERS[name] == counted(built(MelodyVAE, PRESETS[name]), built(BarPrior, PRESETS[name]))


@pytest.mark.parametrize("name", PIECE_PRESETS)
def test_networks_of_pieces_have_as_many_numbers_as_told(name):
    config = PIECE_PRESETS[name]
    networks = [built(PieceVAE, config), *([built(BarPrior, config)] if config.has_prior else [])]
    assert OWN_PARAMETERS[name] == counted(*networks)
    assert 2 * OWN_PARAMETERS[name] < 16e6  # bytes of a file in half precision


def test_no_names_are_told_twice():
    assert OWN_PARAMETERS.keys() == PRESETS.keys() | PIECE_PRESETS.keys()
    assert len(OWN_PARAMETERS) == len(PRESETS) + len(PIECE_PRESETS)
