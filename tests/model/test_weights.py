from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file

from musicvae.model.prior import BarPrior
from musicvae.model.vae import MelodyVAE
from musicvae.model.weights import FORMAT, load_model, read_metadata, save_model


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
