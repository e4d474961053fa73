import json

import numpy as np
import pytest
from model.pieces.networks import engine

from musicvae.compose.judging.ensembles import judge_piece
from musicvae.compose.judging.piece_yardstick import PieceYardstick, load_piece_yardstick, save_piece_yardstick
from musicvae.compose.pieces.model import PieceModel
from musicvae.music.piece import Piece

SHOWN = {"events": np.append(np.linspace(0, 1, 100), np.linspace(2, 3, 50)), "passages": np.append(np.linspace(0, 1, 100), [np.nan] * 50)}
BARS = np.repeat([8, 4], [100, 50])


def yardstick(name="abc"):
    return PieceYardstick(name, SHOWN, BARS, {"windows": 150})


def off_beat(bars=8):
    hits = np.zeros((bars, 16), np.uint64)
    hits[:, ::2] |= np.uint64(4)
    hits[:, ::8] |= np.uint64(1)
    hits[5, 8] ^= np.uint64(1)
    hits[5, 9] |= np.uint64(1)
    return Piece("drums", {"bars": hits})


def test_pieces_are_set_against_windows_of_their_length_or_the_nearest_shorter_one():
    stick = yardstick()
    for bars in (8, 9, 100):
        assert stick.chance("events", 2.0, bars) < 0.02
        assert stick.chance("events", 0.5, bars) == pytest.approx(0.5, abs=0.02)
    for bars in (1, 4, 7):
        assert stick.chance("events", 2.0, bars) == 1
    assert stick.chance("passages", 0.5, 4) == pytest.approx(0.5, abs=0.02)  # none of 4 bars is known
    assert np.isnan(stick.chance("events", float("nan"), 8))


def test_it_survives_its_file_and_others_are_told(tmp_path):
    path = save_piece_yardstick(yardstick(), tmp_path / "a.scores.json")
    again = load_piece_yardstick(path, "abc")
    assert all(again.measured[name] == pytest.approx(SHOWN[name], rel=1e-3, nan_ok=True) for name in SHOWN)
    assert np.array_equal(again.bars, BARS)
    with pytest.raises(ValueError, match="was made for model abc, this is model other"):
        load_piece_yardstick(path, "other")
    data = json.loads(path.read_text())
    for broken in ("{", "[]", json.dumps({**data, "format": 9}), json.dumps({**data, "bars": [1]})):
        path.write_text(broken)
        with pytest.raises(ValueError, match="is no file of scores of held-out pieces, or is damaged"):
            load_piece_yardstick(path, "abc")
    with pytest.raises(FileExistsError):
        save_piece_yardstick(yardstick(), path)


def test_a_late_hit_makes_a_beat_odd_where_held_out_ones_have_none(tmp_path):
    made = engine("tiny-drums")
    score = judge_piece(made, off_beat())
    assert [(item.onset_steps, item.better_steps) for item in score.doubts] == [(89, 88)]
    assert score.statistics()["events"] == pytest.approx(score.doubts[0].bits / score.events)
    assert np.isnan(score.chance)
    assert not score.is_odd
    quiet = {"events": np.linspace(0, 1e-6, 100), "passages": np.linspace(-1e3, -1e2, 100)}
    save_piece_yardstick(PieceYardstick(made.hash, quiet, np.full(100, 8), {}), tmp_path / "own.scores.json")
    model = PieceModel(made, name="own", path=tmp_path / "own.safetensors")
    judged = model.score(off_beat())
    assert judged.is_odd
    assert judged.odd_bars() == list(range(1, 9))
    assert not model.score(off_beat(), places=False).doubts
    with pytest.raises(ValueError, match="threshold must be a share"):
        model.score(off_beat(), threshold=2)


def test_many_windows_have_many_chances_to_seem_foreign():
    made = engine("tiny-drums")
    stick = PieceYardstick(made.hash, {"events": np.zeros(100), "passages": np.linspace(-60, 60, 100)}, np.full(100, 8), {})
    short, long = (judge_piece(made, Piece("drums", {"bars": np.tile(off_beat().columns["bars"], (times, 1))}), stick) for times in (1, 8))
    assert long.shared_limit < short.shared_limit
