from dataclasses import replace

import numpy as np
import pytest
from compose.fake_engine import FakeEngine, same_music

from musicvae.compose.generating import KEY_CANDIDATES, Order, draw, draw_tokens
from musicvae.compose.seeds import derived_seed, window_seed
from musicvae.compose.tonality import tonal_centre
from musicvae.music.key import Key
from musicvae.music.meter import Meter
from musicvae.music.vocabulary import canonical_tokens


class Watched(FakeEngine):
    """Remembers what it was asked."""

    def __post_init__(self):
        super().__post_init__()
        self.asked = []

    def sample_prior(self, seeds, **options):
        self.asked.append((list(seeds), options["bars"], options["given_bars"], options["given"]))
        return super().sample_prior(seeds, **options)


@pytest.mark.parametrize("meter", ["4/4", "3/4", "6/8", "2/4", "2/2"])
@pytest.mark.parametrize("bars", [1, 3, 16, 33, 50])
def test_bars_are_written_bars(meter, bars):
    (melody,) = draw(FakeEngine(), [5], Order(bars=bars, meter=Meter.parse(meter)))
    assert melody.num_bars == bars
    assert melody.notes
    assert melody.notes[-1].onset_steps >= (bars - 2) * melody.meter.steps_per_bar or bars == 1


def test_sixteen_model_bars_are_drawn_at_once():
    engine = Watched()
    draw(engine, [5], Order(bars=32, meter=Meter(2, 4)))
    assert [(seeds, bars) for seeds, bars, *_ in engine.asked] == [([5], 16)]


def test_longer_pieces_go_on_from_their_last_eight_bars():
    engine = Watched()
    tokens = draw_tokens(engine, [5], Order(bars=36))
    assert [(seeds, bars, given) for seeds, bars, given, _ in engine.asked] == [
        ([5], 16, 0), ([window_seed(5, 1)], 16, 8), ([window_seed(5, 2)], 16, 8), ([window_seed(5, 3)], 12, 8),
    ]  # fmt: skip
    np.testing.assert_array_equal(engine.asked[2][3], engine.encode(canonical_tokens(tokens[:, 16:24]), 0)[0])
    np.testing.assert_array_equal(tokens[:, :16], draw_tokens(engine, [5], Order(bars=16)))
    np.testing.assert_array_equal(tokens[:, :32], draw_tokens(engine, [5], Order(bars=32)))


def test_a_style_keeps_its_strength_when_a_piece_goes_on():
    engine = Watched()

    def vector(bars):
        v = np.zeros(engine.config.z_size)
        v[1] = 0.25  # every pitch three semitones up
        return v

    plain = draw_tokens(engine, [5], Order(bars=16, temperature=0.0))
    styled = draw_tokens(engine, [5], Order(bars=40, temperature=0.0, vector=vector))
    np.testing.assert_array_equal(styled[:, :16], np.where(plain >= 2, plain + 3, plain))
    for *_, given in engine.asked[2:]:
        assert given[0, 1] == pytest.approx(-0.25)  # taken off the encoded bars, whose tune block was 0


@pytest.mark.parametrize("key", [None, Key.parse("D dorian")])
@pytest.mark.parametrize("bars", [4, 20])
def test_a_piece_depends_on_its_seed_only(key, bars):
    engine, order = FakeEngine(), Order(bars=bars, key=key)
    seeds = list(range(100))
    many = draw(engine, seeds, order)
    for row in (0, 41, 70, 99):
        assert many[row] == draw(engine, [seeds[row]], order)[0]
    assert len({m.notes for m in many}) > 90


@pytest.mark.parametrize("asked", ["C", "A minor", "D dorian", "E dorian", "Bb", "F# minor", "G mixolydian", "B locrian"])
def test_an_asked_key_is_met_as_well_as_the_candidates_allow(asked):
    engine, key, seeds = FakeEngine(), Key.parse(asked), list(range(30))
    plain = Order(bars=8, temperature=0.0)
    for seed, melody in zip(seeds, draw(engine, seeds, replace(plain, key=key)), strict=True):
        assert melody.key == key
        assert {n.pitch % 12 for n in melody.notes} <= key.scale
        candidates = [seed, *(derived_seed(seed, f"key {k}") for k in range(1, KEY_CANDIDATES))]
        drawn = [draw(engine, [s], plain)[0] for s in candidates]
        modes = ("major", "minor", "dorian", "mixolydian")
        centres = [tonal_centre(d, tuple(dict.fromkeys((*modes, key.mode)))).mode for d in drawn]
        source = next((d for d, c in zip(drawn, centres, strict=True) if c == key.mode), None)
        shifts = {n.pitch - m.pitch for n, m in zip(melody.notes, source.notes, strict=True)} if source else {0}
        assert len(shifts) == 1
        assert -6 <= shifts.pop() <= 5


def test_without_canonical_key_pieces_are_moved_by_their_heard_key():
    engine = FakeEngine(canonical_key=False)
    (melody,) = draw(engine, [3], Order(bars=8, key=Key.parse("Eb")))
    assert melody.key == Key.parse("Eb")
    assert draw(engine, [3], Order(bars=8))[0].key is not None


def test_small_models_go_on_too():
    for max_bars in (1, 2, 3):
        (melody,) = draw(FakeEngine(max_bars=max_bars), [3], Order(bars=7))
        assert melody.num_bars == 7


def test_temperature_zero_needs_no_luck():
    engine = FakeEngine()
    assert same_music(*(draw(engine, [3], Order(bars=8, temperature=0.0, prior_temperature=0.0))[0] for _ in range(2)))
