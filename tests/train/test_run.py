import csv
import hashlib
import io
import json
import logging
import signal
from dataclasses import replace

import pytest
import torch
from train.corpora import make_corpus

from musicvae.corpus.store import Corpus
from musicvae.model.config import PRESETS
from musicvae.model.weights import load_model
from musicvae.train.machine import build_trainer
from musicvae.train.options import MachineOptions, TrainOptions
from musicvae.train.progress import StatusLine
from musicvae.train.run import corpus_fingerprint, train
from musicvae.train.task import VAETask

OPTIONS = TrainOptions(
    max_steps=240, batch_size=16, target_bits=30.0, beta=0.1, beta_warmup_steps=20, beta_gain=0.1, warmup_steps=10, lr=1e-2,
    ema_decay=0.95, validate_every_steps=80, prior_steps=20, seed=1,
)  # fmt: skip
QUICK = replace(OPTIONS, max_steps=2, prior_steps=0, validate_every_steps=None)
MACHINE = MachineOptions(accelerator="cpu", precision="32-true", threads=1, log_every_steps=20)


def rows(run_dir):
    (path,) = run_dir.glob("csv/*/metrics.csv")
    with path.open() as file:
        return [{name: float(value) for name, value in row.items() if value} for row in csv.DictReader(file)]


@pytest.fixture(scope="module")
def learned(corpus, tmp_path_factory):
    out = tmp_path_factory.mktemp("learned") / "scales.safetensors"
    logging.getLogger("lightning.pytorch").setLevel(logging.INFO)
    return train(corpus, out, config="tiny", options=OPTIONS, machine=MACHINE, metadata={"name": "scales"}, progress=False)


def test_a_tiny_network_learns_scales_at_the_rate_asked_for(learned):
    logged = rows(learned.run_dir)
    first, last = (row for row in (logged[0], [row for row in logged if "train/reconstruction_nats" in row][-1]))
    assert last["train/reconstruction_nats"] < 0.7 * first["train/reconstruction_nats"]
    assert last["train/kl_bits"] == pytest.approx(30.0, rel=0.25)
    assert learned.figures["kl_bits"] == pytest.approx(30.0, rel=0.35)
    assert learned.figures["active_dimensions"] >= 4
    assert learned.prior["steps"] > 0


def test_logs_hold_the_figures(learned):
    logged = rows(learned.run_dir)
    training = [row for row in logged if "train/kl_bits" in row]
    assert [row["step"] for row in training] == list(range(20, 241, 20))
    assert {"train/beta", "train/lr", "train/windows_per_second", "train/reconstruction_nats"} <= training[0].keys()
    validation = [row for row in logged if "validation/kl_bits" in row]
    assert [row["step"] for row in validation] == [80, 160, 240]
    assert list(learned.run_dir.glob("tensorboard/*/events*"))
    assert training[-1]["train/lr"] < 0.05 * OPTIONS.lr < training[1]["train/lr"]


def test_the_file_tells_its_story(learned):
    bundle = load_model(learned.path)
    assert bundle.config == PRESETS["tiny"]
    story = bundle.metadata
    assert story["name"] == "scales"
    assert story["recipe"]["options"] == json.loads(json.dumps(OPTIONS.to_dict()))
    assert story["data"]["tunes"]["train"] == 40
    assert story["data"]["corpus"]["licences"] == {"made up": "CC0"}
    assert story["versions"]["torch"] == torch.__version__
    assert story["validation"] == pytest.approx(dict(learned.figures))
    assert (story["seed"], story["steps"]) == (1, 240)
    assert story["seconds"] > 0


def test_settings_of_the_process_are_as_before(corpus, tmp_path, capfd):
    before, level = torch.get_num_threads(), logging.getLogger("lightning.pytorch").level
    state = torch.get_rng_state()
    train(corpus, tmp_path / "m.safetensors", config="tiny", options=QUICK, machine=replace(MACHINE, threads=2), progress=False)
    assert torch.get_num_threads() == before
    assert logging.getLogger("lightning.pytorch").level == level
    assert torch.equal(torch.get_rng_state(), state)
    assert capfd.readouterr() == ("", "")


def test_progress_goes_to_standard_error(corpus, tmp_path, capfd):
    train(corpus, tmp_path / "m.safetensors", config="tiny", options=QUICK, machine=MACHINE)
    out, err = capfd.readouterr()
    assert out == ""
    assert "100%  step 2" in err


def test_a_run_starts_from_a_model_of_the_same_network(learned, corpus, tmp_path):
    options = replace(QUICK, max_steps=1, warmup_steps=10_000, lr=1e-9)
    start = {"machine": MACHINE, "init_from": learned.path, "progress": False}
    result = train(corpus, tmp_path / "m.safetensors", config="tiny", options=options, **start)
    before, after = load_model(learned.path), load_model(result.path)
    for name, x in before.vae.state_dict().items():
        torch.testing.assert_close(x, after.vae.state_dict()[name], atol=1e-3, rtol=1e-2)
    assert after.metadata["recipe"]["init_from"] == before.hash
    other = replace(PRESETS["tiny"], z_bar=5)
    with pytest.raises(ValueError, match="its network is another one: z_bar is 4, here 5"):
        train(corpus, tmp_path / "n.safetensors", config=other, options=options, **start)


