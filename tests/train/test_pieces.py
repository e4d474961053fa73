from dataclasses import replace
from itertools import islice

import numpy as np
import pytest
import torch
from train.drumbeats import make_corpus

from musicvae.model.pieces.config import PIECE_PRESETS
from musicvae.model.weights import load_melody_model, load_model, load_piece_model
from musicvae.train.options import MachineOptions, PieceOptions, TrainOptions
from musicvae.train.pieces_course import PieceCourse
from musicvae.train.pieces_data import FrameReader, HeldOutFrames, TrainingFrames
from musicvae.train.pieces_task import PieceTask
from musicvae.train.recipes import build_options_for, piece_options_for, preset_named
from musicvae.train.run import train

DRUMS, TRIO, DRUMIFY = (PIECE_PRESETS[f"tiny-{name}"] for name in ("drums", "trio", "drumify"))
SHORT = {"batch_size": 8, "max_steps": 12, "prior_steps": 4, "validation_windows": 8, "beta_warmup_steps": 2, "warmup_steps": 1}


def frames(corpus, config, *, seed=0, **options):
    options = PieceOptions(**{"batch_size": 8, **options})
    return TrainingFrames(FrameReader(corpus, config, hop_bars=options.hop_bars), options, seed=seed)


@pytest.mark.parametrize(("preset", "material"), [("tiny-drums", "drums"), ("tiny-trio", "trio"), ("tiny-drumify", "groove")])
def test_from_corpus_to_model(preset, material, tmp_path):
    config = PIECE_PRESETS[preset]
    machine = MachineOptions(accelerator="cpu", threads=1, run_dir=tmp_path / "run")
    options = piece_options_for(config, **SHORT)
    result = train(make_corpus(material), tmp_path / "m.safetensors", config=preset, options=options, machine=machine, progress=False)
    bundle = load_piece_model(result.path)
    assert bundle.config == config
    assert bundle.prior is not None
    assert bundle.metadata["network"] == "pieces"
    assert bundle.metadata["recipe"]["options"]["target_bits"] == options.target_bits
    assert {f"{stream}_accuracy" for stream in config.streams} <= result.figures.keys()
    assert result.report["windows"]["train"] > 0
    with pytest.raises(ValueError, match=rf"holds a network of our own, of {config.material}; one of our own is needed here, of melodies"):
        load_melody_model(result.path)


def test_a_tiny_network_learns():
    """More steps are right than by always resting, written freely from the code."""
    corpus = make_corpus("drums", tunes=40)
    task = PieceTask(DRUMS, PieceOptions(target_bits=None), bars=4)
    with torch.random.fork_rng(devices=()):
        torch.manual_seed(0)
        source, optimizer = (
            frames(corpus, replace(DRUMS, max_bars=4), batch_size=32, short_share=0.0),
            torch.optim.Adam(task.vae.parameters(), 5e-3),
        )
        for number in range(100):
            run = task.run_batch(source.batch(number), noise_seed=None)
            optimizer.zero_grad()
            (run.reconstruction.mean() + 1e-3 * run.kl.sum(1).mean()).backward()
            optimizer.step()
    accuracy = task.run_batch(source.batch(0), noise_seed=0).parts["drums_accuracy"].mean()
    assert float(accuracy) > float((np.asarray(corpus.bars) == 0).mean()) + 0.1


def test_batches_are_functions_of_their_number():
    corpus = make_corpus("groove")
    ours, theirs = (frames(corpus, DRUMIFY, short_share=0.5) for _ in range(2))
    for number in (3, 0, 7):
        for a, b in zip(ours.batch(number).streams, theirs.batch(number).streams, strict=True):
            assert torch.equal(a, b)
    lengths = {batch.bars for batch in islice(frames(corpus, DRUMS, short_share=0.8).onward(0), 40)}
    assert {1, 2, 4, 8, 16} <= lengths


def test_small_sources_come_more_often():
    corpus = make_corpus("trio", sources=("large", "small"))
    even, plain = (frames(corpus, TRIO, source_power=power).source.windows(0, 16) for power in (0.0, 1.0))
    counts = [np.bincount(corpus.source[windows[:, 0]]) for windows in (plain, even)]
    assert 0 < counts[0][1] < counts[0][0] / 5
    assert counts[1][0] == counts[0][0]
    assert counts[1][1] == pytest.approx(counts[1][0], rel=0.3)
    assert {tuple(row) for row in even.tolist()} == {tuple(row) for row in plain.tolist()}


