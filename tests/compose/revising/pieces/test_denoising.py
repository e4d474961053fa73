from dataclasses import replace

import numpy as np
import pytest
from compose.fake_piece_engine import FakePieceEngine
from model.pieces.networks import columns, saved

from musicvae.compose.judging.events.corrections import PieceCorrection
from musicvae.compose.judging.events.odds import Layers, PieceOdds
from musicvae.compose.model import load
from musicvae.compose.pieces.model import PieceModel
from musicvae.compose.revising.denoising import Correction
from musicvae.compose.revising.pieces.denoising import righted
from musicvae.music.key import Key
from musicvae.music.piece import Piece

KICK, SNARE, HAT = 1, 2, 4


@pytest.fixture(scope="module")
def models(tmp_path_factory):
    folder = tmp_path_factory.mktemp("models")
    return {kind: load(saved(f"tiny-{kind}", folder / f"{kind}.safetensors")) for kind in ("drums", "groove", "trio")}


def rock(bars=8):
    """Kick on one and three, snare on two and four, the hi-hat in eighths."""
    hits = np.zeros((bars, 16), np.uint64)
    hits[:, ::2] |= np.uint64(HAT)
    hits[:, ::8] |= np.uint64(KICK)
    hits[:, 4::8] |= np.uint64(SNARE)
    return hits


def song(bars=8):
    """The chords C, A minor, F and G, a bar each: the bass in quarters, broken triads above, a beat below."""
    tokens = {name: np.zeros((bars, 16), np.uint8) for name in ("bars", "bass")}
    for bar in range(bars):
        root, third = [(48, 4), (45, 3), (41, 4), (43, 4)][bar % 4]
        tokens["bass"][bar, ::4] = root - 12 - 19
        tokens["bars"][bar, ::2] = np.array([0, third, 7, 12, 7, third, 0, third]) + root + 12 - 19
    return {**tokens, "drums": rock(bars)}


def piece(material, rows, **facts):
    return Piece(material, rows, **facts)


def test_a_hit_that_came_late_goes_back_and_all_else_stays(models):
    late = rock()
    late[3, 4] ^= np.uint64(SNARE)
    late[3, 5] |= np.uint64(SNARE)
    found = models["drums"].propose_repairs(piece("drums", {"bars": late}))
    assert [(item.line, item.onset_steps, item.note, item.better_steps) for item in found] == [("drums", 53, 1, 52)]
    assert found[0].bits > 0
    mended = models["drums"].repair(piece("drums", {"bars": late}, tempo_qpm=93.0, name="Late"))
    assert np.array_equal(mended.columns["bars"], rock())
    assert (mended.tempo_qpm, mended.name, mended.provenance["notes_changed"]) == (93.0, "Late", 1)


def test_a_hit_that_is_too_many_goes(models):
    more = rock()
    more[5, 7] |= np.uint64(1 << 4)
    found = models["drums"].propose_repairs(piece("drums", {"bars": more}), wrong_share=0.2)
    assert [(item.onset_steps, item.note, item.better_steps) for item in found] == [(5 * 16 + 7, 4, None)]


@pytest.mark.parametrize("tonic", [0, 4, -5])
def test_wrong_pitches_of_a_trio_are_put_right_in_any_key(tonic, models):
    true = song()
    for name in ("bars", "bass"):
        true[name] = np.where(true[name] > 1, true[name].astype(int) + tonic, true[name]).astype(np.uint8)
    wrong = {name: rows.copy() for name, rows in true.items()}
    wrong["bars"][5, 4] += 1
    wrong["bass"][2, 8] -= 3
    found = models["trio"].propose_repairs(piece("trio", wrong))
    assert {(item.line, item.onset_steps, item.better_note - item.note) for item in found} == {("melody", 84, -1), ("bass", 40, 3)}
    mended = models["trio"].apply_repairs(piece("trio", wrong, key=Key.parse("C major")), found)
    assert all(np.array_equal(mended.columns[name], true[name]) for name in true)


