import threading
from dataclasses import replace
from itertools import islice

import numpy as np
import pytest
from compose.fake_engine import FakeWindowEngine

from musicvae.compose.composing.hearing import dominant, likeness
from musicvae.compose.composing.streaming import STRENGTH_PER_BAR
from musicvae.compose.constraints.constraints import Constraints
from musicvae.compose.model import Model
from musicvae.music.key import Key
from musicvae.music.melody import Melody, Note
from musicvae.music.meter import Meter
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


def heard(bars):
    return Melody.joined([bar.melody for bar in bars])


@pytest.mark.parametrize("key", [None, "E minor"])
def test_constraints_hold_in_every_bar(model, key):
    rule = Constraints.of(scale="E minor", range="C4-A5", longest=1, notes="6:1:E5 11:3:G4:1")
    bars = list(islice(model.stream("AAB", seed=4, section_bars=4, constraints=rule, key=key), 24))
    assert rule.over(bars[0].meter, 24).broken(heard(bars)) == ()
    assert sum(len(bar.notes) for bar in bars) > 40


def test_a_rhythm_is_kept_in_every_section(model):
    rhythm = Melody((Note(60, 0, 4), Note(60, 4, 2), Note(60, 6, 10)), meter=Meter(4, 4), num_bars=1)
    bars = list(islice(model.stream("AB", seed=4, section_bars=4, constraints=Constraints.of(rhythm=rhythm)), 12))
    assert all([(n.onset_steps, n.duration_steps) for n in bar.notes] == [(0, 4), (4, 2), (6, 10)] for bar in bars)


def test_constraints_change_while_it_plays_and_can_be_taken_away(model):
    stream, bars = model.stream("AAB", seed=4, section_bars=8, vary=0), []
    for bar in islice(stream, 40):
        bars.append(bar)
        if bar.number == 11:
            stream.set(constraints=Constraints.of(scale="C D E G A", range="C4-C5", notes="18:1:C5"))
        if bar.number == 27:
            stream.set(constraints=Constraints())
    plain = list(islice(model.stream("AAB", seed=4, section_bars=8, vary=0), 24))
    assert bars[:12] == plain[:12]
    pitches = {note.pitch for bar in bars[12:28] for note in bar.notes}
    assert {pitch % 12 for pitch in pitches} <= {0, 2, 4, 7, 9}
    assert 60 <= min(pitches) <= max(pitches) <= 72
    assert bars[17].notes[0].pitch == 72
    assert {note.pitch % 12 for bar in bars[28:] for note in bar.notes} - {0, 2, 4, 7, 9}
    assert stream.wanted.constraints.is_empty


@pytest.mark.parametrize("last", range(8, 15))
def test_the_very_next_note_keeps_to_new_constraints(model, last):
    stream = model.stream("A", seed=4, section_bars=8)
    list(islice(stream, last + 1))
    stream.set(constraints=Constraints.of(scale="F# major pentatonic", range="C5-C6"))
    pitches = {note.pitch for bar in islice(stream, 4) for note in bar.notes}
    assert pitches
    assert all(72 <= pitch <= 84 and pitch % 12 in (1, 3, 6, 8, 10) for pitch in pitches)


def test_constraints_before_the_first_bar_choose_the_key(model):
    stream = model.stream(seed=4, section_bars=4)
    stream.set(constraints=Constraints.of(scale="Ab major"))
    bars = list(islice(stream, 8))
    assert bars[0].key.scale == Key.parse("Ab").scale
    assert {note.pitch % 12 for bar in bars for note in bar.notes} <= Key.parse("Ab").scale


def test_a_model_without_a_key_of_its_own_keeps_to_constraints(model):
    stream = Model(FakeWindowEngine(max_bars=2)).stream(seed=4, section_bars=4, key="D", constraints=Constraints.of(range="C4-C6"))
    bars = list(islice(stream, 8))
    assert {note.pitch % 12 for bar in bars for note in bar.notes} <= Key.parse("D").scale


def test_what_a_stream_cannot_keep_to_changes_nothing(model):
    stream = model.stream(seed=3, section_bars=4)
    list(islice(stream, 6))
    before = stream.wanted
    for rule, message in (
        (Constraints.of(notes="3:1:C5"), "lies in bar 3, and 6 bars have been played"),
        (Constraints.of(notes="9:9:C5"), "lies outside the piece"),
        (Constraints.of(scale="C E G", range="D4-D4"), "no note of the scale"),
        ("C major", "constraints are made by Constraints.of"),
    ):
        with pytest.raises(ValueError, match=message):
            stream.set(constraints=rule)
    assert stream.wanted is before


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
