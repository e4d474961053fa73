import numpy as np
import pytest
from compose.fake_engine import FakeWindowEngine, same_music

from musicvae.compose.composing.curves import Curve
from musicvae.compose.composing.hearing import dominant, likeness
from musicvae.compose.constraints.constraints import Constraints
from musicvae.compose.model import Model
from musicvae.music.key import Key
from musicvae.music.melody import Melody, Note
from musicvae.music.meter import Meter
from musicvae.music.vocabulary import to_tokens


def closes(piece):
    """For each section the pitch class that starts on its last downbeat, and how long it lasts in steps."""
    width = piece.melody.meter.steps_per_bar
    starts = {note.onset_steps: note for note in piece.melody.notes}
    found = []
    for section in piece.sections:
        note = starts.get((section.start_bar + section.num_bars - 1) * width)
        found.append(None if note is None else (note.pitch % 12, note.duration_steps))
    return found


def mean_pitch(melody, bar):
    return np.mean([note.pitch for note in melody.notes if note.onset_steps // 16 == bar])


@pytest.mark.parametrize(("meter", "bars"), [("4/4", 16), ("3/4", 19), ("6/8", 18), ("2/4", 16), ("2/4", 19), ("2/2", 17)])
def test_sections_rest_on_the_dominant_and_the_piece_on_the_tonic(model, meter, bars):
    piece = model.compose("AABA", bars=bars, meter=meter, section_bars=4, seed=3)
    melody = piece.melody
    assert (melody.num_bars, str(melody.meter)) == (bars, meter)
    ends = closes(piece)
    assert all(end is not None and end[0] in dominant(melody.key) for end in ends[:-1])
    assert ends[-1] == (melody.key.tonic, melody.meter.steps_per_bar)


@pytest.mark.parametrize("section_bars", [4, 16])
def test_returns_are_the_section_again_and_open_alike(model, section_bars):
    piece = model.compose("AABA", bars=4 * section_bars, section_bars=section_bars, seed=5)
    a, again, b, last = np.split(to_tokens(piece.melody), 4)
    keep = section_bars // 4
    assert (again[:keep] == a[:keep]).all()
    assert (last[:keep] == a[:keep]).all()
    assert min(likeness(a, again), likeness(a, last)) > likeness(a, b) + 0.2


def test_without_variation_returns_differ_in_their_ends_only(model):
    piece = model.compose("AABA", bars=32, vary=0, seed=5)
    a, again, _, last = np.split(to_tokens(piece.melody), 4)
    assert (a[:7] == again[:7]).all()
    assert (a[:6] == last[:6]).all()
    assert not same_music(piece.melody, model.compose("AABA", bars=32, vary=0.9, seed=5).melody)


def test_the_same_seed_makes_the_same_piece_and_the_file_says_how(model):
    options = {"minutes": 0.3, "mood": {"calm": 1.0, "high": 0.5}, "style": "jig", "key": "D dorian", "seed": 9}
    piece, again, other = model.compose("AB", **options), model.compose("AB", **options), model.compose("AB", **{**options, "seed": 8})
    assert piece.melody == again.melody
    assert not same_music(piece.melody, other.melody)
    story = piece.melody.provenance
    assert (story["made_by"], story["form"], story["seed"], story["mood"]) == ("compose", "AB", 9, {"calm": 1.0, "high": 0.5})
    assert (str(piece.melody.meter), piece.melody.key, piece.melody.tempo_qpm) == ("6/8", Key(2, "dorian"), story["tempo_qpm"])
    assert story["tempo_qpm"] == pytest.approx(0.88 * 110)
    assert piece.melody.num_bars == round(0.3 * story["tempo_qpm"] / 3)


def test_minutes_are_met_to_the_bar(model):
    piece = model.compose("AAB", minutes=0.9, seed=1, vary=0)
    assert piece.melody.num_bars == 27
    assert piece.sections[-1].name == "coda"


@pytest.mark.parametrize(("meter", "bars"), [("4/4", 30), ("2/4", 29), ("6/8", 31)])
def test_a_last_section_that_is_cut_short_opens_and_ends_as_a_whole_one(model, meter, bars):
    piece = model.compose("AABA", bars=bars, meter=meter, seed=5)
    last = piece.sections[-1]
    assert (last.letter, last.num_bars, piece.melody.num_bars) == ("A", bars - 24, bars)
    assert closes(piece)[-1] == (piece.melody.key.tonic, piece.melody.meter.steps_per_bar)
    width = piece.melody.meter.steps_per_bar
    notes = [(n.onset_steps // width, n.onset_steps % width, n.pitch) for n in piece.melody.notes]
    opening, again = ([(bar - start, *rest) for bar, *rest in notes if start <= bar < start + 2] for start in (0, 24))
    assert opening == again


def test_a_curve_moves_the_bars_it_names(model):
    rising = Curve("bar", np.array([1.0, 16.0]), {"high": np.array([0.0, 2.0])})
    flat = model.compose("AA", bars=16, seed=2, vary=0).melody
    raised = model.compose("AA", bars=16, seed=2, vary=0, curve=rising).melody
    rise = np.array([mean_pitch(raised, bar) - mean_pitch(flat, bar) for bar in (0, 1, 13, 14)])
    assert rise[:2].max() < rise[2:].min()


def test_moods_change_how_loud_notes_are(model):
    curve = Curve("fraction", np.array([0.0, 1.0]), {"calm": np.array([0.0, 2.0])})
    notes = model.compose("AA", bars=16, seed=2, curve=curve).melody.notes
    assert notes[0].velocity > notes[len(notes) // 2].velocity > notes[-1].velocity >= 90 - 2 * 14


def test_constraints_hold_through_the_whole_piece(model):
    constraints = Constraints.of(scale="D dorian", range="C4-A5", notes="9:1:D5:2")
    piece = model.compose("AABA", bars=16, seed=2, constraints=constraints)
    assert constraints.over(piece.melody.meter, 16).broken(piece.melody) == ()
    assert piece.melody.provenance["constraints"]


def test_a_rhythm_is_kept_through_cadences_and_variations(model):
    rhythm = Melody((Note(60, 0, 6), Note(60, 6, 2), Note(60, 8, 4), Note(60, 12, 4)), meter=Meter(4, 4), num_bars=1)
    melody = model.compose("AABA", bars=34, seed=2, vary=1, constraints=Constraints.of(rhythm=rhythm)).melody
    starts = [[note.onset_steps % 16 for note in melody.notes if note.onset_steps // 16 == bar] for bar in range(34)]
    assert starts == [[0, 6, 8, 12]] * 34


def test_a_model_of_windows_composes_too():
    piece = Model(FakeWindowEngine(max_bars=2)).compose("AABA", bars=18, section_bars=4, seed=4)
    a, again, b = np.split(to_tokens(piece.melody)[:12], 3)
    assert (a[:1] == again[:1]).all()
    assert likeness(a, again) > likeness(a, b)
    assert closes(piece)[-1] == (piece.melody.key.tonic, 16)


def test_a_mood_without_its_vector_is_told(model):
    piece = model.compose("A", bars=8, mood="restless", seed=1)
    assert "restless leaves syncopation-16 as it is: this model has no vector for it" in piece.notices


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({}, "say how long the piece is, in minutes or in bars"),
        ({"minutes": 1, "bars": 9}, "not in both"),
        ({"minutes": 1, "mood": "clam"}, "'clam' is no mood; moods are calm, "),
        ({"minutes": 1, "vary": 30}, "was a percentage meant"),
        ({"minutes": 1, "mood": {"calm": 50}}, "must be a number from -10 to 10"),
        ({"minutes": 1, "style": "jig", "meter": "4/4"}, "'jig' is in 6/8"),
        ({"bars": 10}, "need 16 bars"),
        ({"bars": 32, "mood": "calm", "curve": Curve("bar", np.ones(1), {"calm": np.ones(1)})}, "'?calm'? is asked for twice"),
    ],
)
def test_what_cannot_be_composed_is_refused(model, options, message):
    with pytest.raises(ValueError, match=message):
        model.compose("AABA", **options)
