import re
from dataclasses import replace

import numpy as np
import pytest
from compose.fake_engine import FakeEngine, same_music, tune
from hypothesis import given
from strategies import melodies

from musicvae.compose.coding import decode, decode_rows, encode
from musicvae.music.melody import Melody, Note
from musicvae.music.meter import Meter


@given(melodies(max_bars=40, min_pitch=55, max_pitch=85))
def test_with_a_lossless_engine_everything_comes_back(melody):
    engine = FakeEngine()
    assert decode(engine, encode(engine, melody)) == replace(melody, provenance={})


@pytest.mark.parametrize("bars", [1, 3, 16, 17, 50])
def test_every_bar_of_a_long_melody_is_coded(bars):
    code = encode(FakeEngine(), tune(2, bars))
    assert code.bars.sum() == bars
    assert (len(code.windows) == 1) == (bars <= 16)
    assert bool(code.notices) == (bars > 16)


def test_the_notice_of_a_very_long_melody_is_short():
    (notice,) = encode(FakeEngine(max_bars=2), tune(2, 100)).notices
    assert re.fullmatch(r"100 bars were taken in windows of [12](, [12]){5} and \d\d more", notice)


def test_the_shift_is_recorded():
    plain, moved = encode(FakeEngine(), tune(2)), encode(FakeEngine(), tune(2, shift=5))
    np.testing.assert_array_equal(plain.mu, moved.mu)
    assert moved.shift_semitones == plain.shift_semitones - 5


def test_notices_tell_of_a_key_that_was_only_heard_and_of_folded_notes():
    melody = replace(tune(2), key=None, notes=(*tune(2).notes[:-1], Note(1, 255, 1)))
    assert encode(FakeEngine(), melody).notices == (
        "the key is not stated; it sounds like C major", "1 notes out of range were moved by octaves",
    )  # fmt: skip


def test_unused_blocks_are_zero():
    code = encode(FakeEngine(lossy=1.0), tune(2, 5))
    assert not code.mu[0, 4 + 5 * 32 :].any()
    assert code.mu[0, : 4 + 5 * 32].any()


def test_refining_brings_the_code_nearer():
    engine, melody = FakeEngine(lossy=1.0), tune(2)
    assert not same_music(decode(engine, encode(engine, melody)), melody)
    refined = encode(engine, melody, refine=20)
    assert same_music(decode(engine, refined), melody)
    assert refined.refine == 20


def test_decoding_with_a_temperature_depends_on_the_seed_alone():
    engine = FakeEngine()
    code = encode(engine, tune(2, 40))
    once, again, other = (decode(engine, code, temperature=2.0, seed=seed) for seed in (1, 1, 2))
    assert once == again
    assert not same_music(once, other)


def test_a_code_of_another_model_is_refused():
    code = encode(FakeEngine(), tune(2))
    with pytest.raises(ValueError, match="the code was made by model fake, this is model other: load the one that made it"):
        decode(FakeEngine(hash="other"), code)
    with pytest.raises(ValueError, match=r"a code of shape \(1, 516\) with windows of up to 16 bars does not fit the model"):
        decode(FakeEngine(max_bars=8), code)


def test_rows_of_all_lengths_are_decoded_each_by_itself():
    engine, meter = FakeEngine(), Meter(3, 4)
    z = engine.sample_prior(list(range(150)), bars=16, kind=1)
    bars = [1 + row % 3 for row in range(150)]
    parts = decode_rows(engine, z, bars, meter, temperature=1.0, seeds=list(range(150)))
    assert [part.shape for part in parts] == [(b, 12) for b in bars]
    alone = decode_rows(engine, z[77:78], bars[77:78], meter, temperature=1.0, seeds=[77])
    np.testing.assert_array_equal(parts[77], alone[0])


def test_silence_can_be_coded():
    engine, silence = FakeEngine(), Melody((), num_bars=3)
    assert decode(engine, encode(engine, silence)) == silence
