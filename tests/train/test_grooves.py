import numpy as np
import pytest
import torch
from train.drumbeats import make_corpus

from musicvae.compose.model import load
from musicvae.model.pieces.config import PIECE_PRESETS
from musicvae.model.weights import load_piece_model
from musicvae.train.options import MachineOptions
from musicvae.train.pieces_course import PieceCourse
from musicvae.train.pieces_task import PieceTask
from musicvae.train.recipes import piece_options_for
from musicvae.train.run import train

GROOVE = PIECE_PRESETS["tiny-groove"]
SHORT = {"batch_size": 8, "max_steps": 6, "validation_windows": 8, "beta_warmup_steps": 2, "warmup_steps": 1, "validate_every_steps": 3}


def test_from_corpus_to_model(tmp_path):
    machine = MachineOptions(accelerator="cpu", threads=1, run_dir=tmp_path / "run")
    options = piece_options_for(GROOVE, **SHORT)
    result = train(
        make_corpus("groove"), tmp_path / "m.safetensors", config="tiny-groove", options=options, machine=machine, progress=False
    )
    bundle = load_piece_model(result.path)
    assert bundle.prior is None
    assert bundle.config == GROOVE
    wanted = {"feel_timing_ms", "feel_velocity_error", "neutral_timing_ms", "neutral_velocity_error", "neutral_nats"}
    assert wanted <= result.figures.keys()
    assert load(result.path).material == "groove"


def test_what_is_judged_counts_the_neutral_windows():
    corpus = make_corpus("groove")
    found = {}
    for share in (0.0, 0.5):
        options = piece_options_for(GROOVE, **{**SHORT, "neutral_share": share})
        course = PieceCourse(corpus, GROOVE, options)
        with torch.random.fork_rng(devices=()):
            torch.manual_seed(0)
            task = PieceTask(GROOVE, options, bars=course.bars)
        task.vae.eval()
        with torch.no_grad():
            for number, batch in enumerate(course.held_out()):
                task._seen.append(task.run_batch(batch, noise_seed=number))
        found[share] = task.validation_figures()
    assert "neutral_nats" not in found[0.0]
    neutral = found[0.5]["neutral_nats"]
    assert found[0.5]["objective_nats"] == pytest.approx(0.5 * found[0.0]["objective_nats"] + 0.5 * neutral, rel=1e-5)


def test_the_expected_feel_is_learned():
    """Hits that are always late, and loud on the beat, come so from z = 0."""
    corpus = make_corpus("groove", tunes=30)
    options = piece_options_for(GROOVE, **{**SHORT, "batch_size": 8, "short_share": 0.0, "target_bits": None})
    course = PieceCourse(corpus, GROOVE, options)
    with torch.random.fork_rng(devices=()):
        torch.manual_seed(0)
        task = PieceTask(GROOVE, options, bars=course.bars)
        optimizer = torch.optim.Adam(task.vae.parameters(), 5e-3)
        source = course.training(0, 1)
        late = 0.2
        for number in range(40):
            batch = source.batch(number)
            velocity = batch.streams[0][..., :9]
            hits = (velocity > 0).float()
            loud = torch.where(torch.arange(16)[:, None] % 4 == 0, 0.8, 0.4) * hits
            run = task.run_batch(batch._replace(streams=(torch.cat([loud, late * hits], -1),)), noise_seed=None)
            optimizer.zero_grad()
            (run.reconstruction.mean() / 1000).backward()
            optimizer.step()
    task.vae.eval()
    with torch.no_grad():
        context = task.vae.conduct(torch.zeros(len(hits), GROOVE.z_size), batch.bars, batch.told)
        (feel,) = task.vae.draw_frames(context)
    at = hits.bool().numpy()
    assert np.median(feel[..., 9:].numpy()[at]) == pytest.approx(late, abs=0.05)
    on_beat, off_beat = (feel[..., :9].numpy()[:, :, places][at[:, :, places]] for places in (slice(0, 16, 4), slice(1, 16, 2)))
    assert np.median(on_beat) > np.median(off_beat) + 0.2
