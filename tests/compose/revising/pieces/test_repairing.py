import numpy as np
import pytest
from compose.fake_piece_engine import FakePieceEngine
from hypothesis import given, settings
from hypothesis import strategies as st
from model.pieces.networks import columns, saved

from musicvae.compose.model import load
from musicvae.compose.pieces.model import PieceModel
from musicvae.compose.revising.pieces.filling import PieceHole
from musicvae.compose.revising.pieces.harmony import TRANSPOSITIONS, harmony, suited, transposed
from musicvae.compose.revising.pieces.likeness import around, beside, like_rows
from musicvae.compose.revising.pieces.repairing import opened
from musicvae.music.key import Key
from musicvae.music.piece import FOUR_FOUR, Piece
from musicvae.music.vocabulary import HOLD, NOTE_OFF, from_tokens


@pytest.fixture(scope="module")
def models(tmp_path_factory):
    folder = tmp_path_factory.mktemp("models")
    return {kind: load(saved(f"tiny-{kind}", folder / f"{kind}.safetensors", return_threshold=0.3)) for kind in ("drums", "groove", "trio")}


def own(material, bars, seed=0):
    return Piece(material, {name: column[0] for name, column in columns(material, 1, bars, seed).items()}, tempo_qpm=97.0, name="Mine")


def notes(tokens):
    return [(note.onset_steps, note.pitch, note.duration_steps) for note in from_tokens(np.asarray(tokens), FOUR_FOUR).notes]


STEPS = {"3-4": range(32, 64), "2:3-3:1.5": range(24, 35), "2,16": [*range(16, 32), *range(240, 256)]}


@pytest.mark.parametrize("kind", ["drums", "trio"])
@pytest.mark.parametrize(("bars", "mask"), [(5, "2:3-3:1.5"), (6, "3-4"), (17, "2,16")])
def test_what_is_masked_is_found_anew_and_all_else_stays(kind, bars, mask, models):
    piece = own(kind, bars)
    model, free = models[kind], np.zeros((bars, 16), bool)
    free.reshape(-1)[STEPS[mask]] = True
    found = model.repair(piece, mask, seed=3)
    assert (found.num_bars, found.tempo_qpm, found.name, found.provenance["seed"]) == (bars, 97.0, "Mine", 3)
    for name, rows in piece.columns.items():
        if rows.dtype == np.uint64:
            assert np.array_equal(found.columns[name][~free], rows[~free])
        else:
            outside = [{note[:2] for note in notes(x) if not free.reshape(-1)[note[0]]} for x in (rows, found.columns[name])]
            assert outside[0] == outside[1]
    assert model.repair(piece, mask, seed=3).fingerprint == found.fingerprint


@pytest.mark.parametrize(("line", "bars"), [("melody", 3), ("bass", 4), ("drums", 3)])
def test_a_line_is_written_for_the_others(line, bars, models):
    piece = own("trio", bars)
    column = {"melody": "bars"}.get(line, line)
    empty = Piece("trio", {**piece.columns, column: np.zeros_like(piece.columns[column])}, key=Key.parse("D major"))
    found = models["trio"].repair(empty, only=line, seed=1)
    assert found.columns[column].any()
    for name in piece.columns:
        assert name == column or np.array_equal(found.columns[name], piece.columns[name])
    assert models["trio"].repair(empty, only=line, seed=1).fingerprint == found.fingerprint
    assert models["trio"].repair(empty, only=line, seed=2).fingerprint != found.fingerprint
    assert models["trio"].repair(empty, only=line, seed=2, temperature=1.0).provenance["only"] == line


