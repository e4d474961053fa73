"""A run that is killed and resumed ends where it would have ended."""

import os
import signal
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from musicvae.train.checkpoints import load_plain, newest_checkpoint
from musicvae.train.options import MachineOptions, TrainOptions
from musicvae.train.run import train
from musicvae.train.task import VAETask

OPTIONS = TrainOptions(
    max_steps=8, batch_size=8, target_bits=20.0, beta_warmup_steps=2, warmup_steps=2, lr=3e-3, prior_steps=2, short_share=0.4,
    validate_every_steps=3, validation_windows=16, seed=5,
)  # fmt: skip
MACHINE = MachineOptions(accelerator="cpu", threads=1, checkpoint_minutes=0.0, log_every_steps=2)


class Killed(Exception):
    """Stands for a kill: nothing in the library catches it."""


def last_state(run_dir: Path) -> dict:
    path, content = newest_checkpoint(run_dir)
    assert path.name == "step-000000008.ckpt"
    return content


def assert_same(a, b, where: str = "") -> None:
    """Equal to the last bit, all the way down; time spent aside."""
    if isinstance(a, dict):
        assert a.keys() == b.keys(), where
        for key in a:
            if key not in ("seconds", "csv"):
                assert_same(a[key], b[key], f"{where}/{key}")
    elif isinstance(a, list | tuple):
        assert len(a) == len(b), where
        for i, (x, y) in enumerate(zip(a, b, strict=True)):
            assert_same(x, y, f"{where}/{i}")
    elif isinstance(a, torch.Tensor):
        assert torch.equal(a, b), where
    else:
        assert a == b, where


def states_to_compare(content: dict) -> dict:
    return {name: content[name] for name in ("state_dict", "optimizer_states", "musicvae", "global_step")}


@pytest.fixture(scope="module")
def straight(corpus, tmp_path_factory):
    out = tmp_path_factory.mktemp("straight") / "m.safetensors"
    train(corpus, out, config="tiny", options=OPTIONS, machine=MACHINE, progress=False)
    return out


# 2: between validations; 4: right after one, so that the newest checkpoint is the validation's; 6: in a validation step
@pytest.mark.parametrize("killed_at", [2, 4, 6])
def test_killed_and_resumed_is_as_if_nothing_had_happened(killed_at, straight, corpus, tmp_path, monkeypatch):
    out = tmp_path / "m.safetensors"
    with monkeypatch.context() as patch:
        hook = "on_validation_epoch_start" if killed_at % 3 == 0 else "on_train_batch_end"
        own = getattr(VAETask, hook)

        def killed(self, *args):
            if self.global_step == killed_at:
                raise Killed
            own(self, *args)

        patch.setattr(VAETask, hook, killed)
        with pytest.raises(Killed):
            train(corpus, out, config="tiny", options=OPTIONS, machine=MACHINE, progress=False)
    assert not out.exists()
    train(corpus, out, config="tiny", options=OPTIONS, machine=MACHINE, resume=True, progress=False)
    expected, found = (states_to_compare(last_state(path.with_name("m.safetensors.run"))) for path in (straight, out))
    assert_same(expected, found)
    files = [load_plain(path.with_name("m.safetensors.run") / "network.ckpt") for path in (straight, out)]
    assert_same(*files)