def test_held_out_windows_are_full_and_always_the_same():
    corpus = make_corpus("drums")
    options = PieceOptions(batch_size=4, validation_windows=6)
    held_out = HeldOutFrames(FrameReader(corpus, DRUMS, hop_bars=1), options)
    first, second = list(held_out), list(held_out)
    assert len(first) == len(held_out) == 2
    assert all(torch.equal(a.streams[0], b.streams[0]) for a, b in zip(first, second, strict=True))
    assert {batch.bars for batch in first} == {16}


def test_corpora_that_do_not_fit_are_refused():
    with pytest.raises(ValueError, match="this corpus holds drums, and groove is needed: build one with --kind groove"):
        FrameReader(make_corpus("drums"), DRUMIFY, hop_bars=1)
    with pytest.raises(ValueError, match="drums of the map nine-old, the network goes by nine"):
        FrameReader(make_corpus("drums", drum_map="nine-old"), DRUMS, hop_bars=1)
    with pytest.raises(ValueError, match="PieceOptions, got TrainOptions"):
        train(make_corpus("drums"), "unused.safetensors", config=DRUMS, options=TrainOptions())


def test_figures_are_told_for_each_stream():
    task = PieceTask(TRIO, PieceOptions(), bars=16)
    batch = frames(make_corpus("trio"), TRIO, short_share=0.0).batch(0)
    run = task.run_batch(batch, noise_seed=0)
    assert set(run.parts) == {f"{stream}_{what}" for stream in TRIO.streams for what in ("nats", "accuracy")}
    assert torch.allclose(sum(run.parts[f"{stream}_nats"] for stream in TRIO.streams), run.reconstruction)
    assert torch.equal(run.reconstruction, task.run_batch(batch, noise_seed=0).reconstruction)
    assert run.steps == 256


def test_a_share_of_windows_is_written_without_a_code():
    task = PieceTask(DRUMIFY, PieceOptions(neutral_share=0.5, input_dropout=0.0), bars=16)
    batch = frames(make_corpus("groove"), DRUMIFY, short_share=0.0).batch(0)
    seen = []
    own = task.vae.conductor.with_returns
    task.vae.conductor.with_returns = lambda z, *rest: seen.append(z) or own(z, *rest)
    task.run_batch(batch)
    task.run_batch(batch, noise_seed=0)
    silent = [int((z == 0).all(1).sum()) for z in seen]
    assert 0 < silent[0] < batch.num_windows
    assert silent[1] == 0


def test_recipes_go_by_what_is_made_and_told():
    assert piece_options_for(DRUMS).target_bits == piece_options_for(PIECE_PRESETS["drums"]).target_bits == 720
    assert piece_options_for(TRIO).target_bits == 1150
    assert piece_options_for(PIECE_PRESETS["trio-bass"]).target_bits == pytest.approx(1150 / 3)
    assert piece_options_for(DRUMS, target_bits=100.0).target_bits == 100
    assert piece_options_for(PIECE_PRESETS["groove"]).neutral_share > 0
    with pytest.raises(ValueError, match="vary_share is for networks that write drums; hits, velocities and timings of a groove"):
        piece_options_for(PIECE_PRESETS["groove"], vary_share=0.1)
    with pytest.raises(ValueError, match="source_power must be from 0 to 1, got 2"):
        piece_options_for(TRIO, source_power=2)


def test_presets_are_found_by_name_and_say_how_files_are_read():
    assert preset_named("drumify") is PIECE_PRESETS["drumify"]
    with pytest.raises(ValueError, match="allowed are tiny, small, melody, drums, groove, drumify, trio"):
        preset_named("drum")
    options = build_options_for(PIECE_PRESETS["drumify"])
    assert (options.material, options.drum_map, options.meters) == ("groove", "nine", ("4/4",))
    assert build_options_for(TRIO).transpose


def test_a_start_of_other_numbers_is_refused(tmp_path):
    corpus = make_corpus("drums")
    options = piece_options_for(DRUMS, **{**SHORT, "max_steps": 1, "prior_steps": 0})
    machine = MachineOptions(accelerator="cpu", threads=1)
    path = train(corpus, tmp_path / "m.safetensors", config=DRUMS, options=options, machine=machine, progress=False).path
    course = PieceCourse(corpus, replace(DRUMS, z_bar=8), options)
    with pytest.raises(ValueError, match="its network is another one: z_bar is 6, here 8; was another preset meant"):
        course.starting_weights(path)
    assert load_model(path).config == DRUMS
