import math

import numpy as np
import pytest
import torch
from model.pieces.networks import columns, engine, networks, told

from musicvae.model.pieces.config import PIECE_PRESETS
from musicvae.model.pieces.feel import _SPREADS, FeelDecoder, _laplace, _velocity_nats, milliseconds_per_step
from musicvae.model.pieces.frames import frames_of
from musicvae.model.pieces.streams import BarContext


@pytest.fixture
def decoder():
    torch.manual_seed(0)
    return FeelDecoder(PIECE_PRESETS["tiny-groove"]).double().eval()


def context(hits, tempo=120.0):
    """Of hits (N, B, 16, 9), with embeddings of nothing."""
    hits = torch.as_tensor(hits, dtype=torch.float64)
    wide = torch.full((*hits.shape[:3], 1), math.log2(tempo / 120), dtype=torch.float64)
    embeddings = torch.zeros(*hits.shape[:2], PIECE_PRESETS["tiny-groove"].embedding_size, dtype=torch.float64)
    return BarContext(embeddings, torch.cat([hits, wide], -1))


def one_hit(bar=0, step=4, name=1, bars=2):
    hits = torch.zeros(1, bars, 16, 9)
    hits[0, bar, step, name] = 1
    return hits


@pytest.mark.parametrize("spread", [0.05, 0.15, 0.5])
@pytest.mark.parametrize("median", [0.02, 0.5, 0.97])
def test_velocities_have_probabilities(median, spread):
    values = torch.arange(1, 128, dtype=torch.float64) / 127
    nats = _velocity_nats(values, torch.full_like(values, median), torch.full_like(values, spread))
    assert float(nats.exp().sum()) == pytest.approx(1, abs=2e-3)


def test_timings_have_a_density():
    late = torch.linspace(-40, 40, 400_001, dtype=torch.float64)
    assert float(torch.trapezoid(_laplace(late, torch.tensor(0.3)).exp(), late)) == pytest.approx(1, abs=1e-4)


def test_a_sixteenth_in_milliseconds():
    for tempo in (60.0, 97.0, 180.0):
        of_told = milliseconds_per_step(context(one_hit(), tempo).told)
        assert of_told.numpy() == pytest.approx(60_000 / tempo / 4)


def test_medians_learn_alike_from_every_hit(decoder):
    """The gradient of a median does not hang on the spread, and is that of the error over 20 ms."""
    at = context(one_hit(), 90.0)
    target = torch.cat([0.5 * one_hit(), 0.3 * one_hit()], -1)
    place = 2 * 9 + 1  # of the timing of class 1 in the outputs
    found = []
    for spread in (-1.0, 1.0):
        decoder.zero_grad()
        with torch.no_grad():
            decoder.out.bias[3 * 9 + 1] = spread
        torch.autograd.backward(decoder.log_prob(at, target).sum())
        found.append((float(decoder.out.bias.grad[place]), float(decoder.out.bias.grad[3 * 9 + 1])))
    assert found[0][0] == pytest.approx(found[1][0])
    assert found[0][1] != pytest.approx(found[1][1])
    median = decoder.feel(at).timing[0, 0, 4, 1].item()
    slope = 1 - (2 * median) ** 2  # of the bound on timings
    assert found[0][0] == pytest.approx(np.sign(0.3 - median) * slope * (60_000 / 90 / 4) / 20)


def test_the_score_is_that_of_its_two_distributions(decoder):
    hits = (torch.rand(2, 3, 16, 9, dtype=torch.float64, generator=torch.Generator().manual_seed(1)) < 0.2).double()
    at = context(hits, 140.0)
    velocity = hits * 64 / 127
    timing = hits * 0.1
    feel = decoder.feel(at)
    late = -(0.1 - feel.timing).abs() / feel.timing_spread - (2 * feel.timing_spread).log()
    loud = -(64 / 127 - feel.velocity).abs() / feel.velocity_spread - (2 * feel.velocity_spread * 127).log()
    found = decoder.log_prob(at, torch.cat([velocity, timing], -1))
    assert found.detach().numpy() == pytest.approx(((late + loud) * hits).sum(-1).detach().numpy())


def test_draws_keep_the_hits_and_what_a_hit_can_be(decoder):
    hits = (torch.rand(2, 4, 16, 9, generator=torch.Generator().manual_seed(2)) < 0.3).double()
    at = context(hits)
    noise = torch.as_tensor(np.random.default_rng(0).laplace(size=(2, 4, 16, 18)))
    for temperature in (0.0, 1.0, 100.0):
        velocity, timing = decoder.draw(at, noise, temperature).chunk(2, -1)
        assert ((velocity > 0) == (hits > 0)).all()
        assert ((velocity * 127).round() >= hits).all()
        assert (velocity <= 1).all()
        assert (timing.abs() <= 0.5).all()
        assert (timing[hits == 0] == 0).all()


