from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from musicvae.music.key import Key
from musicvae.music.midi import read_midi
from musicvae.music.piece import PIECE_COLUMNS, Piece
from musicvae.music.provenance import fingerprint, inputs_of, provenance_of
from musicvae.music.taking import take_piece
from tests.music.made import random_piece
from tests.strategies import tokens

MATERIALS = tuple(PIECE_COLUMNS)


@pytest.mark.parametrize("material", MATERIALS)
def test_a_piece_is_what_its_file_holds(material, tmp_path):
    made = random_piece(material, 1, key=Key(2, "dorian") if material in ("melody", "trio", "performance") else None,
                        provenance={"seed": 7})  # fmt: skip
    path = made.write(tmp_path / "a.mid")
    score = read_midi(path)
    lead = made.lead_in_bars
    assert score.length_ticks == (3 + lead) * 4 * 480
    assert score.title == material
    entry = provenance_of(score)[0]
    assert entry["seed"] == 7
    assert entry["piece"]["material"] == material
    assert sum(len(t.notes) for t in score.tracks) == len(made.notes) > 0
    (taken,) = take_piece(path, material)
    for column, values in made.columns.items():
        if column == "chords":  # MIDI has no place for them
            assert "chords" not in taken.columns
        elif column == "offsets":
            np.testing.assert_allclose(taken.columns[column], values, atol=1e-3)
        else:
            np.testing.assert_array_equal(taken.columns[column], values)
    assert (taken.num_bars, taken.tempo_qpm, taken.key) == (3, 96.0, made.key)
    with pytest.raises(FileExistsError):
        made.write(path)
    again = made.write(tmp_path / "b.mid").read_bytes()
    assert again == path.read_bytes()


@pytest.mark.parametrize("material", ["melody", "trio", "performance"])
def test_a_score_in_memory_has_the_chords_too(material):
    made = random_piece(material, 2)
    made = replace(made, columns={**made.columns, "chords": np.repeat(made.columns["chords"][:, :2], 4, axis=1)})
    (taken,) = take_piece(made.to_score(), material)
    np.testing.assert_array_equal(taken.columns["chords"], made.columns["chords"])
    assert taken.name == material


@given(tokens(), st.integers(0, 5), st.integers(1, 6))
def test_a_part_of_a_melody_is_what_a_melody_s_part_is(found, start, bars):
    made = Piece("melody", {"bars": found})
    from musicvae.music.vocabulary import from_tokens

    whole = from_tokens(found, made.meter)
    part = from_tokens(made.cut(start, bars).columns["bars"], made.meter)
    wanted = whole.cut(start, bars)
    assert [(n.pitch, n.onset_steps, n.duration_steps) for n in part.notes] == [
        (n.pitch, n.onset_steps, n.duration_steps) for n in wanted.notes
    ]
    assert part.num_bars == bars


@given(st.lists(tokens(max_bars=2), min_size=1, max_size=3))
def test_joined_melodies_are_the_melodies_joined(parts):
    from musicvae.music.melody import Melody
    from musicvae.music.vocabulary import from_tokens

    joined = Piece.joined(Piece("melody", {"bars": part}) for part in parts)
    wanted = Melody.joined(from_tokens(part, joined.meter) for part in parts)
    found = from_tokens(joined.columns["bars"], joined.meter)
    assert found.notes == wanted.notes
    assert found.num_bars == wanted.num_bars


@pytest.mark.parametrize("material", MATERIALS)
def test_cutting_and_joining(material):
    made = random_piece(material, 3, bars=4)
    whole = Piece.joined([made.cut(0, 1), made.cut(1, 3)])
    assert whole.num_bars == 4
    if material in ("drums", "groove", "performance"):
        assert whole == made
        assert hash(whole) == hash(made)
    longer = made.cut(2, 6)
    assert longer.num_bars == 6
    assert len(longer.cut(2, 4).notes) == 0
    assert len(longer.notes) == len(made.cut(2, 2).notes)
    # What has no chords is joined as bars of none.
    if "chords" in made.columns:
        bare = replace(made, columns={name: c for name, c in made.columns.items() if name != "chords"})
        both = Piece.joined([bare, made])
        assert not both.columns["chords"][:4].any()
        np.testing.assert_array_equal(both.columns["chords"][4:], made.columns["chords"])


def test_a_note_ends_where_its_part_does():
    held = Piece("melody", {"bars": np.array([[50, *[0] * 15]])})
    silent = Piece("melody", {"bars": np.zeros((1, 16))})
    assert len(Piece.joined([held, silent]).notes) == 1
    assert Piece.joined([held, silent]).columns["bars"][1, 0] == 1
    assert Piece.joined([held, silent]).notes[0].duration_ticks == 4 * 480
    assert held.cut(0, 2).notes[0].duration_ticks == 4 * 480


