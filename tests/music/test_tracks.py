import pytest

from musicvae.music.extract import extract_grid
from musicvae.music.score import Score, ScoreNote, Track
from musicvae.music.tracks import choose_track, rank_tracks

TPB = 96
TUNE = [(beat, 67 + step, 1) for beat, step in enumerate((0, 2, 4, 5, 4, 2, 0, -1) * 4)]
CHORDS = [(beat, pitch, 4) for beat in range(0, 32, 4) for pitch in (55, 59, 62)]
BASS = [(beat, 36 + 5 * (beat % 8 == 4), 2) for beat in range(0, 32, 2)]
ARPEGGIO = [(beat / 2, 48 + 7 * (beat % 4), 0.5) for beat in range(64)]


def track(notes, name="", program=0, is_drum=False):
    return Track(tuple(sorted(ScoreNote(round(o * TPB), p, round(d * TPB), 80) for o, p, d in notes)), name, program, is_drum)


def order(*tracks):
    return [choice.track for choice in rank_tracks(Score(TPB, tracks))]


@pytest.mark.parametrize("others", [(CHORDS, BASS), (BASS, CHORDS), (ARPEGGIO, CHORDS), (CHORDS, ARPEGGIO, BASS)])
def test_the_tune_comes_before_what_accompanies_it_wherever_it_stands(others):
    for place in range(len(others) + 1):
        notes = [*others[:place], TUNE, *others[place:]]
        assert order(*map(track, notes))[0] == place + 1


def test_a_name_goes_before_any_score_but_not_that_of_a_bass():
    assert order(track(TUNE), track(CHORDS, "Gesang"), track(BASS, "lead")) == [2, 3, 1]
    assert order(track(BASS, "Bass Lead"), track(TUNE, "Square Lead")) == [2, 1]
    assert order(track(TUNE), track(BASS, "Bass Lead"))[0] == 2
    assert order(track(BASS, "depressing"), track(TUNE)) == [2, 1]


def test_a_bass_instrument_and_a_low_or_rare_line_come_later():
    assert order(track(TUNE, program=33), track(TUNE, program=73)) == [2, 1]
    low = [(o, p - 24, d) for o, p, d in TUNE]
    assert order(track(low), track(TUNE), track(TUNE[:4])) == [2, 3, 1]
    assert order(track(TUNE), track(TUNE)) == [1, 2]


def test_drums_and_silence_are_no_candidates():
    assert order(track(TUNE, is_drum=True), track([]), track(CHORDS)) == [3]
    assert rank_tracks(Score(TPB, ())) == ()


def test_terms_are_from_0_to_1_and_said_in_words():
    score = Score(TPB, (track(CHORDS, program=32), track(TUNE, "Flute"), track([(0, 60, 0)]), track([(0, 0, 1), (0, 127, 1)])))
    ranked = rank_tracks(score)
    for choice in ranked:
        assert all(0 <= value <= 1 for value in choice.terms.values())
        assert 0 <= choice.score <= 1
    assert ranked[0].terms["alone"] == 1
    assert ranked[0].why.startswith("few notes at once, treble register, it sounds most of the time, a range that can be sung")
    chords = next(c for c in ranked if c.track == 1)
    assert chords.terms["alone"] == pytest.approx(1 / 3)
    assert "; not: few notes at once" in chords.why
    assert "no bass instrument" in chords.why.partition("; not: ")[2]


def test_the_choice_is_explained_with_the_score_of_the_next():
    score = Score(TPB, (track(CHORDS), track(TUNE)))
    first, second = rank_tracks(score)
    number, why = choose_track(score)
    assert number == extract_grid(score).track == first.track == 2
    assert why == f"most like a melody of 2 tracks ({first.score:.2f}, the next {second.score:.2f}): {first.why}"
    assert choose_track(Score(TPB, (track(CHORDS),))) == (1, "the only track with pitched notes")
    assert choose_track(Score(TPB, (track(CHORDS), track(CHORDS, "Voice")))) == (2, "its name, 'Voice', is that of a melody")
