import numpy as np
import pytest
from compose.grooving_doubles import BAR, GLOBAL, FakeDrummer, FakePlayer
from hypothesis import given
from hypothesis import strategies as st

from musicvae.compose.grooving.engine import require_kind
from musicvae.compose.grooving.feel import Chance, drawn_z, play, reaches, shown

RNG = np.random.default_rng(3)


def hits(bars):
    return RNG.integers(0, 512, (bars, 16)).astype(np.uint64)


@given(st.integers(1, 200), st.integers(1, 20))
def test_windows_give_every_bar_once_and_never_one_at_their_edge(total, span):
    windows = reaches(total, FakePlayer(span))
    assert [bar for w in windows for bar in range(w.start_bar + w.skip_bars, w.start_bar + w.skip_bars + w.num_bars)] == list(range(total))
    context = min(4, span // 4)
    for number, window in enumerate(windows):
        read = min(total, span)
        assert 0 <= window.start_bar <= total - read
        assert window.num_bars >= 1
        if number:
            assert window.skip_bars >= context
        if number + 1 < len(windows):
            assert read - window.skip_bars - window.num_bars >= context


def test_a_long_piece_is_played_as_one_window_would():
    beat, tempo = hits(23), np.linspace(80, 140, 23)
    one, many = (play(FakePlayer(span), beat, tempo, Chance(0, 0.0)) for span in (40, 8))
    assert np.array_equal(one.velocity, many.velocity)
    assert np.array_equal(one.offset, many.offset)


def test_the_feel_of_a_performance_is_that_of_each_of_its_bars():
    late = RNG.uniform(-0.2, 0.2, 21)
    like = {"bars": np.full((21, 16, 9), 90, np.uint8), "offsets": np.broadcast_to(late[:, None, None], (21, 16, 9)).astype(np.float16)}
    like["tempo"] = np.full(21, 100.0)
    beat = np.full((21, 16), 511, np.uint64)
    for span in (32, 8):
        feel = play(FakePlayer(span, wild=0.0), beat, np.full(21, 100.0), Chance(0, 0.0), like=like)
        assert feel.offset.mean((1, 2)) == pytest.approx(late, abs=2e-3)


def test_what_windows_share_is_handed_on():
    engine = FakePlayer(8)
    windows = reaches(20, engine)
    told = shown(engine, {"hits": hits(20), "tempo": np.full(20, 120.0)}, windows)
    z = drawn_z(engine, windows, Chance(5, 1.0), told)
    assert np.array_equal(z[:, :GLOBAL], np.broadcast_to(z[:1, :GLOBAL], (len(z), GLOBAL)))
    of_bar = {}
    for row, window in zip(z, windows, strict=True):
        for place in range(8):
            block = row[GLOBAL + BAR * place :][:BAR]
            assert np.array_equal(of_bar.setdefault(window.start_bar + place, block), block)
    assert len({block.tobytes() for block in of_bar.values()}) == 20


def test_there_are_velocities_and_timing_at_the_hits_alone():
    beat = hits(5)
    struck = (beat[..., None] >> np.arange(9, dtype=np.uint64)) & np.uint64(1) > 0
    feel = play(FakePlayer(), beat, np.full(5, 100.0), Chance(1, 1.0))
    assert np.array_equal(feel.velocity > 0, struck)
    assert not feel.offset[~struck].any()


def test_chance_is_that_of_the_seed_and_none_at_temperature_0():
    beat, tempo = hits(6), np.full(6, 100.0)
    first, again, other = (play(FakePlayer(), beat, tempo, Chance(seed, 1.0)) for seed in (1, 1, 2))
    assert np.array_equal(first.offset, again.offset)
    assert not np.array_equal(first.offset, other.offset)
    calm = [play(FakePlayer(), beat, tempo, Chance(seed, 0.0)).offset for seed in (1, 2)]
    assert np.array_equal(*calm)


def test_a_style_moves_every_bar_and_nothing_beyond():
    engine = FakePlayer(16, wild=0.0)
    vector = np.ones(engine.config.z_size)
    feel = play(engine, np.full((3, 16), 1, np.uint64), np.full(3, 100.0), Chance(0, 0.0), vector=vector)
    assert feel.offset[..., 0] == pytest.approx(0.31, abs=1e-3)  # the double asserts that the rest of z is 0


def test_a_fixed_window_plays_short_pieces_again_and_again():
    engine = FakePlayer(4, fixed_window=True)
    for bars in (1, 3, 9):
        beat = hits(bars)
        assert play(engine, beat, np.full(bars, 100.0), Chance(0, 1.0)).velocity.shape == (bars, 16, 9)
        assert engine.calls[-1][1]["hits"].shape[1] == 4


def test_engines_of_other_kinds_are_refused():
    require_kind(FakePlayer(), "hits", "a", "humanise")
    require_kind(FakeDrummer(), "taps", "a", "drumify")
    with pytest.raises(
        ValueError, match=r"melody \(a model of drums\) cannot humanise: that needs a model that plays given hits with a feel"
    ):
        require_kind(FakeDrummer(), "hits", "melody", "humanise")


def test_a_centred_beat_is_expected_on_the_click_on_the_whole() -> None:
    beat = np.full((4, 16), 0b101, np.uint64)
    tempo = np.full(4, 100.0)
    plain, centred = (play(FakePlayer(), beat, tempo, Chance(0, 0.0, centred=c)) for c in (False, True))
    struck = plain.velocity > 0
    assert abs(plain.offset[struck].mean()) > 2e-3
    assert centred.offset[struck].mean() == pytest.approx(0, abs=1e-4)
    np.testing.assert_array_equal(centred.velocity, plain.velocity)
