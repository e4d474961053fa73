"""A run that is killed and resumed ends where it would have ended."""

import shutil
import signal
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from train.corpora import make_corpus
from train.processes import environment

from musicvae.train.checkpoints import load_plain, newest_checkpoint
from musicvae.train.options import MachineOptions, TrainOptions
from musicvae.train.run import train
from musicvae.train.task import VAETask

OPTIONS = TrainOptions(
    max_steps=8, batch_size=8, target_bits=20.0, beta_warmup_steps=2, warmup_steps=2, lr=3e-3, prior_steps=2, short_share=0.4,
    validate_every_steps=3, validation_windows=16, seed=5,
)  # fmt: skip
MACHINE = MachineOptions(accelerator="cpu", precision="32-true", threads=1, checkpoint_minutes=0.0, log_every_steps=2)


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


KILLED_WHILE_SAVING = """
import os, signal, sys
from pathlib import Path
from train.corpora import make_corpus
from train.test_resume import MACHINE, OPTIONS
from musicvae.train import checkpoints
from musicvae.train.run import train

own = checkpoints._put_in_place

def killed(partial, path):
    if path.name == "step-000000005.ckpt":
        partial.write_bytes(partial.read_bytes()[:5000])
        os.kill(os.getpid(), signal.SIGKILL)
    own(partial, path)

checkpoints._put_in_place = killed
train(make_corpus(), Path(sys.argv[1]), config="tiny", options=OPTIONS, machine=MACHINE, progress=False)
"""


@pytest.mark.skipif(sys.platform == "win32", reason="no SIGKILL")
def test_kill_9_in_the_middle_of_a_save_loses_one_step(straight, corpus, tmp_path):
    out, run_dir = tmp_path / "m.safetensors", tmp_path / "m.safetensors.run"
    command = [sys.executable, "-c", KILLED_WHILE_SAVING, str(out)]
    done = subprocess.run(command, env=environment(), capture_output=True, timeout=180, check=False)
    assert done.returncode == -signal.SIGKILL, done.stderr.decode()[-2000:]
    assert sorted(path.name for path in run_dir.glob("step-*")) == [
        "step-000000003.ckpt", "step-000000004.ckpt", "step-000000005.ckpt.partial"
    ]  # fmt: skip
    train(corpus, out, config="tiny", options=OPTIONS, machine=MACHINE, resume=True, progress=False)
    expected, found = (states_to_compare(last_state(path.with_name("m.safetensors.run"))) for path in (straight, out))
    assert_same(expected, found)
    assert not list(run_dir.glob("*.partial"))


def test_a_checkpoint_holds_no_more_than_plain_content(straight):
    _, content = newest_checkpoint(straight.with_name("m.safetensors.run"))  # reads with weights_only
    assert content["run"]["options"]["seed"] == 5
    assert content["musicvae"]["averaged"]["updates"] == 8


def test_resuming_a_finished_run_only_writes_the_model(straight, corpus, monkeypatch):
    before = straight.read_bytes()
    monkeypatch.setattr(VAETask, "training_step", None)  # would fail
    result = train(corpus, straight, config="tiny", options=OPTIONS, machine=MACHINE, resume=True, progress=False)
    assert result.steps == 8
    assert straight.read_bytes()[-1000:] == before[-1000:]  # the header holds the time


def test_resuming_with_more_steps_goes_on(straight, corpus, tmp_path):
    copied = tmp_path / "longer.safetensors"
    shutil.copytree(straight.with_name("m.safetensors.run"), tmp_path / "longer.safetensors.run")
    result = train(corpus, copied, config="tiny", options=replace(OPTIONS, max_steps=10), machine=MACHINE, resume=True, progress=False)
    assert result.steps == 10


@pytest.mark.parametrize(
    ("changes", "message"),
    [({"seed": 6}, "seed was 5, now 6"), ({"batch_size": 4}, "batch_size was 8, now 4")],
)
def test_a_run_with_other_choices_is_not_resumed(changes, message, straight, corpus, tmp_path):
    machine, other = replace(MACHINE, run_dir=straight.with_name("m.safetensors.run")), replace(OPTIONS, **changes)
    with pytest.raises(ValueError, match=message):
        train(corpus, tmp_path / "m.safetensors", config="tiny", options=other, machine=machine, resume=True, progress=False)


def test_a_changed_corpus_is_not_resumed(straight, tmp_path):
    machine = replace(MACHINE, run_dir=straight.with_name("m.safetensors.run"))
    with pytest.raises(ValueError, match="corpus was"):
        train(make_corpus(seed=1), tmp_path / "m.safetensors", config="tiny", options=OPTIONS, machine=machine, resume=True, progress=False)


def test_an_older_run_is_not_lost_by_accident(straight, corpus, tmp_path):
    with pytest.raises(FileExistsError, match=r"m.safetensors exists; use --force"):
        train(corpus, straight, config="tiny", options=OPTIONS, machine=MACHINE, progress=False)
    machine = replace(MACHINE, run_dir=straight.with_name("m.safetensors.run"))
    with pytest.raises(FileExistsError, match="use --resume to go on with it"):
        train(corpus, tmp_path / "other.safetensors", config="tiny", options=OPTIONS, machine=machine, progress=False)
