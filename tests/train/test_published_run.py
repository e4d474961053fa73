"""Whole runs of tiny published networks."""

import json
from dataclasses import replace

import pytest
import torch
from train.published import corpus_for, tiny

from musicvae.model.published.presets import PUBLISHED
from musicvae.model.published.vae import PublishedVAE
from musicvae.model.weights import load_model, load_published, save_model
from musicvae.train.checkpoints import checkpoints, load_plain
from musicvae.train.memory import memory_bytes, pieces_that_fit, step_bytes
from musicvae.train.options import MachineOptions, PublishedOptions, TrainOptions
from musicvae.train.run import course_of, train

CONFIG = tiny("cat-mel_2bar_small", size=12)
OPTIONS = PublishedOptions.of(
    PUBLISHED["cat-mel_2bar_small"].recipe, batch_size=8, max_steps=6, validate_every_steps=3, validation_windows=8, seed=2,
    sampling_rate=2.0, lr=3e-3,
)  # fmt: skip
MACHINE = MachineOptions(accelerator="cpu", precision="32-true", threads=1, log_every_steps=2)


@pytest.fixture(scope="module")
def corpus():
    return corpus_for(CONFIG)


@pytest.fixture(scope="module")
def trained(corpus, tmp_path_factory):
    out = tmp_path_factory.mktemp("trained") / "m.safetensors"
    return train(corpus, out, config=CONFIG, options=OPTIONS, machine=MACHINE, metadata={"description": "made up"}, progress=False)


def weights(path):
    return load_published(path).vae.state_dict()


def test_a_run_writes_a_model_that_tells_its_story(trained):
    bundle = load_model(trained.path)
    assert bundle.config == CONFIG
    story = bundle.metadata
    assert story["network"] == "published"
    assert story["description"] == "made up"
    assert story["recipe"]["options"] == json.loads(json.dumps(OPTIONS.to_dict()))
    assert story["data"]["windows"] == {"train": 280, "validation": 56}
    assert (story["steps"], story["seed"]) == (6, 2)
    assert {"accuracy", "own_draws_accuracy", "kl_bits", "objective_nats"} <= set(trained.figures)
    assert trained.prior == {}


def test_no_copy_of_the_weights_is_kept_for_averages(trained):
    content = load_plain(checkpoints(trained.run_dir)[0])
    assert content["musicvae"]["averaged"] == {}
    last = {name.removeprefix("vae."): x for name, x in content["state_dict"].items()}
    assert load_plain(trained.run_dir / "network.ckpt")["steps"] == 6
    assert set(last) == set(weights(trained.path))


def test_a_resumed_run_gives_the_same_weights(trained, corpus, tmp_path):
    out = tmp_path / "m.safetensors"
    train(corpus, out, config=CONFIG, options=replace(OPTIONS, max_steps=3), machine=MACHINE, progress=False)
    (tmp_path / "m.safetensors.run" / "network.ckpt").unlink()
    train(corpus, out, config=CONFIG, options=OPTIONS, machine=MACHINE, resume=True, progress=False)
    for name, x in weights(trained.path).items():
        assert torch.equal(weights(out)[name], x), name


def test_a_run_starts_from_an_imported_model(corpus, tmp_path):
    torch.manual_seed(0)
    # What weights say nothing of may differ: the name of the file it came from, and, of flat networks, the number of bars.
    start = save_model(tmp_path / "imported.safetensors", PublishedVAE(replace(CONFIG, preset="mel_small", steps=16)), metadata={})
    still = replace(OPTIONS, max_steps=1, lr=1e-12, min_lr=0.0)
    result = train(corpus, tmp_path / "m.safetensors", config=CONFIG, options=still, machine=MACHINE, init_from=start, progress=False)
    for name, x in weights(start).items():
        torch.testing.assert_close(weights(result.path)[name], x, atol=1e-9, rtol=0)
    assert load_model(result.path).metadata["recipe"]["init_from"] == load_model(start).hash


def test_another_network_is_no_start(corpus, trained, tmp_path):
    other = replace(CONFIG, z_size=5)
    with pytest.raises(ValueError, match="its sizes are others: z_size is 12, here 5; without a preset those of the file are taken"):
        train(corpus, tmp_path / "m.safetensors", config=other, options=OPTIONS, machine=MACHINE, init_from=trained.path, progress=False)
    with pytest.raises(ValueError, match="network of the published family|published"):
        train(corpus, tmp_path / "n.safetensors", config="tiny", options=TrainOptions(max_steps=1), machine=MACHINE, init_from=trained.path,
              progress=False)  # fmt: skip


def test_options_belong_to_a_family(corpus):
    with pytest.raises(ValueError, match="cat-mel_2bar_small is a published network and needs PublishedOptions, got TrainOptions"):
        course_of(corpus, CONFIG, TrainOptions())
    assert course_of(corpus, PUBLISHED["cat-mel_2bar_small"].config).options.batch_size == 512


def test_how_a_batch_is_gone_through_is_told(corpus, tmp_path, capsys):
    options = replace(OPTIONS, max_steps=1, batch_size=1000, pieces=4)
    train(corpus, tmp_path / "m.safetensors", config=CONFIG, options=options, machine=MACHINE)
    assert "280 windows a step (all there are; 1000 were asked for), in 4 parts of at most 70; about 0.0 GiB" in capsys.readouterr().err


def test_parts_are_as_few_as_fit():
    config = PUBLISHED["hierdec-mel_16bar"].config
    numbers = {"parameters": 176_000_000, "value_bytes": 2}
    whole = step_bytes(config, windows=512, **numbers)
    assert pieces_that_fit(config, windows=512, memory=2 * whole, **numbers) == 1
    for memory in (8 * 2**30, 24 * 2**30, 64 * 2**30):
        pieces = pieces_that_fit(config, windows=512, memory=memory, **numbers)
        assert step_bytes(config, windows=512 // pieces, **numbers) <= 0.6 * memory
        assert pieces == 1 or step_bytes(config, windows=512 // (pieces - 1), **numbers) > 0.6 * memory
    assert pieces_that_fit(config, windows=512, memory=2**30, **numbers) == 512
    assert memory_bytes(torch.device("cpu")) > 2**28


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"sampling": "linear"}, "sampling must be one of inverse_sigmoid, exponential, constant, or '' for none, got 'linear'"),
        ({"sampling": "inverse_sigmoid"}, "sampling_rate must be above 0 with inverse_sigmoid, got 0.0"),
        ({"sampling": "constant", "sampling_rate": 3.0}, "sampling_rate must be a share with constant, got 3.0"),
        ({"dropout_keep": 0.0}, "dropout_keep must be above 0, got 0.0"),
        ({"transpose": 13}, "transpose must be 0 to 12 semitones, got 13"),
        ({"free_bits": -1.0}, "free_bits must be at least 0, got -1.0"),
        ({"sampling": "constant", "dropout_keep": 0.5}, "own draws are fed back .* or inputs dropped .*, not both"),
        ({"pieces": 0}, "pieces must be at least 1, got 0"),
    ],
)
def test_options_out_of_range_are_refused(values, message):
    with pytest.raises(ValueError, match=message):
        PublishedOptions(**values)


def test_options_come_from_a_recipe_and_survive_the_way_through_a_dictionary():
    options = PublishedOptions.of(PUBLISHED["groovae_4bar"].recipe, batch_size=32)
    assert (options.dropout_keep, options.free_bits, options.max_beta, options.batch_size) == (0.3, 48.0, 0.2, 32)
    assert PublishedOptions.from_dict(options.to_dict()) == options
