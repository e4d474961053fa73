import numpy as np
import pytest
import torch
from model.conftest import TINY

from musicvae.model.engine import Engine
from musicvae.model.reader import ANY, PITCH, Reader, alike_bars
from musicvae.model.reading import ReadingEngine, load_reader, save_reader


@pytest.fixture(scope="module")
def reader(networks):
    with torch.random.fork_rng():
        torch.manual_seed(3)
        reader = Reader(TINY)
        reader.start_from(networks[0])
        for layer in (reader.opinion[1], reader.correction[2]):  # far from where they begin, so that all is in play
            layer.weight.data.normal_(std=0.2)
    return reader.eval()


@pytest.fixture(scope="module")
def reading(reader):
    return ReadingEngine(reader)


@pytest.fixture
def music():
    rng = np.random.default_rng(4)
    tokens = rng.choice([0, 0, 1, 30, 32, 34], (3, 6, 12)).astype(np.uint8)
    gaps = (rng.random(tokens.shape) < 0.3).astype(np.uint8) * ANY
    gaps[1, 2] = ANY
    gaps[2] = np.where(tokens[2] >= 2, PITCH, 0)
    return tokens, gaps


def test_whole_music_is_read_as_the_network_reads_it(networks, reader, tokens):
    events = torch.as_tensor(tokens.astype(np.int64))
    alike, _, known = alike_bars(events, torch.zeros_like(events))
    place = (torch.arange(12) + 16) * 92
    summed = reader.tokens((events + place).flatten(0, 1)).view(3, 8, -1)
    mu, _ = networks[0].encode(events, 1)
    read = reader._read(summed, alike, known, 1)[0]
    torch.testing.assert_close(read, mu)


def test_likeness_counts_what_is_known_of_both_bars():
    tokens = torch.tensor([[[30, 0, 1, 40], [30, 0, 0, 40], [31, 0, 1, 40]]])
    gaps = torch.tensor([[[0, 0, 0, 0], [0, 0, ANY, 0], [PITCH, 0, ANY, ANY]]])
    alike, rhythm, known = alike_bars(tokens, gaps)
    assert alike[0, 0].tolist() == [1, 1, 1]
    assert rhythm[0, 0].tolist() == [1, 1, 1]  # of the third bar's first note only the pitch is unknown
    assert known.all()
    assert not alike_bars(tokens, torch.full_like(gaps, ANY))[2].any()


@pytest.mark.parametrize("doubtful", [False, True])
def test_chances_of_all_events_sum_to_one_and_those_of_a_bar_are_their_chain(reading, music, doubtful):
    tokens, gaps = music
    bars = np.array([1, 2, 3])
    whole = reading.bar_log_probs(tokens, gaps, 1, bars=bars, doubtful=doubtful)
    assert (whole[gaps[np.arange(3), bars] == 0] == 0).all()
    for step in range(12):
        steps = np.full(3, step)
        events = reading.step_log_probs(tokens, gaps, 1, bars=bars, steps=steps, doubtful=doubtful)
        np.testing.assert_allclose(np.exp(events).sum(1), 1, atol=1e-9)
        unknown = gaps[np.arange(3), bars, step] > 0
        own = events[np.arange(3), tokens[np.arange(3), bars, step]]
        np.testing.assert_allclose(whole[unknown, step], own[unknown], atol=1e-9)
    pitches = np.exp(reading.step_log_probs(tokens, gaps, 1, bars=bars, steps=np.full(3, int(np.flatnonzero(gaps[2, 3])[0]))))
    assert pitches[2, :2].sum() < 1e-9  # where a note is known to start


def test_nothing_is_read_in_gaps_and_a_row_answers_for_itself(reading, music):
    tokens, gaps = music
    bars, seeds = np.array([1, 2, 3]), [5, 6, 7]
    other = np.where(gaps == ANY, 77, np.where(gaps == PITCH, 44, tokens)).astype(np.uint8)
    drawn = reading.draw(tokens, gaps, 1, bars=bars, seeds=seeds)
    assert (drawn == reading.draw(other, gaps, 1, bars=bars, seeds=seeds)).all()
    for row in range(3):
        one = slice(row, row + 1)
        assert (reading.draw(tokens[one], gaps[one], 1, bars=bars[one], seeds=seeds[one]) == drawn[one]).all()
    known = gaps[np.arange(3), bars] == 0
    assert (drawn[known] == tokens[np.arange(3), bars][known]).all()
    assert (drawn != reading.draw(tokens, gaps, 1, bars=bars, seeds=[8, 9, 10])).any()


def test_draws_have_the_chances_that_are_told(reading, music):
    tokens, gaps = music[0][:1], np.zeros((1, 6, 12), np.uint8)
    gaps[0, 2, 4] = ANY
    chances = np.exp(reading.step_log_probs(tokens, gaps, 1, bars=np.array([2]), steps=np.array([4])))[0]
    count = 400
    rows = np.repeat(tokens, count, 0), np.repeat(gaps, count, 0)
    drawn = reading.draw(*rows, 1, bars=np.full(count, 2), seeds=range(count))[:, 4]
    shares = np.bincount(drawn, minlength=90) / count
    assert np.abs(shares - chances).max() < 4 * np.sqrt(0.25 / count)
    bias = np.zeros((count, 12, 90))
    bias[:, :, 50] = 1e3
    assert (reading.draw(*rows, 1, bars=np.full(count, 2), seeds=range(count), bias=bias)[:, 4] == 50).all()


def test_a_file_gives_the_reader_back_and_is_refused_by_other_models(engine, reader, tmp_path, music):
    path = save_reader(tmp_path / "tiny.reader.safetensors", reader, engine.hash, about={"steps": 0})
    tokens, gaps = music
    asked = {"bars": np.array([1, 2, 3])}
    found = ReadingEngine.beside(engine, path).bar_log_probs(tokens, gaps, 1, **asked)
    np.testing.assert_allclose(found, ReadingEngine(reader).bar_log_probs(tokens, gaps, 1, **asked), atol=0.2)
    with pytest.raises(FileExistsError):
        save_reader(path, reader, engine.hash, about={})
    with pytest.raises(ValueError, match=r"was made for model .*, this is model other: make it with scripts/train_reader"):
        load_reader(path, TINY, "other")
    with pytest.raises(FileNotFoundError, match="does not exist: make it with"):
        load_reader(tmp_path / "none", TINY, "other")
    path.write_bytes(path.read_bytes()[:1000])
    with pytest.raises(ValueError, match="is no reader of damaged music, or is damaged"):
        load_reader(path, TINY, engine.hash)
    assert isinstance(engine, Engine)
