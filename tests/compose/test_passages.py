import numpy as np
import pytest
from compose.fake_engine import FakeEngine, same_music, tune

from musicvae.compose.passages import decode_passages, passages_of, passages_of_tokens
from musicvae.music.key import Key
from musicvae.music.melody import Melody
from musicvae.music.meter import Meter

ENGINE = FakeEngine()
TUNES = [tune(1, 40, shift=3), tune(2, 5), Melody((), num_bars=8), tune(3, 16, "6/8", key="A minor"), tune(4, 7, "2/4")]


def test_passages_are_windows_in_coordinates():
    passages = passages_of(ENGINE, TUNES)
    by_meter = {str(m.meter): m for m in passages.melodies}
    assert sum(m.num_bars for m in passages.melodies if str(m.meter) == "4/4") == 45
    assert by_meter["6/8"].key == Key.parse("A minor")
    assert {str(m.key) for m in passages.melodies} == {"C major", "A minor"}
    assert passages.bars.tolist() == [len(t) for t in passages.tokens]
    assert all(same_music(d, m) for d, m in zip(decode_passages(ENGINE, passages, np.zeros(516)), passages.melodies, strict=True))
    with pytest.raises(ValueError, match="none of 1 melodies has a note"):
        passages_of(ENGINE, [Melody(())])


def test_missing_bars_take_the_mean_of_those_that_are_there():
    passages = passages_of(ENGINE, [tune(1, 2), tune(2, 4), tune(3, 4)])
    filled = passages.filled(ENGINE.config)
    third = slice(4 + 2 * 32, 4 + 3 * 32)
    np.testing.assert_allclose(filled[0, third], passages.mu[1:, third].mean(axis=0))
    np.testing.assert_array_equal(filled[1], passages.mu[1])
    assert not filled[:, 4 + 4 * 32 :].any()


def test_offsets_reach_bars_in_use_only():
    passages = passages_of(ENGINE, [tune(1, 2), tune(2, 4)])
    offset = np.zeros(516)
    offset[4 + 3 * 32 + 1 : 4 + 4 * 32 : 2] = 0.25  # the pitches of bar 4
    low, high = decode_passages(ENGINE, passages, offset)
    assert same_music(low, passages.melodies[0])
    assert same_music(high.cut(0, 3), passages.melodies[1].cut(0, 3))
    moved = [n.pitch - o.pitch for n, o in zip(high.notes, passages.melodies[1].notes, strict=True) if o.onset_steps >= 48]
    assert set(moved) == {3}


def test_tokens_can_be_passages():
    passages = passages_of(ENGINE, [tune(2, 4), tune(3, 4)])
    again = passages_of_tokens(ENGINE, np.stack(passages.tokens), Meter(4, 4), [Key(0), None])
    np.testing.assert_array_equal(again.mu, passages.mu)
    assert [m.key for m in again.melodies] == [Key(0), None]
    assert len(again.take([1])) == 1
