import threading
from dataclasses import replace
from itertools import islice

import numpy as np
import pytest

from musicvae.compose.composing.hearing import dominant, likeness
from musicvae.compose.composing.streaming import STRENGTH_PER_BAR
from musicvae.music.melody import Melody
from musicvae.music.vocabulary import to_tokens


def tokens(bars):
    return to_tokens(Melody.joined([bar.melody for bar in bars]))


def test_the_same_seed_streams_the_same_bars(model):
    one, other = (list(islice(model.stream("AAB", seed=4, section_bars=4), 15)) for _ in range(2))
    assert one == other
    assert one != list(islice(model.stream("AAB", seed=5, section_bars=4), 15))
    assert [bar.number for bar in one] == list(range(15))
    assert [bar.section for bar in one[::4]] == ["A", "A'", "B", "A'"]


def test_the_first_section_returns_in_every_round_and_others_are_new(model):
    bars = list(islice(model.stream("AB", seed=4, vary=0, section_bars=4), 24))
    a, b, a2, b2, a3, b3 = np.split(tokens(bars), 6)
    assert all((a[:3] == other[:3]).all() for other in (a2, a3))
    assert max(likeness(one, other) for one, other in ((b, b2), (b2, b3))) < 0.9


def test_bars_follow_each_other_as_in_a_whole_piece(model):
    bars = list(islice(model.stream("AB", seed=7, section_bars=4), 8))
    piece = model.compose("AB", bars=8, seed=7)
    assert likeness(tokens(bars)[:4], to_tokens(piece.melody)[:4]) > 0.9
    for bar in bars[3::4]:
        assert bar.notes[0].onset_steps == 0
        assert bar.notes[0].pitch % 12 in dominant(bar.key)


def test_a_change_is_heard_from_the_next_bar_and_glides(model):
    plain = list(islice(model.stream(seed=3, vary=0), 24))
    stream, changed = model.stream(seed=3, vary=0), []
    for bar in islice(stream, 24):
        changed.append(bar)
        if bar.number == 11:
            stream.set(mood={"high": 2.0}, tempo_qpm=200)
    assert changed[:12] == plain[:12]
    assert [bar.moods.get("high", 0.0) for bar in changed[11:17]] == [0.0, 0.5, 1.0, 1.5, 2.0, 2.0]
    tempi = [bar.tempo_qpm for bar in changed[11:]]
    assert tempi[0] == 120
    assert tempi == sorted(tempi)
    assert max(np.diff(np.log(tempi))) < np.log(1.081)
    assert tempi[-1] == 200
    rise = [np.mean([n.pitch for n in new.notes]) - np.mean([n.pitch for n in old.notes]) for new, old in zip(changed, plain, strict=True)]
    assert np.mean(rise[12:14]) < np.mean(rise[18:24])
    assert np.mean(rise[18:24]) > 3
    # The tune goes on: most of what starts would have started without the change.
    onsets = [{16 * bar.number + n.onset_steps for bar in bars[12:16] for n in bar.notes} for bars in (changed, plain)]
    assert len(onsets[0] & onsets[1]) > 0.7 * len(onsets[0])


def test_a_note_that_sounds_on_is_not_taken_back(model):
    stream = model.stream(seed=6, temperature=1.0, section_bars=4)
    until = 0
    for bar in islice(stream, 16):
        stream.set(mood={"high": float(bar.number % 3)})
        start = bar.number * 16
        for note in bar.notes:
            assert start + note.onset_steps >= until
            until = start + note.end_steps


def test_changes_may_come_from_another_thread(model):
    stream, heard = model.stream(seed=3, section_bars=4), []

    def listen():
        heard.extend(islice(stream, 24))

    listener = threading.Thread(target=listen)
    listener.start()
    for strength in (1.0, -1.0, 0.5):
        stream.set(mood={"high": strength})
    listener.join()
    assert stream.wanted.strengths["high"] == 0.5
    steps = np.diff([bar.moods.get("high", 0.0) for bar in heard])
    assert np.abs(steps).max() <= STRENGTH_PER_BAR
    assert heard[-1].moods == {"high": 0.5}


def test_an_end_that_is_asked_for_is_a_cadence(model):
    stream, heard = model.stream(seed=3), []
    for bar in stream:
        heard.append(bar)
        if bar.number == 10:
            stream.finish()
        assert bar.number < 40
    assert len(heard) == 16
    last = heard[-1]
    assert last.is_last
    assert (last.notes[-1].pitch % 12, last.notes[-1].duration_steps) == (last.key.tonic, 16)
    assert next(stream, None) is None


def test_an_end_asked_for_too_late_comes_with_the_next_section(model):
    stream, heard = model.stream(seed=3, section_bars=4), []
    for bar in stream:
        heard.append(bar)
        if bar.number == 3:
            stream.finish()
    assert len(heard) == 8


@pytest.mark.parametrize("meter", ["2/4", "3/4", "6/8"])
def test_every_meter_streams(model, meter):
    bars = list(islice(model.stream(meter=meter, seed=2, section_bars=4), 5))
    assert all(bar.melody.num_bars == 1 and str(bar.meter) == meter for bar in bars)
    assert sum(len(bar.notes) for bar in bars) > 5


def test_what_cannot_be_asked_of_a_stream_changes_nothing(model):
    stream = model.stream(mood={"calm": 0.5})
    before = stream.wanted
    for options, message in (
        ({"mood": "clam"}, "is no mood"),
        ({"style": "jig"}, "'jig' is in 6/8"),
        ({"tempo_qpm": -3}, "tempo must be"),
        ({"mood": {"calm": 99}}, "from -10 to 10"),
    ):
        with pytest.raises(ValueError, match=message):
            stream.set(**options)
    assert stream.wanted is before
    assert replace(before) == before
