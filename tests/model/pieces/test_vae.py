import pytest
import torch
from model.pieces.networks import columns, networks

from musicvae.model.pieces.config import PIECE_PRESETS
from musicvae.model.pieces.frames import Frames, frames_of
from musicvae.model.pieces.vae import returning_lags

WRITTEN = ["tiny-drums", "tiny-drumify", "tiny-trio"]


def frames(preset, count=3, bars=4, seed=0):
    config = PIECE_PRESETS[preset]
    return frames_of(config, columns("groove" if config.told else config.material, count, bars, seed))


@pytest.mark.parametrize("preset", WRITTEN)
@pytest.mark.parametrize("bars", [1, 4, 16])
def test_any_number_of_bars(preset, bars):
    vae, _ = networks(preset)
    found = frames(preset, bars=bars)
    out = vae(found, torch.zeros(3, vae.config.z_size))
    assert out.log_probs.shape == (3, bars, 16, len(vae.config.streams))
    assert bool((out.log_probs < 1e-4).all())
    used = vae.config.z_used(bars)
    assert not out.mu[:, used:].any()
    assert bool((out.sigma[:, used:] == 1).all())
    assert torch.allclose(vae.log_probs(out.mu, found), out.log_probs, rtol=1e-3, atol=1e-4)


@pytest.mark.parametrize("preset", WRITTEN)
def test_bars_are_independent_given_the_codes_before_them(preset):
    """What a bar is does not change how likely another is; its block of z reaches that bar and later ones only."""
    vae, _ = networks(preset)
    found, other = frames(preset), frames(preset, seed=1)
    z = torch.randn(3, vae.config.z_size, generator=torch.Generator().manual_seed(0))
    mixed = Frames(tuple(torch.cat([a[:, :3], b[:, 3:]], 1) for a, b in zip(found.streams, other.streams, strict=True)), found.told)
    assert torch.allclose(vae.log_probs(z, found)[:, :3], vae.log_probs(z, mixed)[:, :3], atol=1e-5)
    changed = z.clone()
    changed[:, vae.config.z_global + 2 * vae.config.z_bar :] += 1
    before, after = vae.log_probs(z, found), vae.log_probs(changed, found)
    assert torch.allclose(before[:, :2], after[:, :2], atol=1e-5)
    assert not torch.allclose(before[:, 2], after[:, 2], atol=1e-3)


def test_probabilities_of_a_step_sum_to_one():
    """All 512 ways to strike nine drums at the last step."""
    vae, _ = networks("tiny-drums")
    one = frames("tiny-drums", count=1, bars=1).streams[0].repeat(512, 1, 1, 1)
    one[:, 0, 15] = (torch.arange(512)[:, None] >> torch.arange(9)) & 1
    z = torch.zeros(512, vae.config.z_size)
    likely = vae.double().log_probs(z.double(), Frames((one,), None))[:, 0, 15].detach().exp()
    assert float(likely.sum()) == pytest.approx(1, abs=1e-3)


def test_greedy_frames_are_the_likeliest_of_their_step():
    vae, _ = networks("tiny-drums")
    vae = vae.double()
    z = torch.randn(2, vae.config.z_size, generator=torch.Generator().manual_seed(0)).double()
    context = vae.conduct(z, 2)
    (drawn,) = vae.draw_frames(context)
    assert drawn.shape == (2, 2, 16, 9)
    other = drawn.clone()
    other[:, 1, 15, 8] = 1 - other[:, 1, 15, 8]  # the last decision of all
    ours, theirs = (vae.log_probs(z, Frames((x,), None))[:, 1, 15, 0] for x in (drawn, other))
    assert bool((ours >= theirs).all())
    assert vae.decoder("drums").figures(context, drawn)["accuracy"].tolist() == [1, 1]
    assert (vae.decoder("drums").figures(context, other)["accuracy"] * 32).tolist() == [31, 31]


