import copy
import math

import pytest
import torch
from torch import nn

from musicvae.train.control import AveragedWeights, RateController, cosine_share


def controller(**changes):
    return RateController(**{"beta": 0.2, "target_bits": 100.0, "gain": 0.02, "warmup_steps": 10, **changes})


def test_beta_rises_linearly_then_stays_without_a_target():
    fixed = controller(target_bits=None)
    fixed.update(torch.tensor(1e4), 50)
    assert [float(fixed.beta(step)) for step in (0, 4, 10, 500)] == pytest.approx([0.2 / 11, 0.2 * 5 / 11, 0.2, 0.2])
    assert fixed.on_target(10)
    assert not fixed.on_target(9)


@pytest.mark.parametrize("slope", [20.0, 60.0])
def test_a_rate_that_falls_with_beta_is_steered_to_the_target(slope):
    # A plant with a known answer and a lag: the KL creeps towards 60 - slope * log2(beta) bits.
    control, bits = controller(beta=1.0), 400.0
    for step in range(3000):
        bits += 0.05 * (60.0 - slope * math.log2(float(control.beta(step))) - bits)
        control.update(torch.tensor(bits * math.log(2)), step)
    assert bits == pytest.approx(100.0, rel=0.02)
    assert float(control.beta(3000)) == pytest.approx(2 ** (-40.0 / slope), rel=0.05)
    assert control.on_target(3000)


def test_control_waits_for_the_warm_up_and_moves_at_most_by_the_gain():
    control = controller()
    control.update(torch.tensor(1e6), 9)
    assert float(control.log_beta) == pytest.approx(math.log(0.2))
    control.update(torch.tensor(1e6), 10)
    assert float(control.log_beta) == pytest.approx(math.log(0.2) + 0.02)
    assert not control.on_target(11)


def test_beta_stays_in_bounds():
    control = controller(gain=5.0)
    for step in range(10, 30):
        control.update(torch.tensor(1e6), step)
    assert float(control.beta(30)) == pytest.approx(20.0)
    for step in range(30, 60):
        control.update(torch.tensor(0.0), step)
    assert float(control.beta(60)) == pytest.approx(1e-4)


def test_controller_state_goes_on_exactly():
    one, two = controller(), controller()
    for step in range(20):
        one.update(torch.tensor(50.0 + step), step)
    two.load_state_dict(one.state_dict())
    for step in range(20, 25):
        for control in (one, two):
            control.update(torch.tensor(90.0), step)
    assert one.state_dict() == two.state_dict()


def test_cosine_share():
    def share(step, progress):
        return cosine_share(step, warmup_steps=9, progress=progress, end=0.1)

    assert [share(0, 0.0), share(4, 0.0), share(9, 0.0)] == pytest.approx([0.1, 0.5, 1.0])
    assert [share(100, 0.5), share(100, 1.0), share(100, 7.0)] == pytest.approx([0.55, 0.1, 0.1])


def test_averaged_weights_follow_their_formula():
    network = nn.Linear(2, 2)
    averaged = AveragedWeights(network, decay=0.3)
    expected = network.weight.detach().clone()
    for t in range(1, 8):
        with torch.no_grad():
            network.weight.add_(torch.randn(2, 2))
        averaged.update(network)
        decay = min(0.3, (1 + t) / (10 + t))
        expected = decay * expected + (1 - decay) * network.weight.detach()
    torch.testing.assert_close(averaged.copies()["weight"], expected)


def test_swapping_in_and_out_restores_the_network_and_keeps_its_storage():
    network = nn.GRU(3, 4)
    averaged = AveragedWeights(network, decay=0.9)
    with torch.no_grad():
        for parameter in network.parameters():
            parameter.add_(1.0)
    own, places = copy.deepcopy(network.state_dict()), [p.data_ptr() for p in network.parameters()]
    averaged.swap_in(network)
    torch.testing.assert_close(network.weight_ih_l0.detach(), own["weight_ih_l0"] - 1.0)
    averaged.swap_out(network)
    assert all(torch.equal(x, own[name]) for name, x in network.state_dict().items())
    assert places == [p.data_ptr() for p in network.parameters()]
    with pytest.raises(RuntimeError, match="swap_out without swap_in"):
        averaged.swap_out(network)
