from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file

from musicvae.model.prior import BarPrior
from musicvae.model.published.presets import PUBLISHED
from musicvae.model.published.vae import PublishedVAE
from musicvae.model.vae import MelodyVAE
from musicvae.model.weights import (
    FORMAT,
    PublishedBundle,
    add_metadata,
    config_of,
    load_melody_model,
    load_model,
    load_published,
    read_metadata,
    save_model,
)


def test_a_model_survives_the_round_trip_in_half_precision(networks: tuple[MelodyVAE, BarPrior], model_file: Path) -> None:
    bundle = load_model(model_file)
    assert bundle.config == networks[0].config
    assert bundle.metadata["note"] == "für Tests"
    assert not bundle.vae.training
    for ours, loaded in zip(networks, (bundle.vae, bundle.prior), strict=True):
        for name, value in ours.state_dict().items():
            torch.testing.assert_close(loaded.state_dict()[name], value.half().float())


def test_the_same_model_gives_the_same_file(networks: tuple[MelodyVAE, BarPrior], tmp_path: Path) -> None:
    metadata = {f"key {i}": i for i in range(20)}
    files = [save_model(tmp_path / name, *networks, metadata=metadata) for name in ("a.safetensors", "b.safetensors")]
    assert files[0].read_bytes() == files[1].read_bytes()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.safetensors", "b.safetensors"]


def test_a_file_cut_short_is_called_damaged(model_file: Path, tmp_path: Path) -> None:
    for size in (0, 5, 100, model_file.stat().st_size - 10):
        (tmp_path / "cut.safetensors").write_bytes(model_file.read_bytes()[:size])
        with pytest.raises(ValueError, match=r"cut\.safetensors is no model file, or it is damaged"):
            load_model(tmp_path / "cut.safetensors")


def test_other_safetensors_are_told_apart(tmp_path: Path) -> None:
    save_file({"x": torch.zeros(1)}, tmp_path / "other.safetensors")
    with pytest.raises(ValueError, match="no musicvae model: its header names no format"):
        read_metadata(tmp_path / "other.safetensors")


def test_a_newer_format_asks_for_an_upgrade(tmp_path: Path) -> None:
    header = {"musicvae": json.dumps({"format": FORMAT + 1, "config": {}})}
    save_file({"x": torch.zeros(1)}, tmp_path / "new.safetensors", metadata=header)
    with pytest.raises(ValueError, match=rf"has format {FORMAT + 1}, newer than {FORMAT}.*upgrade musicvae"):
        load_model(tmp_path / "new.safetensors")


def test_tensors_that_do_not_fit_the_configuration_are_refused(networks: tuple[MelodyVAE, BarPrior], tmp_path: Path) -> None:
    config = networks[0].config.to_dict()
    save_file(
        {"vae.nothing": torch.zeros(1)}, tmp_path / "odd.safetensors", metadata={"musicvae": json.dumps({"format": 1, "config": config})}
    )
    with pytest.raises(ValueError, match="does not fit the network of this version"):
        load_model(tmp_path / "odd.safetensors")


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="no model file .*nowhere"):
        load_model(tmp_path / "nowhere.safetensors")


# -- published networks


@pytest.fixture(scope="module")
def published() -> PublishedVAE:
    config = replace(PUBLISHED["hier-mel_16bar"].config, encoder_sizes=(3,), conductor_sizes=(4, 3), decoder_sizes=(5,), z_size=6)
    with torch.random.fork_rng():
        torch.manual_seed(1)
        return PublishedVAE(config).eval()


@pytest.mark.parametrize("half", [False, True])
def test_a_published_network_survives_the_round_trip(published: PublishedVAE, tmp_path: Path, half: bool) -> None:
    path = save_model(tmp_path / "m.safetensors", published, metadata={"note": "für Tests"}, half=half)
    bundle = load_model(path)
    assert isinstance(bundle, PublishedBundle)
    assert bundle.config == published.config == config_of(read_metadata(path))
    assert bundle.metadata["note"] == "für Tests"
    assert not bundle.vae.training
    state = bundle.vae.state_dict()
    assert state.keys() == published.state_dict().keys()
    for name, value in published.state_dict().items():
        torch.testing.assert_close(state[name], value.half().float() if half else value, rtol=0, atol=0)
    assert all(parameter.requires_grad and parameter.is_leaf for parameter in bundle.vae.parameters())


