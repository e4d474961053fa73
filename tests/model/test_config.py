from __future__ import annotations

import pytest

from musicvae.model.config import PRESETS, ModelConfig


@pytest.mark.parametrize("name", PRESETS)
def test_presets_survive_the_round_trip(name: str) -> None:
    assert ModelConfig.from_dict(PRESETS[name].to_dict()) == PRESETS[name]


def test_z_holds_the_tune_and_every_bar() -> None:
    config = ModelConfig(z_global=3, z_bar=2, max_bars=5)
    assert config.z_size == 13
    assert config.z_used(4) == 11


@pytest.mark.parametrize("bars", [0, 17])
def test_bars_outside_the_model_are_refused(bars: int) -> None:
    with pytest.raises(ValueError, match=f"takes 1 to 16 bars at a time, got {bars}"):
        ModelConfig().z_used(bars)


def test_unknown_options_are_named() -> None:
    with pytest.raises(ValueError, match=r"unknown model options \['attention'\]: was the file written by a newer version"):
        ModelConfig.from_dict({"attention": 1})


def test_sizes_are_checked() -> None:
    with pytest.raises(ValueError, match="decoder_size must be a whole number of at least 1, got 0"):
        ModelConfig(decoder_size=0)
    with pytest.raises(ValueError, match=r"embedding_size \(30\) must be divisible by heads \(4\)"):
        ModelConfig(embedding_size=30)