def test_a_first_hit_before_the_beat_is_kept_by_a_silent_bar(tmp_path):
    velocity, late = np.zeros((2, 16, 9)), np.zeros((2, 16, 9))
    velocity[:, 0, 0], late[:, 0, 0] = 100, -0.25
    velocity[1, 4, 1] = 90
    made = Piece("groove", {"bars": velocity, "offsets": late})
    assert made.lead_in_bars == 1
    score = made.to_score()
    assert [n.onset_ticks for n in score.tracks[0].notes] == [1920 - 30, 2 * 1920 - 30, 2 * 1920 + 480]
    assert provenance_of(score)[0]["piece"] == {"bars": 2, "drum_map": "nine", "lead_in": 1, "material": "groove"}
    (taken,) = take_piece(made.write(tmp_path / "early.mid"), "groove")
    assert taken == replace(made, key=None)
    assert "bars 1-2 in 4/4" in taken.notices[0]
    (second,) = take_piece(tmp_path / "early.mid", "groove", start_bar=2, bars=1)
    assert second == made.cut(1, 1)
    on_time = replace(made, columns={**made.columns, "offsets": np.zeros((2, 16, 9))})
    assert (on_time.lead_in_bars, on_time.notes[0].onset_ticks) == (0, 0)
    # Half a step late is nearest to its own step still.
    late[0, 0, 0] = 0.5
    (lagging,) = take_piece(replace(made, columns={"bars": velocity, "offsets": late}).to_score(), "groove")
    np.testing.assert_array_equal(lagging.columns["bars"], velocity)


def test_music_is_compared_not_what_it_is_called():
    made = random_piece("trio", 4)
    assert made == replace(made, name="other", provenance={"a": 1}, notices=("x",))
    for other in (replace(made, tempo_qpm=97), replace(made, drum_map="nine-old"), replace(made, key=Key(0)), made.cut(0, 2)):
        assert made != other
    assert made != "a trio"
    assert fingerprint(made) == made.fingerprint
    assert inputs_of(made) == [{"name": "trio", "fingerprint": made.fingerprint}]
    assert len(made.fingerprint) == 12


def test_facts():
    made = random_piece("drums", 5, bars=2)
    assert (str(made.meter), made.num_steps, made.num_beats, made.has_pitches) == ("4/4", 32, 8, False)
    with pytest.raises(ValueError, match="read-only"):
        made.columns["bars"][0] = 0


def test_pretty_midi():
    made = random_piece("trio", 6, key=Key(9, "minor"))
    pretty = made.to_pretty_midi()
    assert [(i.program, i.is_drum) for i in pretty.instruments] == [(0, False), (33, False), (0, True)]
    assert sum(len(i.notes) for i in pretty.instruments) == len(made.notes)
    from musicvae.music.export import from_pretty_midi

    (taken,) = take_piece(from_pretty_midi(pretty), "trio")
    assert taken == replace(made, columns={name: c for name, c in made.columns.items() if name != "chords"})


BARS = np.zeros((1, 16))


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: Piece("song", {"bars": BARS}), "unknown material 'song'; allowed are melody, drums, groove, trio, performance"),
        (lambda: Piece("trio", {"bars": BARS}), "a piece of trio needs the column 'bass'; there are bars"),
        (lambda: Piece("drums", {"bars": BARS, "chords": BARS}), "a piece of drums has no column 'chords'; it has bars"),
        (lambda: Piece("drums", {"bars": np.zeros((2, 1, 16))}), "got .2, 1, 16.: is it one piece, not many"),
        (lambda: Piece("drums", {"bars": np.zeros((0, 16))}), "has shape"),
        (lambda: Piece("drums", {"bars": BARS + 512}), "hits of classes beyond the 9 of the drum map nine"),
        (lambda: Piece("drums", {"bars": BARS - 1}), "holds numbers that uint64 cannot"),
        (lambda: Piece("melody", {"bars": BARS + 90}), "token 90 in 'bars' is outside 0..89"),
        (lambda: Piece("melody", {"bars": BARS + 0.5}), "holds numbers that uint8 cannot: 0.5 to 0.5"),
        (lambda: Piece("performance", {"bars": np.full((1, 8, 64), 490)}), "token 490 is outside 0..489"),
        (lambda: Piece("groove", {"bars": np.zeros((1, 16, 9)), "offsets": np.ones((1, 16, 9))}), "between -0.5 and 0.5 sixteenths"),
        (lambda: Piece("groove", {"bars": np.zeros((1, 16, 9))}, drum_map="sixty-one"), "needs the column|a groove has 9 classes"),
        (lambda: Piece("drums", {"bars": BARS}, drum_map="twelve"), "unknown drum map 'twelve'"),
        (lambda: Piece("drums", {"bars": BARS}, tempo_qpm=0), "tempo 0 is outside"),
        (lambda: Piece("drums", {"bars": BARS}).cut(-1, 2), "bars count from 0"),
        (lambda: Piece("drums", {"bars": BARS}).cut(0, 0), "a part has at least 1 bar"),
        (lambda: Piece.joined([]), "no parts to join"),
        (lambda: Piece.joined([Piece("drums", {"bars": BARS}), Piece("melody", {"bars": BARS})]), "different materials or drum maps"),
        (lambda: Piece("drums", {"bars": BARS}, provenance={"a": float("nan")}).to_score(), "cannot be kept as JSON"),
    ],
)
def test_errors_say_what_came_and_what_is_allowed(call, words):
    with pytest.raises(ValueError, match=words):
        call()