def test_each_family_can_be_asked_for(published: PublishedVAE, model_file: Path, tmp_path: Path) -> None:
    path = save_model(tmp_path / "m.safetensors", published, metadata={})
    assert load_published(path).hash == load_model(path).hash
    assert load_melody_model(model_file).prior is not None
    with pytest.raises(ValueError, match="holds the published network hier-mel_16bar; one of our own is needed"):
        load_melody_model(path)
    with pytest.raises(ValueError, match="holds a network of our own, of melodies; one of the published family is needed"):
        load_published(model_file)


def test_files_of_our_own_are_still_of_the_first_format(model_file: Path) -> None:
    header = read_metadata(model_file)
    assert header["format"] == 1
    assert "network" not in header


def test_a_network_of_our_own_is_saved_with_its_prior(networks: tuple[MelodyVAE, BarPrior], tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="saved with its prior"):
        save_model(tmp_path / "m.safetensors", networks[0], None, metadata={})  # type: ignore[call-overload]


def test_a_family_that_is_not_known_asks_for_an_upgrade(tmp_path: Path) -> None:
    header = {"musicvae": json.dumps({"format": FORMAT, "network": "transformer", "config": {}})}
    save_file({"x": torch.zeros(1)}, tmp_path / "m.safetensors", metadata=header)
    with pytest.raises(ValueError, match="network of the unknown family 'transformer': upgrade"):
        load_model(tmp_path / "m.safetensors")


@pytest.mark.parametrize(
    ("config", "message"),
    [
        ({"steps": 0}, "steps must be a whole number of at least 1, got 0"),
        ({"steps": 32.5}, "steps must be a whole number of at least 1, got 32.5"),
        ({"z_size": "x"}, "z_size must be a whole number of at least 1, got 'x'"),
        ({"z_size": True}, "z_size must be a whole number"),
        ({"control_depth": -3}, "control_depth must be a whole number of at least 0, got -3"),
        ({"min_pitch": None}, "min_pitch must be a whole number of at least 0, got None"),
        ({"encoder_sizes": 5}, "encoder_sizes must be whole numbers of at least 1, got 5"),
        ({"encoder_sizes": "512"}, "encoder_sizes must be whole numbers of at least 1, got '512'"),
        ({"decoder_sizes": [5.7]}, r"decoder_sizes must be whole numbers of at least 1, got \(5.7,\)"),
        ({"converter": None}, "converter must be a name, got None"),
        ({"separate": "no"}, "separate must be true or false, got 'no'"),
        ({"head": "gaussian"}, "unknown head 'gaussian'"),
        ({"segments": 1}, "1 stretches and a conductor"),
        ({"nothing": 1}, r"unknown network options \['nothing'\]"),
    ],
)
def test_configurations_that_cannot_be(published: PublishedVAE, tmp_path: Path, config: dict[str, object], message: str) -> None:
    told = {**published.config.to_dict(), **config}
    tensors = {f"vae.{name}": x for name, x in published.state_dict().items()}  # which fit: the configuration alone is wrong
    header = json.dumps({"format": 2, "network": "published", "config": told})
    save_file(tensors, tmp_path / "m.safetensors", metadata={"musicvae": header})
    with pytest.raises(ValueError, match=message):
        load_model(tmp_path / "m.safetensors")


def test_sizes_that_the_tensors_have_not_cost_no_memory(published: PublishedVAE, tmp_path: Path) -> None:
    told = {**published.config.to_dict(), "decoder_sizes": [1_000_000]}
    save_file(
        {"x": torch.zeros(1)},
        tmp_path / "m.safetensors",
        metadata={"musicvae": json.dumps({"format": 2, "network": "published", "config": told})},
    )
    with pytest.raises(ValueError, match="does not fit the network of this version"):
        load_model(tmp_path / "m.safetensors")


@pytest.mark.parametrize("family", ["own", "published"])
def test_further_entries_leave_the_tensors_as_they_are(published: PublishedVAE, model_file: Path, tmp_path: Path, family: str) -> None:
    path = save_model(tmp_path / "m.safetensors", published, metadata={"a": 1}) if family == "published" else model_file
    added = load_model(add_metadata(path, tmp_path / "added.safetensors", {"b": 2}))
    assert added.metadata == {**read_metadata(path), "b": 2}
    before = load_model(path).vae.state_dict()
    assert all(torch.equal(value, before[name]) for name, value in added.vae.state_dict().items())