def test_what_is_told_reaches_every_part():
    vae, _ = networks("tiny-drumify")
    found = frames("tiny-drumify")
    silent = Frames(found.streams, torch.zeros_like(found.told))
    assert not torch.allclose(vae.encode(found)[0], vae.encode(silent)[0], atol=1e-3)
    z = torch.zeros(3, vae.config.z_size)
    here, there = vae.conduct(z, 4, found.told), vae.conduct(z, 4, silent.told)
    assert not torch.allclose(here.embeddings, there.embeddings, atol=1e-3)
    assert not torch.allclose(here.steps, there.steps, atol=1e-3)
    with pytest.raises(ValueError, match="the network is told taps, and nothing was given"):
        vae.conduct(z, 4)
    with pytest.raises(ValueError, match="the network is told nothing, and something was given"):
        networks("tiny-drums")[0].conduct(z, 4, found.told)


def test_taps_ahead_are_known():
    """A tap at the end of a bar changes what is likely at its beginning."""
    vae, _ = networks("tiny-drumify")
    found = frames("tiny-drumify", bars=1)
    told = found.told.clone()
    told[:, 0, 15, 0] = 1 - told[:, 0, 15, 0]
    z = torch.zeros(3, vae.config.z_size)
    assert not torch.allclose(vae.log_probs(z, found)[:, 0, 0], vae.log_probs(z, Frames(found.streams, told))[:, 0, 0], atol=1e-4)


def test_muted_windows_have_no_code():
    vae, _ = networks("tiny-drumify")
    found = frames("tiny-drumify")
    noise = torch.randn(3, vae.config.z_size, generator=torch.Generator().manual_seed(0))
    out = vae(found, noise, muted=torch.tensor([True, False, True]))
    plain = vae.log_probs(torch.zeros_like(noise), found)
    assert torch.allclose(out.log_probs[[0, 2]], plain[[0, 2]], atol=1e-5)
    assert not torch.allclose(out.log_probs[1], plain[1], atol=1e-2)


def test_hidden_frames_are_not_fed_back():
    vae, _ = networks("tiny-trio")
    found, other = frames("tiny-trio"), frames("tiny-trio", seed=1)
    z = torch.zeros(3, vae.config.z_size)
    nothing = torch.zeros(3, 4, 16, 3, dtype=torch.bool)
    mixed = Frames(tuple(torch.cat([b[:, :, :15], a[:, :, 15:]], 2) for a, b in zip(found.streams, other.streams, strict=True)), None)
    here, there = vae.log_probs(z, found, nothing), vae.log_probs(z, mixed, nothing)
    assert torch.allclose(here[:, :, 15], there[:, :, 15], atol=1e-5)
    assert not torch.allclose(vae.log_probs(z, found)[:, :, 15], vae.log_probs(z, mixed)[:, :, 15], atol=1e-3)


def test_returns_are_where_all_streams_are_the_same():
    found = frames("tiny-trio", count=1)
    melody, bass, drums = (stream.clone() for stream in found.streams)
    for stream in (melody, bass, drums):
        stream[:, 2] = stream[:, 0]
    drums[:, 3] = drums[:, 1]
    lags = returning_lags(Frames((melody, bass, drums), None))
    assert lags.tolist() == [[0, 0, 2, 0]]
    vae, _ = networks("tiny-trio")
    out = vae(Frames((melody, bass, drums), None), torch.zeros(1, vae.config.z_size))
    cost = vae.return_cost(out.returns, Frames((melody, bass, drums), None))
    # Heads 4 and 5 are the drums': bar 3 of drums alone returns to bar 1.
    logs = out.returns.detach().clamp(min=1e-4).log()[0]
    own = -(logs[:, 2, 0].view(3, 2).mean(1).sum() + logs[4:, 3, 1].mean()) / 3
    assert float(cost.detach()) == pytest.approx(float(own), rel=1e-5)