def test_lines_are_locked_by_name_and_bars_by_place(models):
    piece = own("trio", 6)
    found = models["trio"].repair(piece, "3-5", lock="4,melody,drums", seed=0)
    assert np.array_equal(found.columns["bars"], piece.columns["bars"])
    assert np.array_equal(found.columns["drums"], piece.columns["drums"])
    assert {note[0] // 16 for note in set(notes(found.columns["bass"])) ^ set(notes(piece.columns["bass"]))} <= {2, 4}


def test_a_beat_that_repeats_goes_on_in_the_hole_to_begin_with():
    rng = np.random.default_rng(0)
    two = rng.integers(0, 512, (2, 16)).astype(np.uint64)
    beat = np.concatenate([two] * 4)
    free = np.zeros((8, 16), bool)
    free[3:5] = True
    assert np.array_equal(PieceHole({"bars": beat}, {"bars": free}).start()["bars"], beat)


def test_notes_that_sound_into_the_hole_keep_their_length_and_those_of_the_hole_go():
    rows = np.zeros((3, 16), np.uint8)
    rows[0, 12] = 40  # sounds until bar 2, beat 2
    rows[1, 4] = 50  # begins in the hole and sounds on into bar 3
    rows[2, 8] = 60
    free = np.zeros((3, 16), bool)
    free[1] = True
    hole = opened({"bars": rows}, {"bars": free})
    assert not hole.free["bars"][1, :4].any()
    assert hole.free["bars"][1, 4:].all()
    placed = hole.put({"bars": np.zeros((1, 3, 16), np.uint8)})["bars"][0]
    assert notes(placed) == [(12, 59, 8), (40, 79, 8)]
    loud = np.full((1, 3, 16), HOLD, np.uint8)
    loud[0, 1, 15] = 30
    assert notes(hole.put({"bars": loud})["bars"][0]) == [(12, 59, 8), (31, 49, 1), (40, 79, 8)]


def test_without_known_bars_there_is_silence_to_begin_with():
    hole = PieceHole({"bars": np.ones((2, 16), np.uint64)}, {"bars": np.ones((2, 16), bool)})
    assert not hole.start()["bars"].any()


def test_likeness_counts_what_is_known():
    a, b = np.zeros((2, 16), np.uint64)
    a[[0, 4, 8]], b[[0, 4]] = 1, 1
    assert like_rows(a, b) == pytest.approx(2 * 2 / 5)
    assert like_rows(a * 0, b * 0) == 1
    c, d = np.zeros((2, 16), np.uint8)
    c[[0, 4]], d[[0, 4, 8]] = (40, 41), (40, 45, 47)
    assert like_rows(c, d) == pytest.approx((2 * 1 / 5 + 2 * 2 / 5) / 2)
    rows = np.stack([a, b, a, b])
    free = {"bars": np.zeros((4, 16), bool)}
    assert around(rows_of(rows), free, 0, 2) == 1
    assert beside(rows_of(rows), free, 0, 1) == pytest.approx(4 / 5)
    free["bars"][:] = True
    assert around(rows_of(rows), free, 0, 2) == beside(rows_of(rows), free, 0, 1) == 0.5


def rows_of(rows):
    return {"bars": rows}


@settings(max_examples=25, deadline=None)
@given(st.lists(st.integers(0, 89), min_size=16, max_size=16), st.lists(st.integers(0, 89), min_size=16, max_size=16))
def test_the_best_transposition_is_the_best_of_all(own_bar, other):
    bar, beside_it = np.array(own_bar, np.uint8), np.array(other, np.uint8)
    best, nats = suited("bass", bar, beside_it)
    every = [moved for by in TRANSPOSITIONS if (moved := transposed(bar, by)) is not None]
    assert nats == pytest.approx(max([float(harmony("bass", row[None], beside_it)[0]) for row in every or [bar]]))
    assert np.array_equal(best >= 2, bar >= 2)


def test_consonances_are_liked_and_clashes_are_not():
    held = np.array([[41, *[0] * 15]], np.uint8)  # C
    bass = {name: np.array([[token, *[0] * 15]], np.uint8) for name, token in (("octave", 29), ("third", 26), ("semitone", 28))}
    worth = {name: float(harmony("bass", row, held[0])[0]) for name, row in bass.items()}
    assert worth["octave"] > worth["third"] > 0 > worth["semitone"]
    assert transposed(np.array([89], np.uint8), 1) is None
    assert transposed(np.array([NOTE_OFF, HOLD], np.uint8), 1) is None


def test_what_cannot_be_asked_is_told(models):
    trio, drums = own("trio", 4), own("drums", 4)
    for piece, options, text in [
        (trio, {"lock": "1-4"}, "nothing is left to look at"),
        (drums, {"only": "bass"}, "only 'bass' is no line of it: there is drums"),
        (trio, {"mask": "9"}, "there is no bar 9"),
        (trio, {"only": "piano"}, "only 'piano' is no line of it: there are melody, bass, drums"),
        (drums, {"mask": "2", "only": "bass"}, "only 'bass' is no line of it: there is drums"),
        (trio, {"mask": "2", "lock": "melody,bass,drums"}, "nothing is to be found anew"),
        (trio, {"mask": "2", "lock": "2"}, "nothing is to be found anew"),
        (trio, {"mask": "2", "temperature": -1}, "temperature"),
    ]:
        with pytest.raises(ValueError, match=text.replace("(", r"\(")):
            models[piece.material].repair(piece, **options)
    with pytest.raises(ValueError, match="finds no bars anew: models of melodies, drums and trios of this project do"):
        models["groove"].repair(own("groove", 4), "2")
    engine = FakePieceEngine()
    with pytest.raises(ValueError, match="finds no bars anew"):
        PieceModel(engine).repair(Piece("drums", {"bars": np.zeros((2, 16), np.uint64)}, drum_map=engine.drum_map), "1")
