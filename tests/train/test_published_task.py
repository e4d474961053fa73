import math
import runpy
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from train.beats import write_band
from train.published import corpus_for, tiny

from musicvae.corpus.build import build_corpus
from musicvae.train import published_task
from musicvae.train.accuracy import Hits
from musicvae.train.examples import ExampleReader, HeldOutExamples, TrainingExamples
from musicvae.train.options import PublishedOptions
from musicvae.train.published_task import PublishedTask
from musicvae.train.recipes import build_options_for, recipe_for

ROOT = Path(__file__).parents[2]
REEL = ROOT / "data" / "examples" / "reel.mid"


def task(config, *, step=0, pieces=1, **changes):
    torch.manual_seed(1)
    made = PublishedTask(config, PublishedOptions.of(recipe_for(config), **{"seed": 1, "batch_size": 8, **changes}), pieces=pieces)
    made._trainer = SimpleNamespace(world_size=1, global_step=step, lightning_module=made, loggers=[])
    return made


def batch_for(config, count=8):
    options = PublishedOptions(batch_size=count)
    return TrainingExamples(ExampleReader(corpus_for(config), config), options).batch(0)


def published_loss(config, outputs, targets):
    """(N,) nats by the formulas, written out apart from the heads."""
    if config.head == "categorical":
        widths = np.cumsum([0, *config.outputs])
        joint = torch.cat(outputs, -1)
        return sum(
            torch.nn.functional.cross_entropy(joint[..., a:b].transpose(1, 2), targets[..., k], reduction="none", ignore_index=-1).sum(1)
            for k, (a, b) in enumerate(zip(widths, widths[1:], strict=False))
        )
    hits, velocities, offsets = outputs[0].chunk(3, -1)
    struck, loud, early = targets.chunk(3, -1)
    log_loss = torch.nn.functional.binary_cross_entropy_with_logits(hits, struck, reduction="none")
    return (log_loss + (velocities.sigmoid() - loud) ** 2 + (offsets.tanh() - early) ** 2).sum((1, 2))


@pytest.mark.parametrize(
    "name", ["cat-mel_2bar_med_chords", "hierdec-trio_16bar", "flat-trio_16bar", "groovae_2bar_humanize", "hier-mel_16bar"]
)
def test_the_loss_is_the_published_one(name):
    config = tiny(name)
    made = task(config, step=5000, free_bits=0.5, max_beta=0.7, beta_rate=0.999, sampling="", dropout_keep=1.0)
    batch = batch_for(config)
    with torch.no_grad():
        made.vae.encoder.sigma.bias.fill_(1.0)  # so that there is something to pay
    torch.manual_seed(9)
    loss = made.training_step(batch, 0)
    torch.manual_seed(9)
    noise = torch.randn(8, config.z_size)
    mu, sigma = made.vae.encode(batch.inputs, batch.controls, batch.lengths)
    outputs = made.vae.decode(mu + sigma * noise, batch.targets, batch.controls)
    normal = torch.distributions.Normal
    kl = torch.distributions.kl_divergence(normal(mu, sigma), normal(0.0, 1.0)).sum(1)
    paid = torch.maximum(kl - 0.5 * math.log(2), torch.zeros(8))
    expected = published_loss(config, outputs, batch.targets).mean() + 0.7 * (1 - 0.999**5000) * paid.mean()
    assert paid.mean() > 0.1
    torch.testing.assert_close(loss, expected, rtol=1e-5, atol=1e-4)


