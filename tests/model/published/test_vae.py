"""The networks against plain loops (`oracle`) that share nothing with them, for every published configuration at tiny size."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from model.published.networks import CONFIGS, examples, network, oracle, tiny
from torch.nn import functional as F

from musicvae.model.published.presets import PUBLISHED
from musicvae.model.published.vae import PublishedVAE

every_configuration = pytest.mark.parametrize("name", CONFIGS)
SOME = ["cat-mel_2bar_small", "hier-mel_16bar", "hierdec-trio_16bar", "hier-multiperf_vel_1bar_med_chords", "nade-drums_2bar_full"]


def _latent(n: int, size: int) -> torch.Tensor:
    return torch.randn(n, size, generator=torch.Generator().manual_seed(5), dtype=torch.float64)


@every_configuration
def test_codes_are_the_oracle_s(name: str) -> None:
    config = tiny(name)
    vae, data = network(config), examples(config)
    mu, sigma = vae.encode(data.inputs, data.controls)
    for k, x in enumerate(data.inputs.numpy()):
        controls = None if data.controls is None else data.controls[k].numpy()
        expected = oracle(vae).encode(x, controls)
        np.testing.assert_allclose(mu[k].detach(), expected[0], atol=1e-12)
        np.testing.assert_allclose(sigma[k].detach(), expected[1], atol=1e-12)


@every_configuration
def test_inputs_named_by_their_places_give_the_same_codes(name: str) -> None:
    config = tiny(name)
    vae, data = network(config), examples(config)
    for ours, expected in zip(vae.encode(data.rows, data.controls), vae.encode(data.inputs, data.controls), strict=True):
        torch.testing.assert_close(ours, expected)


@every_configuration
def test_outputs_and_losses_are_the_oracle_s(name: str) -> None:
    config = tiny(name)
    vae, data = network(config), examples(config)
    z, model = _latent(2, config.z_size), oracle(vae)
    outputs, losses = vae.outputs(z, data.targets, data.controls), -vae.log_probs(z, data.targets, data.controls)
    for k, frames in enumerate(data.frames):
        expected = model.decode(z[k].numpy(), frames, None if data.controls is None else data.controls[k].numpy())
        for ours, theirs in zip(outputs, expected, strict=True):
            np.testing.assert_allclose(ours[k].detach(), theirs, atol=1e-12)
        widths = [x.shape[1] for x in expected] if config.separate else [frames.shape[1]]
        parts = np.split(frames, np.cumsum(widths)[:-1], axis=1)
        steps = [sum(model.loss(x[t], y[t]) for x, y in zip(expected, parts, strict=True)) for t in range(config.steps)]
        np.testing.assert_allclose(losses[k].detach(), steps, atol=1e-11)


def test_a_joint_core_s_streams_are_told_apart() -> None:
    config = tiny("flat-trio_16bar")
    vae, data = network(config), examples(config)
    z = _latent(2, config.z_size)
    (whole,) = vae.outputs(z, data.targets)
    streams = vae.decode(z, data.targets)
    assert [x.shape[-1] for x in streams] == list(config.outputs)
    torch.testing.assert_close(torch.cat(streams, -1), whole)


@pytest.mark.parametrize("floats", [True, False])
def test_each_segment_is_read_for_as_many_steps_as_it_has(floats: bool) -> None:
    config = tiny("hier-multiperf_vel_1bar_med_chords")
    vae, data = network(config), examples(config)
    lengths = [[4, 1, 0], [2, 4, 3]]
    mu, sigma = vae.encode(data.inputs if floats else data.rows, data.controls, torch.tensor(lengths))
    assert data.controls is not None
    for k, x in enumerate(data.inputs.numpy()):
        expected = oracle(vae).encode(x, data.controls[k].numpy(), lengths[k])
        np.testing.assert_allclose(mu[k].detach(), expected[0], atol=1e-12)
        np.testing.assert_allclose(sigma[k].detach(), expected[1], atol=1e-12)


def test_lengths_need_levels() -> None:
    config = tiny("cat-mel_2bar_small")
    with pytest.raises(ValueError, match="all steps at once"):
        network(config).encode(examples(config).inputs, None, torch.tensor([[3], [4]]))


@pytest.mark.parametrize("name", SOME)
def test_all_stretches_at_once_cost_and_teach_what_one_after_another_does(name: str) -> None:
    config = tiny(name)
    vae, data = network(config), examples(config)
    z = _latent(2, config.z_size)

    def losses() -> dict[str, list[torch.Tensor]]:
        embeddings, told = vae.conduct(z), vae.condition(data.controls)
        nothing = torch.full_like(data.targets[:, :1], -1 if config.head == "categorical" else 0)
        shifted, length, parts = torch.cat([nothing, data.targets[:, :-1]], 1), config.steps_per_segment, []
        for bar in range(config.segments):
            here = slice(bar * length, (bar + 1) * length)
            controls = None if told is None else told.view(2, config.segments, length, -1)[:, bar]
            for core, fed, target in zip(vae.cores, vae.split(shifted[:, here]), vae.split(data.targets[:, here]), strict=True):
                parts.append(core.head.log_prob(core(embeddings[:, bar], fed, controls), target).sum())
        return {"bar by bar": parts, "at once": [vae.log_probs(z, data.targets, data.controls).sum()]}

    found = {}
    for way, parts in losses().items():
        total = torch.stack(parts).sum()
        gradients = torch.autograd.grad(total, [p for part in (vae.conductor, *vae.cores) if part is not None for p in part.parameters()])
        found[way] = (total, *gradients)
    for at_once, one_by_one in zip(found["at once"], found["bar by bar"], strict=True):
        torch.testing.assert_close(at_once, one_by_one)


@pytest.mark.parametrize("name", [*SOME, "groovae_2bar_hits_control_tfds", "controls read first"])
def test_step_by_step_gives_what_the_whole_gives(name: str) -> None:
    config = tiny(name)
    vae, data = network(config), examples(config)
    z = _latent(2, config.z_size)
    with torch.no_grad():
        embeddings, told = vae.conduct(z).flatten(0, 1), vae.condition(data.controls)
        nothing = torch.full_like(data.targets[:, :1], -1 if config.head == "categorical" else 0)
        shifted = torch.cat([nothing, data.targets[:, :-1]], 1).reshape(len(embeddings), config.steps_per_segment, -1)
        for core, fed, expected in zip(vae.cores, vae.split(shifted), vae.outputs(z, data.targets, data.controls), strict=True):
            context, state = core.prepare(embeddings, told)
            assert context.shape[:2] == (config.steps_per_segment, len(embeddings))
            found = []
            for t in range(config.steps_per_segment):
                outputs, state = core.step(fed[:, t], context[t], state)
                found.append(outputs)
            torch.testing.assert_close(torch.stack(found, 1).reshape(expected.shape), expected)


@pytest.mark.parametrize("name", SOME)
def test_a_step_is_scored_without_sight_of_it_or_of_later_ones(name: str) -> None:
    config = tiny(name)
    vae, data = network(config), examples(config)
    z, t = _latent(2, config.z_size), config.steps // 2
    changed = data.targets.clone()
    changed[:, t:] = data.targets[:, t:].flip(0)
    for before, after in zip(vae.outputs(z, data.targets, data.controls), vae.outputs(z, changed, data.controls), strict=True):
        torch.testing.assert_close(before[:, : t + 1], after[:, : t + 1])
        assert not torch.allclose(before[:, t + 1], after[:, t + 1])


def test_what_is_fed_back_can_differ_from_what_is_scored() -> None:
    config = tiny("hier-mel_16bar")
    vae, data = network(config), examples(config)
    z, fed = _latent(2, config.z_size), data.targets.flip(1)
    outputs = vae.decode(z, fed)[0].log_softmax(-1)
    expected = outputs.gather(-1, data.targets.clamp(min=0))[..., 0] * (data.targets[..., 0] >= 0)
    torch.testing.assert_close(vae.log_probs(z, data.targets, fed=fed), expected)


@every_configuration
def test_one_pass_draws_z_and_teaches_every_weight(name: str) -> None:
    config = tiny(name)
    vae, data = network(config).train(), examples(config, n=4)
    noise = _latent(4, config.z_size)
    out = vae(data.inputs, data.targets, noise, data.controls)
    torch.testing.assert_close(out.log_probs, vae.log_probs(out.mu + out.sigma * noise, data.targets, data.controls))
    assert out.log_probs.shape == (4, config.steps)
    torch.testing.assert_close(out.kl(), 0.5 * (out.mu**2 + out.sigma**2 - 1) - out.sigma.log())
    (out.log_probs.sum() - out.kl().sum()).backward()
    assert [name for name, p in vae.named_parameters() if p.grad is None or not p.grad.abs().any()] == []


def test_new_networks_begin_as_the_published_ones_did() -> None:
    torch.manual_seed(0)
    config = PUBLISHED["cat-mel_2bar_small"].config
    vae = PublishedVAE(replace(config, encoder_sizes=(64,), decoder_sizes=(64, 64)))
    mu, sigma = vae.encode(torch.randint(0, 90, (8, 32, 1)))
    assert mu.abs().max() < 0.01
    torch.testing.assert_close(sigma, torch.full_like(sigma, np.log(2.0)), atol=0.01, rtol=0)
    cell = vae.cores[0].cells[1]
    bound = (6 / (64 + 64 + 4 * 64)) ** 0.5
    for weight in (cell.weight_in, cell.weight_rec):
        assert 0.98 * bound < weight.abs().max() <= bound
    assert cell.bias.tolist() == [0.0] * 64 + [1.0] * 64 + [0.0] * 128


def test_parts_are_named_as_model_files_name_them() -> None:
    config = tiny("hierdec-trio_16bar")
    shapes = {name: tuple(x.shape) for name, x in network(config).state_dict().items()}
    layers = ["encoder.levels.0.0", "encoder.levels.0.1"]
    cells = [f"{layer}.{way}_cell" for layer in layers for way in ("forward", "backward")]
    cells += [f"conductor.cells.{k}" for k in range(2)] + [f"cores.{core}.cells.{k}" for core in range(3) for k in range(2)]
    dense = ["encoder.mu", "encoder.sigma", "conductor.start", *(f"cores.{k}.{part}" for k in range(3) for part in ("start", "output"))]
    names = [f"{cell}.{part}" for cell in cells for part in ("weight_in", "weight_rec", "bias") if (cell, part) != (cells[4], "weight_in")]
    assert sorted(shapes) == sorted([*names, *(f"{layer}.{part}" for layer in dense for part in ("weight", "bias"))])
    assert shapes["cores.1.cells.0.weight_in"] == (4 * 6, 5 + 4)
    assert shapes["encoder.levels.0.1.backward_cell.weight_in"] == (4 * 4, 2 * 5)
    assert set(network(tiny("nade-drums_2bar_full")).state_dict()) >= {"cores.0.head.w_enc", "cores.0.head.w_dec"}


@pytest.mark.parametrize(
    ("name", "millions"),
    [
        ("cat-mel_2bar_small", 4.42), ("cat-mel_2bar_big", 134.6), ("cat-drums_2bar_small", 4.64), ("nade-drums_2bar_full", 14.4),
        ("flat-mel_16bar", 235), ("hierdec-mel_16bar", 176), ("hier-mel_16bar", 72.6), ("hierdec-trio_16bar", 231),
        ("hier-multiperf_vel_1bar_big", 204.6), ("groovae_4bar", 4.09),
    ],
)  # fmt: skip
def test_sizes_are_those_of_the_published_networks(name: str, millions: float) -> None:
    with torch.device("meta"):
        vae = PublishedVAE(PUBLISHED[name].config)
    assert sum(p.numel() for p in vae.parameters()) / 1e6 == pytest.approx(millions, rel=0.005)


class TestDropout:
    def test_it_is_off_outside_of_training(self) -> None:
        config = tiny("groovae_2bar_humanize")
        data, vae = examples(config), PublishedVAE(config, dropout_keep=0.3).double().eval()
        vae.load_state_dict(network(config).state_dict())
        for ours, expected in zip(vae.encode(data.inputs), network(config).encode(data.inputs), strict=True):
            torch.testing.assert_close(ours, expected)

    @pytest.mark.parametrize("name", ["groovae_2bar_humanize", "cat-mel_2bar_med_chords", "hierdec-trio_16bar"])
    def test_every_layer_s_inputs_fall_out_in_training(self, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
        config = tiny(name)
        data, vae = examples(config), PublishedVAE(config, dropout_keep=0.3).double().train()
        seen: list[tuple[tuple[int, ...], float]] = []
        plain = F.dropout

        def watched(x: torch.Tensor, p: float, training: bool = True) -> torch.Tensor:
            seen.append((tuple(x.shape), p))
            return plain(x, p, training)

        monkeypatch.setattr(F, "dropout", watched)
        out = vae(data.rows if config.head == "categorical" else data.inputs, data.targets, _latent(2, config.z_size), data.controls)
        assert torch.isfinite(out.log_probs).all()
        widths = [x[-1] for x, _ in seen]
        cells = [module for layer in vae.encoder.levels[0] for module in (layer.forward_cell, layer.backward_cell)]
        cells += [cell for core in vae.cores for cell in core.cells]
        assert widths == [cell.input_size for cell in cells]
        assert {p for _, p in seen} == {0.7}

    def test_with_everything_kept_it_changes_nothing(self) -> None:
        config = tiny("cat-mel_2bar_med_chords")
        data, vae = examples(config), network(config).train()
        expected = vae.log_probs(_latent(2, config.z_size), data.targets, data.controls)
        for part in vae.modules():
            if hasattr(part, "dropout_keep"):
                part.dropout_keep = 1 - 1e-12  # the long way round, with nothing falling out
        torch.testing.assert_close(vae.log_probs(_latent(2, config.z_size), data.targets, data.controls), expected)