def test_what_is_locked_or_not_asked_for_stays(models):
    wrong = song()
    wrong["bars"][5, 4] += 1
    wrong["bass"][2, 8] -= 3
    trio = piece("trio", wrong)

    def lines(**options):
        return {item.line for item in models["trio"].propose_repairs(trio, **options)}

    assert lines(only="bass") == {"bass"}
    assert lines(lock="bass,drums") == {"melody"}
    assert lines(lock="6:2.0") == {"bass"}
    assert lines(lock="16", first_bar=11) == {"bass"}
    assert lines(lock="3,6") == set()


def test_long_beats_are_looked_at_a_part_after_another(models):
    late = rock(40)
    late[37, 4] ^= np.uint64(SNARE)
    late[37, 6] |= np.uint64(SNARE)
    found = models["drums"].propose_repairs(piece("drums", {"bars": late}))
    assert [(item.onset_steps, item.better_steps) for item in found] == [(37 * 16 + 6, 37 * 16 + 4)]


def test_nothing_and_next_to_nothing_are_left_as_they_are(models):
    for rows in (np.zeros((3, 16), np.uint64), rock(1)):
        assert models["drums"].propose_repairs(piece("drums", {"bars": rows})) == ()
    rows = {name: np.zeros((2, 16), np.uint8) for name in ("bars", "bass")} | {"drums": np.zeros((2, 16), np.uint64)}
    rows["bars"][0, 0] = 40
    assert models["trio"].propose_repairs(piece("trio", rows)) == ()


def test_the_same_is_found_each_time(models):
    late = {name: column[0] for name, column in columns("drums", 1, 6, 4).items()}
    every = models["drums"].propose_repairs(piece("drums", late), wrong_share=0.3)
    assert every == models["drums"].propose_repairs(piece("drums", late), wrong_share=0.3)
    assert every == tuple(sorted(every, key=lambda item: -item.nats))
    places = [(item.better_steps, item.note) for item in every if item.better_steps is not None]
    assert len(set(places)) == len(places)
    before, after = (rows["bars"] for rows in (late, models["drums"].apply_repairs(piece("drums", late), every).columns))
    assert bits(before) - bits(after) == sum(item.better_steps is None for item in every)


def bits(hits):
    return sum(int(word).bit_count() for word in hits.reshape(-1))


def test_a_channel_without_votes_leaves_all_as_it_is():
    none = Layers([(np.zeros((70, 1)), np.zeros(1))])
    odds = PieceOdds(np.full((16, 9), 0.1), none, Layers([(np.zeros((98, 1)), np.zeros(1))]))
    rows = song()
    free = {name: np.ones((8, 16), bool) for name in rows}
    assert righted(odds, rows, free, 0.05) == []


def test_what_cannot_be_asked_is_told(models):
    drums, trio = piece("drums", {"bars": rock()}), piece("trio", song())
    for own, options, text in [
        (drums, {"wrong_share": 0}, "the share of wrong notes lies above 0 and below 1, got 0"),
        (drums, {"lock": "drums"}, "nothing is left to look at: all is locked"),
        (trio, {"lock": "1-8"}, "nothing is left to look at: all is locked"),
        (trio, {"only": "piano"}, "only 'piano' is no line of it: there are melody, bass, drums"),
        (trio, {"lock": "9"}, "there is no bar 9"),
    ]:
        with pytest.raises(ValueError, match=text):
            models[own.material].propose_repairs(own, **options)
    right = PieceCorrection("drums", 4, 1, 5, 1, 1.0)
    for item, text in [
        (replace(right, note=0), "nothing that the correction of drums at step 4 is for"),
        (replace(right, onset_steps=999), "at step 999"),
        (replace(right, line="bass"), "nothing that the correction of bass"),
        (Correction(0, 0, 60, 61, 1.0), "is no correction"),
    ]:
        with pytest.raises(ValueError, match=text):
            models["drums"].apply_repairs(drums, [item])
    groove = Piece("groove", {name: column[0] for name, column in columns("groove", 1, 2).items()})
    with pytest.raises(ValueError, match="models of melodies, drums and trios of this project do"):
        models["groove"].propose_repairs(groove)
    engine = FakePieceEngine()
    with pytest.raises(ValueError, match="finds no bars anew"):
        PieceModel(engine).propose_repairs(Piece("drums", {"bars": rock(2)}, drum_map=engine.drum_map))