@pytest.mark.parametrize("name", ["hierdec-trio_16bar", "groovae_2bar_humanize", "cat-mel_2bar_small"])
@pytest.mark.parametrize("pieces", [2, 3, 8])
def test_nothing_hangs_on_the_number_of_pieces(name, pieces):
    config = tiny(name)
    batch = batch_for(config)
    # What is drawn inside a piece (own draws, dropout) hangs on the order of drawing; all else must not.
    alone = {"sampling": "", "dropout_keep": 1.0, "step": 100}
    found = []
    for made in (task(config, **alone), task(config, pieces=pieces, **alone)):
        torch.manual_seed(5)
        loss = made.training_step(batch, 0)
        loss.backward()
        found.append((loss.detach(), [p.grad for p in made.vae.parameters()], made._sums))
    torch.testing.assert_close(found[0], found[1], rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("name", ["cat-mel_2bar_small", "groovae_2bar_humanize"])
def test_a_piece_is_computed_again_from_the_same_draws(name):
    config = tiny(name)
    batch = batch_for(config)
    made, again = (task(config, step=7000) for _ in range(2))
    again.pieces = 2
    gradients = []
    for one, parts in ((made, batch), (again, batch)):
        torch.manual_seed(5)
        if one is made:  # the two pieces by hand, kept whole
            noise = torch.randn(8, config.z_size)
            sum(one._loss(parts.part(rows), noise[rows], 8)[0] for rows in (slice(0, 4), slice(4, 8))).backward()
        else:
            one.training_step(parts, 0).backward()
        gradients.append([p.grad for p in one.vae.parameters()])
    torch.testing.assert_close(gradients[0], gradients[1], rtol=1e-4, atol=1e-6)


def test_own_draws_are_fed_back_as_often_as_the_schedule_says(monkeypatch):
    shares = []

    def spy(vae, z, targets, share, controls):
        shares.append(share)
        assert not z.requires_grad
        return targets

    monkeypatch.setattr(published_task, "mixed_frames", spy)
    batch = batch_for(tiny("cat-mel_2bar_small"))
    for step in (1, 6908, 50_000):
        task(tiny("cat-mel_2bar_small"), step=step).training_step(batch, 0)
    assert shares == pytest.approx([0.001, 0.5, 1.0], abs=1e-3)
    task(tiny("hier-mel_16bar"), step=50_000).training_step(batch_for(tiny("hier-mel_16bar")), 0)
    assert len(shares) == 3


def test_the_optimizer_is_the_published_one():
    optimizer = task(tiny("cat-mel_2bar_small")).configure_optimizers()
    assert type(optimizer) is torch.optim.Adam
    (group,) = optimizer.param_groups
    assert (group["lr"], group["betas"], group["eps"], group["weight_decay"]) == (1e-3, (0.9, 0.999), 1e-8, 0)


def test_schedules_of_a_preset_go_by_its_recipe():
    made = task(tiny("cat-mel_2bar_big"))
    assert made.beta(200_000) == pytest.approx(0.43, abs=0.005)
    assert made.learning_rate(10_000) == pytest.approx(0.00037419, abs=1e-7)
    assert made.sampling_share(6908) == pytest.approx(0.5, abs=1e-3)
    still = task(tiny("hierdec-mel_16bar"))
    assert (still.beta(10), still.sampling_share(10**6)) == (0.2, 0.0)


def test_figures_of_training_and_validation():
    config = tiny("hierdec-trio_16bar")
    made = task(config, step=4)
    made._trainer.strategy = SimpleNamespace(broadcast=lambda x: x)
    made._trainer.optimizers = [SimpleNamespace(param_groups=[{"lr": 0.5}])]
    made.training_step(batch_for(config), 0)
    made.training_step(batch_for(config), 0).backward()
    made.bound_gradient()
    figures = made.training_figures()
    assert set(figures) == {f"train/{n}" for n in ("beta", "sampling_share", "reconstruction_nats", "kl_bits", "gradient_norm")}
    assert figures["train/reconstruction_nats"] == pytest.approx(32 * math.log(90 * 90 * 512), rel=0.02)
    assert made._sums.tolist() == [0, 0, 0, 0]
    reader = ExampleReader(corpus_for(config), config)
    made.on_validation_epoch_start()
    with torch.no_grad():
        for number, batch in enumerate(HeldOutExamples(reader, hop_bars=2, batch_size=8, most=16)):
            made.validation_step(batch, number)
    made.on_validation_epoch_end()
    found = made.validation
    assert {"accuracy", "accuracy_1", "accuracy_2", "accuracy_3", "kl_bits", "active_dimensions"} <= set(found)
    assert found["accuracy"] == pytest.approx(np.mean([found[f"accuracy_{k}"] for k in (1, 2, 3)]))
    paid = max(found["kl_bits"] * math.log(2) - 256 * math.log(2), 0.0)
    assert found["objective_nats"] == pytest.approx(found["reconstruction_nats"] + 0.2 * paid, rel=1e-3)
    assert made.best["step"] == 4


def test_with_own_draws_in_training_both_accuracies_are_told_and_validation_leaves_chance_alone():
    config = tiny("cat-mel_2bar_small")
    made = task(config)
    made.on_validation_epoch_start()
    state = torch.get_rng_state()
    with torch.no_grad():
        made.validation_step(batch_for(config), 0)
    assert torch.equal(torch.get_rng_state(), state)
    figures = made.validation_figures()
    assert {"accuracy", "own_draws_accuracy"} <= set(figures)


def test_a_step_of_drums_is_right_where_all_its_sounds_are():
    config = tiny("groovae_2bar_humanize")
    made = task(config)
    targets = torch.zeros(1, config.steps, 27)
    targets[0, :2, 0] = 1
    outputs = torch.full((1, config.steps, 27), -5.0)
    outputs[0, 0, 0] = 5.0
    hits = Hits()
    hits.count(made.vae, [outputs], targets)
    assert hits.shares("accuracy") == {"accuracy": pytest.approx(31 / 32)}


def test_nothing_after_the_end_counts():
    config = tiny("hier-multiperf_vel_1bar_med")
    targets = torch.full((1, 512, 1), -1)
    targets[0, :3] = 7
    outputs = torch.nn.functional.one_hot(torch.full((1, 512), 7), 490).float()
    outputs[0, 2] = 0.0
    hits = Hits()
    hits.count(task(config).vae, [outputs], targets)
    assert hits.shares("accuracy") == {"accuracy": pytest.approx(2 / 3)}


@pytest.fixture(scope="module")
def heart():
    """What the script of the presets learns by heart with."""
    return SimpleNamespace(**runpy.run_path(str(ROOT / "scripts" / "check_presets.py"), run_name="check_presets"))


def accuracy_by_heart(heart, config, file, folder):
    """Of eight windows of a file, none of them heard the same."""
    corpus = build_corpus([file], folder / "corpus", build_options_for(config), engine="inline")
    return heart.by_heart(config, heart.distinct_examples(ExampleReader(corpus, config))).accuracy


def test_a_tiny_network_learns_eight_real_examples_by_heart(heart, tmp_path):
    config = tiny("cat-mel_2bar_small", size=256, steps=16)
    assert accuracy_by_heart(heart, config, REEL, tmp_path) == 1.0


def test_examples_that_are_heard_the_same_are_not_learnt_by_heart(heart, tmp_path):
    config = tiny("groovae_2bar_tap_fixed_velocity")
    corpus = build_corpus([write_band(tmp_path / "band.mid")], tmp_path / "corpus", build_options_for(config), engine="inline")
    reader = ExampleReader(corpus, config)
    assert len(heart.distinct_examples(reader).inputs.unique(dim=0)) == 8
    with pytest.raises(ValueError, match="only 8 windows that differ, 9 are needed"):
        heart.distinct_examples(reader, 9)


@pytest.mark.slow
@pytest.mark.parametrize("name", ["cat-mel_2bar_small", "hierdec-mel_16bar", "hier-mel_16bar"])
def test_tiny_networks_of_every_make_learn_eight_real_melodies_by_heart(name, heart, tmp_path):
    assert accuracy_by_heart(heart, tiny(name, size=256), REEL, tmp_path) == 1.0


@pytest.mark.slow
@pytest.mark.parametrize(
    "name",
    ["cat-drums_2bar_small", "nade-drums_2bar_reduced", "groovae_2bar_humanize", "groovae_2bar_hits_control_tfds", "hier-trio_16bar",
     "hierdec-trio_16bar"],
)  # fmt: skip
def test_tiny_networks_of_drums_and_trios_learn_eight_real_examples_by_heart(name, heart, tmp_path):
    assert accuracy_by_heart(heart, tiny(name, size=256), write_band(tmp_path / "band.mid"), tmp_path) == 1.0