def test_a_run_ends_when_its_time_is_up(corpus, tmp_path):
    options = replace(QUICK, max_steps=None, max_minutes=1e-6)
    assert train(corpus, tmp_path / "m.safetensors", config="tiny", options=options, machine=MACHINE, progress=False).steps == 1


def test_a_run_ends_when_nothing_gets_better(corpus, tmp_path):
    still = {"lr": 1e-9, "ema_decay": 0.0, "target_bits": None, "beta_warmup_steps": 0}
    options = replace(QUICK, max_steps=40, validate_every_steps=2, patience=2, **still)
    result = train(corpus, tmp_path / "m.safetensors", config="tiny", options=options, machine=MACHINE, progress=False)
    assert 6 <= result.steps < 40
    assert result.steps % 2 == 0


def test_an_interrupt_is_passed_on_and_the_next_one_still_works(corpus, tmp_path, monkeypatch):
    def interrupted(self, *args):
        raise KeyboardInterrupt

    monkeypatch.setattr(VAETask, "on_train_batch_end", interrupted)
    before = signal.getsignal(signal.SIGINT)
    with pytest.raises(KeyboardInterrupt):
        train(corpus, tmp_path / "m.safetensors", config="tiny", options=QUICK, machine=MACHINE, progress=False)
    assert signal.getsignal(signal.SIGINT) is before


def test_half_precision_products(corpus, tmp_path):
    machine = replace(MACHINE, precision="bf16-mixed")
    result = train(corpus, tmp_path / "m.safetensors", config="tiny", options=QUICK, machine=machine, progress=False)
    assert load_model(result.path).metadata["recipe"]["precision"] == "bf16-mixed"


@pytest.mark.parametrize(("has", "expected"), [({"avx512_bf16": True}, "bf16-mixed"), ({"amx_bf16": True}, "bf16-mixed"), ({}, "32-true")])
def test_half_precision_is_chosen_where_the_cpu_has_it(has, expected, tmp_path, monkeypatch):
    monkeypatch.setattr(torch.cpu, "get_capabilities", lambda: has, raising=False)
    assert build_trainer(replace(MACHINE, precision="auto"), QUICK, log_dir=tmp_path, callbacks=[]).precision == expected


def test_short_tunes_give_short_windows(tmp_path):
    short = make_corpus(tunes=120, bars=(8, 10))
    result = train(short, tmp_path / "m.safetensors", config="tiny", options=QUICK, machine=MACHINE, progress=False)
    assert result.report["window_bars"] == 8


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"config": "huge"}, "unknown preset 'huge'; allowed are tiny, small, melody"),
        ({"machine": replace(MACHINE, strategy="ddp_spawn")}, "strategy 'ddp_spawn' is not supported; allowed are auto, ddp"),
        ({"machine": replace(MACHINE, precision="16-mixed")}, "precision '16-mixed' is not supported; allowed are auto, 32-true"),
        ({"corpus": make_corpus(tunes=2)}, "too little data"),
    ],
)
def test_what_cannot_be_done_is_said_before_anything_is_written(changes, message, corpus, tmp_path):
    arguments = {"corpus": corpus, "config": "tiny", "options": QUICK, "machine": MACHINE, **changes}
    with pytest.raises(ValueError, match=message):
        train(arguments.pop("corpus"), tmp_path / "m.safetensors", progress=False, **arguments)
    assert not list(tmp_path.iterdir())


def test_a_missing_folder_is_named(corpus, tmp_path):
    with pytest.raises(FileNotFoundError, match="folder .*nowhere does not exist"):
        train(corpus, tmp_path / "nowhere" / "m.safetensors", config="tiny", options=QUICK, machine=MACHINE, progress=False)


def test_the_trainer_is_plain(tmp_path):
    trainer = build_trainer(MACHINE, QUICK, log_dir=tmp_path, callbacks=[])
    assert (trainer.max_steps, trainer.world_size, trainer.checkpoint_callbacks) == (2, 1, [])


def test_fingerprint_changes_with_a_note_or_a_split(corpus):
    bars, split = corpus.bars.copy(), corpus.split.copy()
    bars[5, 3] ^= 1
    split[0] = 2
    prints = {corpus_fingerprint(c) for c in (corpus, replace(corpus, bars=bars), replace(corpus, split=split), make_corpus())}
    assert len(prints) == 3


def test_fingerprint_is_that_of_the_corpus_on_disk(corpus, tmp_path):
    digest = hashlib.sha256()  # as it has always been taken
    for name in ("bars", "start", "num_bars", "kind", "split"):
        digest.update(getattr(corpus, name).tobytes())
    on_disk = Corpus.load(corpus.save(tmp_path / "corpus"))
    assert corpus_fingerprint(on_disk) == corpus_fingerprint(corpus) == digest.hexdigest()[:16]


def test_a_status_line_is_rewritten_on_a_terminal_and_rare_elsewhere():
    class Terminal(io.StringIO):
        def isatty(self):
            return True

    terminal, file = Terminal(), io.StringIO()
    for stream in (terminal, file):
        line = StatusLine(stream)
        assert line.due
        line.write("long text")
        line.write("short")
        line.close()
        assert not line.due
    assert terminal.getvalue() == "\rlong text\rshort    \n"
    assert file.getvalue() == "long text\nshort\n"
