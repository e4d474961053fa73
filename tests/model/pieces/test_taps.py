import numpy as np
import pytest
import torch
from model.pieces.networks import columns, networks

from musicvae.model.pieces.config import PIECE_PRESETS
from musicvae.model.pieces.frames import Frames, frames_of

TAPPED = PIECE_PRESETS["tiny-drumify"]


@pytest.fixture(scope="module")
def vae():
    network = networks("tiny-drumify")[0].double()
    with torch.no_grad():
        network.decoders["drums"].decoder.events.bias[TAPPED.nade_size :] -= 3  # so that silence is usual
    return network


def code(count):
    return torch.randn(count, TAPPED.z_size, generator=torch.Generator().manual_seed(0)).double()


@pytest.mark.parametrize("temperature", [0.0, 1.0])
def test_hits_are_at_the_taps_and_nowhere_else(vae, temperature):
    frames = frames_of(TAPPED, columns("groove", 4, 3))
    noise = None
    if temperature:
        noise = (torch.from_numpy(np.random.default_rng(0).logistic(size=(4, 3, 16, 9))),)
    (hits,) = vae.draw_frames(vae.conduct(code(4), 3, frames.told), noise, temperature)
    assert torch.equal(hits.any(-1), frames.told[..., 0] > 0)


def test_at_a_tap_all_ways_to_strike_something_make_up_all_there_is(vae):
    """Of the last step's 512 ways; where nothing is tapped only silence is possible."""
    one = frames_of(TAPPED, columns("groove", 1, 1))
    hits = one.streams[0].repeat(512, 1, 1, 1)
    hits[:, 0, 15] = (torch.arange(512)[:, None] >> torch.arange(9)) & 1
    for tap in (1.0, 0.0):
        told = one.told.repeat(512, 1, 1, 1)
        told[:, 0, 15, 0] = tap
        with torch.no_grad():
            likely = vae.log_probs(code(1).expand(512, -1), Frames((hits,), told))[:, 0, 15, 0].exp()
        assert float(likely.sum()) == pytest.approx(1, abs=2e-3)
        assert float(likely[0]) == pytest.approx(1 - tap, abs=1e-5)


def test_gradients_are_finite_where_silence_is_nearly_certain(vae):
    frames = frames_of(TAPPED, columns("groove", 2, 2))
    context = vae.conduct(code(2), 2, frames.told)
    decoder = vae.decoder("drums")
    with torch.no_grad():
        decoder.decoder.events.bias[TAPPED.nade_size :] -= 60
    try:
        loss = decoder.log_prob(context, frames.streams[0]).sum()
        loss.backward()
        assert all(bool(torch.isfinite(p.grad).all()) for p in decoder.parameters() if p.grad is not None)
        assert torch.isfinite(loss)
    finally:
        with torch.no_grad():
            decoder.decoder.events.bias[TAPPED.nade_size :] += 60


def test_chances_are_those_of_all_the_ways_to_play_the_first_tap(vae):
    """Of a bar whose only tap is its first step, by adding up the 512 ways of striking it."""
    one = frames_of(TAPPED, columns("groove", 1, 1))
    told = torch.zeros(1, 1, 16, one.told.shape[-1], dtype=torch.float64)
    told[0, 0, 0, 0] = 1
    ways = torch.zeros(512, 1, 16, 9)
    ways[:, 0, 0] = ((torch.arange(512)[:, None] >> torch.arange(9)) & 1).float()
    with torch.no_grad():
        likely = vae.log_probs(code(1).expand(512, -1), Frames((ways,), told.repeat(512, 1, 1, 1)))[:, 0, 0, 0].exp()
        uniforms = torch.from_numpy(np.random.default_rng(1).random((4000, 16, 9)))
        found = vae.decoders["drums"].chances(vae.conduct(code(1), 1, told), uniforms)[0, 0]
    assert not found[1:].any()
    assert found[0].numpy() == pytest.approx((likely[:, None] * ways[:, 0, 0]).sum(0).numpy(), abs=0.02)


def test_every_drawn_tap_strikes_something(vae):
    head = vae.decoders["drums"].head
    outputs = torch.randn(500, head.width, generator=torch.Generator().manual_seed(2)).double()
    outputs[:, TAPPED.nade_size :] -= 40  # where silence is all but certain
    with torch.no_grad():
        frames, chances = head.draw_with_chances(outputs, torch.from_numpy(np.random.default_rng(3).random((500, 9))))
    assert bool(frames.any(-1).all())
    assert bool(torch.isfinite(chances).all())
    assert 0 <= float(chances.min()) <= float(chances.max()) <= 1
