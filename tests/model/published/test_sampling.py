"""Frames are held against the network under teacher forcing: a piece is right if every frame is what its own past calls for."""

from __future__ import annotations

import copy
from dataclasses import replace

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from model.published.networks import CONFIGS, network, tiny
from torch import Tensor

from musicvae.model.heads import Categorical, Groove, Nade
from musicvae.model.noise import standard_noise
from musicvae.model.published.sampling import Chained, Sampler, decode_chained, decode_sequential
from musicvae.model.published.vae import PublishedVAE
from musicvae.model.sampling import Draws

HIERARCHICAL = [name for name, config in CONFIGS.items() if config.segments > 1]


def noise(vae: PublishedVAE, rows: int, seed: int = 0) -> Tensor:
    heads = [core.head for core in vae.cores]
    shape = (vae.config.steps, sum(head.noise_width for head in heads))
    return torch.from_numpy(standard_noise(range(seed, seed + rows), shape, heads[0].noise))


def controls(vae: PublishedVAE, rows: int) -> Tensor | None:
    depth = vae.config.control_depth
    return torch.randn(rows, vae.config.steps, depth, generator=torch.Generator().manual_seed(3)) if depth else None


def codes(vae: PublishedVAE, rows: int, seed: int = 5) -> Tensor:
    return torch.randn(rows, vae.config.z_size, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def called_for(vae: PublishedVAE, z: Tensor, frames: Tensor, draws: Draws, told: Tensor | None) -> Tensor:
    """What the network in double precision writes at each step after the frames before it."""
    vae = copy.deepcopy(vae).double()
    outputs = vae.outputs(z, frames.double() if frames.is_floating_point() else frames, None if told is None else told.double())
    parts, start = [], 0
    for core, scores, written in zip(vae.cores, outputs, vae.split(frames), strict=True):
        width = core.head.noise_width
        noises = 0.0 if draws.noise is None else draws.noise[..., start : start + width].double()
        start += width

        def noisy(x: Tensor, noises: Tensor | float = noises) -> Tensor:
            return x / draws.temperature + noises if draws.temperature else x

        if isinstance(core.head, Categorical):
            parts += [stream.argmax(-1, keepdim=True) for stream in core.head.split(noisy(scores))]
        elif isinstance(core.head, Nade):
            parts.append((noisy(core.head.logits(scores, written)) > 0).double())
        else:
            assert isinstance(core.head, Groove)
            hits, velocities, offsets = scores.chunk(3, -1)
            parts.append(torch.cat([(noisy(hits) > 0).double(), velocities.sigmoid(), offsets.tanh()], -1))
    return torch.cat(parts, -1)


@pytest.mark.parametrize("temperature", [0.0, 1.0, 0.3])
@pytest.mark.parametrize("name", CONFIGS)
def test_every_frame_is_what_its_own_past_calls_for(name: str, temperature: float) -> None:
    vae = network(tiny(name))
    draws, z, told = Draws(temperature, noise(vae, 3)), codes(vae, 3), controls(vae, 3)
    with torch.no_grad():
        frames = Sampler(vae).draw(z, draws, told).frames
        torch.testing.assert_close(frames.double(), called_for(vae, z, frames, draws, told).double(), rtol=0, atol=1e-12)
        in_turn = Sampler(vae).draw(z, draws, told, is_chained=False).frames
    assert torch.equal(frames, in_turn) or torch.allclose(frames, in_turn, rtol=0, atol=1e-12)


@pytest.mark.parametrize("name", [name for name in CONFIGS if CONFIGS[name].head != "groove"])
def test_single_precision_draws_what_double_precision_draws(name: str) -> None:
    vae = network(tiny(name)).float()
    with torch.no_grad():
        for temperature in (0.0, 1.0):
            draws, z, told = Draws(temperature, noise(vae, 40)), codes(vae, 40), controls(vae, 40)
            single = Sampler(vae).draw(z, draws, told)
            double = Sampler(copy.deepcopy(vae).double()).draw(z, draws, told)
            assert torch.equal(single.frames.double(), double.frames.double())


def test_close_decisions_are_taken_in_double_precision() -> None:
    vae = network(tiny("hierdec-mel_16bar")).float()
    with torch.no_grad():
        # Two classes that differ by less than single precision can tell, far above the others.
        vae.cores[0].output.weight[5] = vae.cores[0].output.weight[4]
        vae.cores[0].output.bias[4:6] = 20.0
        vae.cores[0].output.bias[5] = torch.nextafter(torch.tensor(20.0), torch.tensor(30.0))
        z = codes(vae, 8)
        sampled = Sampler(vae).draw(z, Draws())
        assert sampled.redrawn >= 8 * 3
        assert (sampled.frames == 5).all()
        torch.testing.assert_close(sampled.frames, called_for(vae, z, sampled.frames, Draws(), None))


def test_a_piece_depends_on_its_own_row_alone_and_not_on_threads() -> None:
    vae = network(tiny("hierdec-trio_16bar")).float()
    sampler, z, noises = Sampler(vae), codes(vae, 20), noise(vae, 20)
    before = torch.get_num_threads()
    with torch.no_grad():
        together = sampler.draw(z, Draws(1.0, noises)).frames
        try:
            torch.set_num_threads(3)
            assert torch.equal(sampler.draw(z, Draws(1.0, noises)).frames, together)
        finally:
            torch.set_num_threads(before)
        for row in (slice(0, 1), slice(7, 10)):
            assert torch.equal(sampler.draw(z[row], Draws(1.0, noises[row])).frames, together[row])


def test_half_precision_draws_much_the_same_and_looks_at_nothing_twice() -> None:
    vae = network(tiny("hier-mel_16bar")).float()
    draws, z = Draws(1.0, noise(vae, 200)), codes(vae, 200)
    with torch.no_grad():
        half, full = Sampler(vae, torch.bfloat16).draw(z, draws), Sampler(vae).draw(z, draws)
    assert half.redrawn == 0
    assert (half.frames == full.frames).float().mean() > 0.9


def test_the_first_steps_alone_are_the_first_steps() -> None:
    for name in ("flat-mel_16bar", "hierdec-mel_16bar", "cat-mel_2bar_med_chords"):
        vae = network(tiny(name))
        draws, z, told = Draws(1.0, noise(vae, 4)), codes(vae, 4), controls(vae, 4)
        with torch.no_grad():
            whole = Sampler(vae).draw(z, draws, told).frames
            for steps in (3, 4, 7, 12):
                assert torch.equal(Sampler(vae).draw(z, draws, told, steps=steps).frames, whole[:, :steps])


@pytest.mark.parametrize("name", HIERARCHICAL)
def test_after_the_end_of_a_stretch_there_is_nothing_and_the_next_begins_with_that(name: str) -> None:
    vae = network(replace(tiny(name), outputs=(5,) * len(tiny(name).outputs)))
    draws, z, told = Draws(1.0, noise(vae, 30), end=2), codes(vae, 30), controls(vae, 30)
    with torch.no_grad():
        frames = Sampler(vae).draw(z, draws, told).frames
        expected = called_for(vae, z, frames, draws, told)
    for stream in frames.view(30, 3, 4, -1).unbind(-1):
        ended = (stream == 2).cumsum(-1) - (stream == 2).long() > 0
        assert 0 < ended.sum() < ended.numel()
        assert ((stream == -1) == ended).all()
    assert torch.equal(torch.where(frames < 0, frames, expected), frames)


def test_a_bias_is_added_and_what_is_forced_is_taken() -> None:
    vae = network(tiny("hierdec-trio_16bar"))
    draws, z = Draws(1.0, noise(vae, 5)), codes(vae, 5)
    bias = torch.zeros(5, 12, 15, dtype=torch.float64)
    bias[:, 6, 4 + 3] = 1e6
    forced = torch.full((5, 12, 3), -1)
    forced[:, 3, 0], forced[2, 7, 2] = 2, 5
    with torch.no_grad():
        sampler = Sampler(vae)
        biased = sampler.draw(z, replace(draws, bias=bias)).frames
        assert (biased[:, 6, 1] == 3).all()
        taken = sampler.draw(z, replace(draws, forced=forced)).frames
        expected = called_for(vae, z, taken, draws, None)
    assert torch.equal(torch.where(forced >= 0, forced, expected), taken)


def test_forced_frames_are_not_looked_at_twice() -> None:
    vae = network(tiny("hierdec-mel_16bar")).float()
    with torch.no_grad():
        vae.cores[0].output.weight.zero_()
        vae.cores[0].output.bias.zero_()
        assert Sampler(vae).draw(codes(vae, 2), Draws(forced=torch.ones(2, 12, 1, dtype=torch.int64))).redrawn == 0
        assert Sampler(vae).draw(codes(vae, 2), Draws()).redrawn > 0


@settings(max_examples=60, deadline=None)
@given(st.integers(1, 6), st.integers(1, 9), st.sampled_from([0.0, 0.1, 0.5, 1.0]), st.integers(0, 2**31))
def test_all_at_once_gives_what_one_after_another_gives(n: int, stretches: int, contagion: float, seed: int) -> None:
    # A stretch's frames hang on its first input by a table; with `contagion`, so does its end.
    source = torch.Generator().manual_seed(seed)
    table = torch.randint(0, 5, (n * stretches, 6, 4, 1), generator=source)
    constant = torch.rand(n * stretches, generator=source) >= contagion
    table[constant, :, -1] = table[constant, :1, -1]
    asked: list[int] = []

    def decode(rows: Tensor, first: Tensor) -> Tensor:
        asked.append(len(rows))
        return table[rows, first[:, 0]]

    guess = torch.zeros(n, stretches, 1, dtype=torch.int64)
    guess[:, 0] = -1
    in_turn = decode_sequential(decode, guess)
    asked.clear()
    at_once = decode_chained(decode, guess)
    assert torch.equal(at_once.frames, in_turn.frames)
    assert at_once.rounds == len(asked) <= stretches
    assert at_once.decoded == sum(asked) <= 3 * n * stretches + 16 * stretches
    if contagion == 0.0:
        assert at_once.rounds <= 2


def test_what_was_decoded_is_counted() -> None:
    frames = torch.tensor([[[0], [0]], [[0], [0]], [[1], [1]], [[0], [0]]])
    result = decode_chained(lambda rows, first: frames[rows], torch.tensor([[[-1], [0], [0], [0]]]))
    assert isinstance(result, Chained)
    assert (result.rounds, result.decoded) == (2, 5)


@pytest.mark.slow
@pytest.mark.parametrize("gain", [1.0, 2.0])
def test_a_thousand_pieces_in_single_precision_are_those_of_double_precision(gain: float) -> None:
    config = replace(CONFIGS["hierdec-mel_16bar"], encoder_sizes=(8,), conductor_sizes=(64, 64), decoder_sizes=(96, 96), z_size=32)
    with torch.random.fork_rng():
        torch.manual_seed(1)
        vae = PublishedVAE(config).eval()
    with torch.no_grad():
        for parameter in vae.cores[0].cells.parameters():
            parameter.mul_(gain)
        vae.cores[0].start.weight.mul_(100)
        vae.cores[0].output.weight.mul_(4)
        vae.cores[0].output.bias[0] = 4.0
        z, draws = codes(vae, 1000), Draws(1.0, noise(vae, 1000))
        single, double = Sampler(vae).draw(z, draws), Sampler(copy.deepcopy(vae).double()).draw(z, draws, is_chained=False)
    assert single.redrawn > 0
    assert torch.equal(single.frames, double.frames)
