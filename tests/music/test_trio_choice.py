import pytest

from musicvae.music.score import Score, ScoreNote, Track
from musicvae.music.trio_choice import choose_trio

TPB = 480


def track(name, program, pitches, beats=range(16), *, drum=False, chord=1):
    notes = [ScoreNote(b * TPB, pitches[i % len(pitches)] + 4 * k, TPB, 80) for i, b in enumerate(beats) for k in range(chord)]
    return Track(tuple(sorted(notes)), name, program, drum)


DRUMS = track("kit", 0, (36, 38), drum=True)
BASS = track("low", 33, (40, 43, 45))
LEAD = track("high", 29, (69, 71, 72, 74))


def test_programs_decide_who_can_be_what():
    strings = track("Melody", 48, (72, 74, 76))
    choice = choose_trio(Score(TPB, (strings, DRUMS, BASS, LEAD)))
    assert (choice.melody, choice.bass, choice.drums) == (4, 3, (2,))
    assert choice.why == "melody: track 4 'high', the only one; bass: track 3 'low', the only one; by programs (melody 0-31, bass 32-39)"


def test_among_several_the_best_is_taken_and_told():
    chords = track("chords", 30, (60, 62), chord=3)
    late = track("late", 26, (69, 71, 72, 74), beats=range(12, 16))
    choice = choose_trio(Score(TPB, (chords, late, LEAD, BASS, DRUMS)))
    assert choice.melody == 3
    assert choice.why.startswith("melody: track 3 'high', best of 3 by ")
    ranked = [c for c in choice.candidates if c.role == "melody"]
    assert [c.track for c in ranked] == [3, 2, 1] or [c.track for c in ranked] == [3, 1, 2]
    terms = dict(ranked[0].terms)
    assert terms == {
        "together": 1.0,
        "one note at a time": 1.0,
        "motion": 1.0,
        "register": pytest.approx(1 - 2.5 / 24, abs=1e-3),
        "name": 0.0,
    }
    assert "track 3 as melody" in str(ranked[0])


def test_a_name_counts_and_the_first_of_equal_ones_wins():
    twin = track("high", 29, (69, 71, 72, 74))
    named = track("Lead", 29, (69, 71, 72, 74))
    assert choose_trio(Score(TPB, (LEAD, twin, BASS, DRUMS))).melody == 1
    choice = choose_trio(Score(TPB, (LEAD, twin, named, BASS, DRUMS)))
    assert choice.melody == 3
    assert "best of 3 by name" in choice.why


def test_where_programs_say_nothing_names_do_and_else_registers():
    high, low = track("Synth", 0, (72, 74)), track("", 0, (40, 43))
    named = choose_trio(Score(TPB, (low, track("E-Bass", 0, (48, 50)), high, DRUMS)))
    assert named.bass == 2
    assert named.why.endswith("by names, all programs being the same")
    silent = choose_trio(Score(TPB, (high, low, DRUMS)))
    assert (silent.melody, silent.bass) == (1, 2)
    assert silent.why.endswith("by register, all programs being the same and no track being called bass")


def test_a_role_that_no_program_tells_goes_by_names_and_registers():
    pad, lead = track("pad", 89, (55, 58, 62), chord=3), track("Saw Lead", 81, (69, 71, 72))
    sung = choose_trio(Score(TPB, (pad, BASS, lead, DRUMS)))
    assert (sung.melody, sung.bass) == (3, 2)
    assert sung.why.endswith("the melody by names and registers, no program being that of a melody")
    cello, high = track("Cello", 42, (43, 45)), track("Bass Lead", 87, (81, 83))
    low = choose_trio(Score(TPB, (LEAD, high, cello, DRUMS)))
    assert (low.melody, low.bass) == (1, 3), "called bass, but two octaves too high"
    assert low.why.endswith("the bass by register, no program being that of a bass")
    named = choose_trio(Score(TPB, (LEAD, cello, track("Synth Bass", 87, (45, 48)), DRUMS)))
    assert named.bass == 3
    assert "the bass by names" in named.why


def test_a_low_melody_program_is_the_bass_where_nothing_else_is_low():
    guitar, voice = track("guitar", 30, (40, 43)), track("voice", 52, (69, 71))
    choice = choose_trio(Score(TPB, (guitar, voice, DRUMS)))
    assert (choice.melody, choice.bass) == (2, 1)


@pytest.mark.parametrize(
    ("tracks", "message"),
    [
        ((LEAD, BASS), "no drums in it"),
        ((DRUMS,), "no melody for a trio, and no bass: there are only drums in it"),
        ((LEAD, DRUMS), r"no bass for a trio: by programs.*pitched tracks are 1 'high' \(program 29\)"),
        ((BASS, track("gunshot", 127, (70,)), DRUMS), r"no melody for a trio: by programs.*2 'gunshot' \(program 127\)"),
        ((BASS, track("strings", 48, (45,)), DRUMS), "no melody for a trio: by programs"),
        ((LEAD, track("taiko", 116, (40,)), DRUMS), "no bass for a trio: by programs"),
        ((LEAD, track("strings", 48, (70,)), DRUMS), "no bass for a trio: by programs"),
    ],
)
def test_what_is_missing_is_named(tracks, message):
    with pytest.raises(ValueError, match=message):
        choose_trio(Score(TPB, tracks))


def test_a_file_of_absurd_length_is_refused():
    late = track("high", 29, (69,), beats=[200_000])
    with pytest.raises(ValueError, match="200001 beats in the file; at most 100000 are read: is its resolution damaged?"):
        choose_trio(Score(TPB, (LEAD, late, BASS, DRUMS)))
