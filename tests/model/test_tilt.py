import copy
import math

import numpy as np
import pytest
import torch

from musicvae.model.config import PRESETS
from musicvae.model.noise import generator
from musicvae.model.prior import BarPrior
from musicvae.model.tilt import TiltedPrior, prior_noise, summary, summary_size
from musicvae.model.vae import MelodyVAE
from musicvae.model.weights import load_melody_model, read_metadata, save_model

TINY = PRESETS["tiny"]
BARS, KIND = 4, 2


@pytest.fixture(scope="module")
def base():
    with torch.random.fork_rng():
        torch.manual_seed(1)
        return BarPrior(TINY).eval().double().requires_grad_(False)


@pytest.fixture
def tilted(base):
    prior = TiltedPrior(base).double()
    prior.scored[KIND, BARS, 0], prior.drawn[KIND, BARS, 0] = 0.5, 1.0
    return prior


def drawn(prior, count=600, kind=KIND):
    noise = [torch.from_numpy(x) for x in prior_noise(prior, [generator(seed, "prior") for seed in range(count)])]
    return prior.sample_with_lags(*noise, bars=BARS, kind=kind)


def test_a_summary_by_plain_loops():
    rng = np.random.default_rng(0)
    z, lags = rng.normal(size=(3, TINY.z_size)), np.array([[0, 1, 2, 0], [0, 0, 0, 0], [0, 1, 1, 3]])
    found = summary(TINY, torch.from_numpy(z), torch.from_numpy(lags), BARS).numpy()
    assert found.shape == (3, summary_size(TINY))
    for row in range(3):
        blocks = [z[row, TINY.z_global + k * TINY.z_bar :][: TINY.z_bar] for k in range(BARS)]
        shares = [np.mean(lags[row] > 0), np.mean(lags[row] == 4), np.mean((lags[row] > 0) & (lags[row] < 3))]
        want = [*z[row, : TINY.z_global], *np.mean(blocks, axis=0), *np.std(blocks, axis=0), *shares]
        np.testing.assert_allclose(found[row], want, atol=1e-12)


def test_what_does_not_lean_is_the_prior_to_the_last_bit(base, tilted):
    for own, theirs in zip(drawn(tilted, 5, kind=0), drawn(base, 5, kind=0), strict=True):
        assert torch.equal(own, theirs)
    z, lags = drawn(base, 5)
    assert torch.equal(tilted.log_prob_blocks(z, lags, BARS, 0), base.log_prob_blocks(z, lags, BARS, 0))


def test_what_is_drawn_is_weighted_by_the_leaning(base, tilted):
    """Against the mean of base draws weighted by exp(a . s)."""
    before, after = (drawn(prior)[0][:, 0] for prior in (base, tilted))
    weighted = float((before * before.exp()).sum() / before.exp().sum())
    spread = float(before.std()) / math.sqrt(len(before))
    assert weighted - float(before.mean()) > 8 * spread
    assert float(after.mean()) == pytest.approx(weighted, abs=5 * spread)


def test_what_is_scored_is_a_density(base, tilted):
    """log p changes by a . s - log Z: the mean of exp of that over base draws is 1 where Z is right."""
    z, lags = drawn(base, 2000)
    tilted.log_norms[KIND, BARS] = torch.logsumexp(0.5 * z[:, 0], 0) - math.log(len(z))
    change = tilted.log_prob(z, lags, BARS, KIND) - base.log_prob(z, lags, BARS, KIND)
    assert float(change.exp().mean()) == pytest.approx(1, abs=1e-9)
    blocks = tilted.log_prob_blocks(z, lags, BARS, KIND) - base.log_prob_blocks(z, lags, BARS, KIND)
    assert torch.allclose(blocks, change[:, None].expand_as(blocks) / (BARS + 1))


def test_a_piece_depends_on_its_own_noise_only(tilted):
    together = drawn(tilted, 3)[0]
    noise = [torch.from_numpy(x) for x in prior_noise(tilted, [generator(2, "prior")])]
    alone = tilted.sample(*noise, bars=BARS, kind=KIND)
    torch.testing.assert_close(alone[0], together[2], rtol=0, atol=1e-12)


def test_given_bars_stay(tilted):
    given = drawn(tilted, 2)
    noise = [torch.from_numpy(x) for x in prior_noise(tilted, [generator(seed, "prior") for seed in (7, 8)])]
    z, lags = tilted.sample_with_lags(*noise, bars=BARS, kind=KIND, given=given[0], given_lags=given[1][:, :2])
    kept = TINY.z_used(2)
    assert torch.equal(z[:, :kept], given[0][:, :kept])
    assert torch.equal(lags[:, :2], given[1][:, :2])
    assert not torch.equal(z[:, kept:], given[0][:, kept:])


def test_it_is_kept_in_a_model_file(base, tilted, tmp_path):
    with torch.random.fork_rng():
        vae = MelodyVAE(TINY)
    path = save_model(tmp_path / "m.safetensors", vae, copy.deepcopy(tilted), metadata={})
    found = load_melody_model(path).prior
    assert isinstance(found, TiltedPrior)
    for name in ("scored", "drawn", "log_norms"):
        assert torch.equal(getattr(found, name), getattr(tilted, name).float())
    assert read_metadata(path)["format"] == 4
    plain = save_model(tmp_path / "p.safetensors", vae, base, metadata={})
    assert isinstance(load_melody_model(plain).prior, BarPrior)
    assert read_metadata(plain)["format"] == 1


def test_a_damaged_leaning_is_told(tilted, tmp_path):
    from safetensors import safe_open
    from safetensors.torch import load_file, save_file

    with torch.random.fork_rng():
        path = save_model(tmp_path / "m.safetensors", MelodyVAE(TINY), tilted, metadata={})
    with safe_open(path, framework="pt") as file:
        header = file.metadata()
    tensors = load_file(path)
    for broken in ({**tensors, "tilt.drawn": torch.zeros(3)}, {k: v for k, v in tensors.items() if k != "tilt.drawn"}):
        save_file(broken, path, header)
        with pytest.raises(ValueError, match="does not fit the network of this version"):
            load_melody_model(path)
