"""Two processes on the CPU (gloo), started as a user's script would be."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
from train.processes import environment

SCRIPT = """
import hashlib, json, sys
from pathlib import Path
import torch
from train.corpora import make_corpus
from musicvae.train.data import TrainingWindows
from musicvae.train.options import MachineOptions, TrainOptions
from musicvae.train.run import train
from musicvae.train.task import VAETask

out, max_steps = Path(sys.argv[1]), int(sys.argv[2])
drawn, digests = [], {}
own_batch, own_result = TrainingWindows.batch, VAETask.result

def batch(self, number):
    drawn.append(self.batch_windows(number)[0].tolist())
    return own_batch(self, number)

def result(self):
    for name, tensors in (("own", self.vae.state_dict()), ("mean", self.averaged.copies())):
        digests[name] = hashlib.sha256(b"".join(x.numpy().tobytes() for x in tensors.values())).hexdigest()
    digests["controller"] = self.controller.state_dict()
    return own_result(self)

TrainingWindows.batch, VAETask.result = batch, result
options = TrainOptions(max_steps=max_steps, batch_size=4, target_bits=20.0, beta_warmup_steps=1, prior_steps=2, validation_windows=8)
machine = MachineOptions(accelerator="cpu", devices=2, strategy="ddp", precision="32-true", threads=1, checkpoint_minutes=0.0)
found = train(make_corpus(), out, config="tiny", options=options, machine=machine, resume=len(sys.argv) > 3, progress=False)
report = {"drawn": drawn, "digests": digests, "steps": found.steps, "written": found.rank == 0 and out.exists()}
out.with_name(f"rank-{found.rank}-{max_steps}.json").write_text(json.dumps(report))
"""

PUBLISHED = """
import hashlib, json, sys
from pathlib import Path
from train.published import corpus_for, tiny
from musicvae.train.examples import TrainingExamples
from musicvae.train.options import MachineOptions, PublishedOptions
from musicvae.train.published_task import PublishedTask
from musicvae.train.run import train

out, max_steps = Path(sys.argv[1]), int(sys.argv[2])
drawn, digests = [], {}
own_batch, own_result = TrainingExamples.batch, PublishedTask.result

def batch(self, number):
    drawn.append(self.source.batch_windows(number)[0].tolist())
    return own_batch(self, number)

def result(self):
    digests["own"] = hashlib.sha256(b"".join(x.numpy().tobytes() for x in self.vae.state_dict().values())).hexdigest()
    return own_result(self)

TrainingExamples.batch, PublishedTask.result = batch, result
config = tiny("hierdec-mel_16bar", size=8)
options = PublishedOptions(
    max_steps=max_steps, batch_size=4, pieces=2, sampling="constant", sampling_rate=0.5, transpose=2, validation_windows=8
)
machine = MachineOptions(accelerator="cpu", devices=2, strategy="ddp", precision="32-true", threads=1, checkpoint_minutes=0.0)
found = train(corpus_for(config), out, config=config, options=options, machine=machine, progress=False)
report = {"drawn": drawn, "digests": digests, "steps": found.steps, "written": found.rank == 0 and out.exists()}
out.with_name(f"rank-{found.rank}-{max_steps}.json").write_text(json.dumps(report))
"""


def run(folder: Path, *arguments: str, text: str = SCRIPT) -> None:
    script = folder / "script.py"
    script.write_text(text)
    command = [sys.executable, str(script), str(folder / "m.safetensors"), *arguments]
    done = subprocess.run(command, env=environment(), capture_output=True, encoding="utf-8", timeout=400, check=False)
    assert done.returncode == 0, done.stderr[:3000] + "\n...\n" + done.stderr[-1500:]


def reports(folder: Path, steps: int) -> list[dict]:
    return [json.loads((folder / f"rank-{rank}-{steps}.json").read_text()) for rank in (0, 1)]


@pytest.mark.parametrize("text", [SCRIPT, pytest.param(PUBLISHED, marks=pytest.mark.slow)], ids=["own", "published"])
def test_two_processes_learn_one_network_from_different_windows(text, tmp_path):
    run(tmp_path, "3", text=text)
    first, second = reports(tmp_path, 3)
    assert first["steps"] == second["steps"] == 3
    assert first["written"]
    assert first["digests"] == second["digests"]
    assert len(first["drawn"]) >= 3
    for mine, theirs in zip(first["drawn"], second["drawn"], strict=False):
        assert len(mine) == len(theirs)
        assert not {tuple(row) for row in mine} & {tuple(row) for row in theirs}


@pytest.mark.slow
def test_two_processes_resume_as_if_nothing_had_happened(tmp_path):
    for name in ("straight", "resumed"):
        (tmp_path / name).mkdir()
    run(tmp_path / "straight", "6")
    run(tmp_path / "resumed", "4")
    (tmp_path / "resumed" / "m.safetensors").unlink()
    run(tmp_path / "resumed", "6", "resume")
    a, b = (reports(tmp_path / name, 6) for name in ("straight", "resumed"))
    assert [report["drawn"][4:6] for report in a] == [report["drawn"][:2] for report in b]
    assert b[0]["digests"] == b[1]["digests"]