def test_temperature_is_in_units_of_the_spread(decoder):
    at = context(one_hit())
    feel = decoder.feel(at)
    ones = torch.full((1, 2, 16, 18), 0.01, dtype=torch.float64)
    moved = (decoder.draw(at, ones, 0.5) - decoder.draw(at, None, 0.0))[0, 0, 4]
    assert moved[1].item() == pytest.approx(0.005 * feel.velocity_spread[0, 0, 4, 1].item())
    assert moved[9 + 1].item() == pytest.approx(0.005 * feel.timing_spread[0, 0, 4, 1].item())


def test_spreads_are_bounded_in_milliseconds(decoder):
    with torch.no_grad():
        decoder.out.bias[3 * 9 :] = 50
    spread = decoder.feel(context(one_hit(), 60.0)).timing_spread * 250
    assert spread.detach().numpy() == pytest.approx(20 * math.exp(_SPREADS[1]))


def test_hits_a_bar_away_are_heard_and_the_edge_is_known(decoder):
    alone, preceded = one_hit(bar=1), one_hit(bar=1) + one_hit(bar=0)
    assert decoder.feel(context(alone)).timing[0, 1, 4, 1] != decoder.feel(context(preceded)).timing[0, 1, 4, 1]
    first, second = (decoder.feel(context(one_hit(bar=bar, bars=4))) for bar in (0, 2))
    assert first.timing[0, 0, 4, 1] != second.timing[0, 2, 4, 1]


def test_figures_are_mean_errors_of_the_medians():
    vae, _ = networks("tiny-groove")
    grooves = {**columns("groove", 2, 3), "tempo": np.full((2, 3), 100.0)}
    frames = frames_of(vae.config, grooves)
    with torch.no_grad():
        z = torch.randn(2, vae.config.z_size, generator=torch.Generator().manual_seed(0))
        found = vae.decoder("feel").figures(vae.conduct(z, 3, frames.told), frames.streams[0])
        (written,) = vae.draw_frames(vae.conduct(z, 3, frames.told))
    hit = grooves["bars"] > 0
    late = np.abs(written[..., 9:].numpy() - grooves["offsets"].astype(np.float32)) * 150
    loud = np.abs(written[..., :9].numpy() * 127 - grooves["bars"])
    for row in range(2):
        assert float(found["timing_ms"][row]) == pytest.approx(late[row][hit[row]].mean(), rel=1e-4)
        assert float(found["velocity_error"][row]) == pytest.approx(loud[row][hit[row]].mean(), rel=1e-4)


def test_an_engine_plays_the_hits_it_is_told():
    groove = engine("tiny-groove")
    given = told("tiny-groove", 3, 5)
    z = groove.sample_prior([1, 2, 3], bars=5)
    for temperature in (0.0, 1.0):
        found = groove.decode(z, bars=5, temperature=temperature, seeds=[1, 2, 3], told=given)
        bits = ((found["bars"] > 0).astype(np.uint64) << np.arange(9, dtype=np.uint64)).sum(-1)
        assert (bits == given["hits"]).all()
        alone = groove.decode(z[1:2], bars=5, temperature=temperature, seeds=[2], told={name: part[1:2] for name, part in given.items()})
        assert all((alone[name][0] == found[name][1]).all() for name in found)
    slower = groove.decode(z, bars=5, temperature=0.0, told={**given, "tempo": given["tempo"] * 1.5})
    assert (slower["offsets"] != groove.decode(z, bars=5, temperature=0.0, told=given)["offsets"]).any()


def test_weights_are_chosen_by_the_medians():
    vae, _ = networks("tiny-groove")
    grooves = {**columns("groove", 2, 3), "tempo": np.full((2, 3), 100.0)}
    frames = frames_of(vae.config, grooves)
    decoder = vae.decoder("feel")
    with torch.no_grad():
        context = vae.conduct(torch.zeros(2, vae.config.z_size), 3, frames.told)
        before, figures = decoder.judged_nats(context, frames.streams[0]), decoder.figures(context, frames.streams[0])
        decoder.out.bias[3 * 9 :] += 1  # other spreads of timing
        assert torch.equal(decoder.judged_nats(context, frames.streams[0]), before)
    hits = (grooves["bars"] > 0).sum((1, 2, 3))
    wanted = hits * (figures["timing_ms"].numpy() / 20 + figures["velocity_error"].numpy() / 127 / 0.15)
    assert before.numpy() == pytest.approx(wanted, rel=1e-4)
