import math
from dataclasses import replace

import pytest
import torch

from musicvae.model.config import PRESETS
from musicvae.model.vae import MelodyVAE
from musicvae.train import prior_fit
from musicvae.train.options import TrainOptions
from musicvae.train.own_course import OwnCourse
from musicvae.train.prior_fit import fit_prior

OPTIONS = TrainOptions(prior_steps=150, prior_lr=5e-3, batch_size=16, prior_batch_size=32, validation_windows=32, prior_patience=1)


@pytest.fixture(scope="module")
def vae():
    torch.manual_seed(0)
    network = MelodyVAE(PRESETS["tiny"])
    with torch.no_grad():  # codes far from N(0, I), so that there is something to gain
        network.encoder.bar_heads[-1].bias += 1.5
    return network.eval()


def fitted(vae, corpus, options, **more):
    codes = OwnCourse(corpus, vae.config, options).codes(vae, torch.device("cpu"))
    return fit_prior(vae.config, codes, options, **more)


def test_the_prior_gains_on_the_standard_normal(vae, corpus):
    fit = fitted(vae, corpus, OPTIONS)
    assert fit.nats_prior > fit.nats_standard_normal + 20
    assert fit.figures()["gain_over_standard_normal_nats"] == pytest.approx(fit.nats_prior - fit.nats_standard_normal)
    assert not fit.prior.training
    # The standard normal's log-density has a second way to be known: entropy and spread of what is drawn.
    assert fit.nats_standard_normal < -0.5 * math.log(2 * math.pi) * vae.config.z_size


def test_codes_are_grouped_and_the_network_is_left_alone(vae, corpus):
    before = {name: x.clone() for name, x in vae.state_dict().items()}
    course = OwnCourse(corpus, vae.config, replace(OPTIONS, short_share=0.5, batch_size=8))
    codes, held_out = course.codes(vae, torch.device("cpu"))
    assert len({(code.bars, code.kind) for code in codes}) == len(codes)
    assert sum(len(code.mu) for code in held_out) == sum(len(batch.tokens) for batch in course.held_out())
    assert all(not code.mu.requires_grad for code in codes)
    assert all(torch.equal(before[name], x) for name, x in vae.state_dict().items())


def test_a_killed_fit_goes_on_exactly(vae, corpus, tmp_path, monkeypatch):
    options = replace(OPTIONS, prior_steps=8)
    monkeypatch.setattr(prior_fit, "_EVALUATE_EVERY_STEPS", 2)
    monkeypatch.setattr(prior_fit, "_SAVE_EVERY_SECONDS", 0.0)
    straight = fitted(vae, corpus, options)
    path, own = tmp_path / "prior.ckpt", prior_fit._train_step

    def killed(*args):
        if args[-1] == 5:
            raise KeyboardInterrupt
        return own(*args)

    with monkeypatch.context() as patch:
        patch.setattr(prior_fit, "_train_step", killed)
        with pytest.raises(KeyboardInterrupt):
            fitted(vae, corpus, options, checkpoint=path, notes={"of": "this"})
    steps = []
    monkeypatch.setattr(prior_fit, "_train_step", lambda *args: steps.append(args[-1]) or own(*args))
    resumed = fitted(vae, corpus, options, checkpoint=path, notes={"of": "this"})
    assert steps == [4, 5, 6, 7]
    assert all(torch.equal(x, resumed.prior.state_dict()[name]) for name, x in straight.prior.state_dict().items())
    steps.clear()
    fitted(vae, corpus, options, checkpoint=path, notes={"of": "another network"})
    assert len(steps) == 8
