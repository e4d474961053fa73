from dataclasses import replace

import numpy as np
import pytest
from compose.fake_engine import FakeEngine, FakeWindowEngine, same_music, tune

from musicvae.compose.blending import blend
from musicvae.compose.model import Model
from musicvae.music.key import Key
from musicvae.music.melody import Melody, Note

LOSSY = FakeEngine(lossy=0.8)
MODEL = Model(LOSSY)


def bare(pieces):
    return [replace(piece, provenance={}) for piece in pieces]


@pytest.mark.parametrize("options", [{}, {"spacing": "latent", "method": "lerp"}, {"keys": "b", "temperature": 0.7, "seed": 3}])
def test_a_path_between_two_without_memory_is_the_plain_blend(options):
    a, b = tune(1, tempo_qpm=60.0, program=1, name="A"), tune(2, 40, shift=7, tempo_qpm=240.0, program=2, name="B")
    assert bare(MODEL.path_through([a, b], 5, ends="decoded", **options)) == bare(blend(LOSSY, a, b, 5, **options))


def test_a_path_comes_by_all_inputs_themselves():
    inputs = [tune(1, name="A"), tune(2, shift=2, name="B", tempo_qpm=90.0), tune(3, shift=-5, name="C", program=9)]
    way = MODEL.path_through(inputs, 7)
    assert bare([way[0], way[3], way[6]]) == inputs
    assert way.weights[3] == (0.0, 1.0, 0.0)
    assert not any(same_music(way[k], piece) for k in (1, 2, 4, 5) for piece in inputs)


def test_steps_that_do_not_divide_still_come_by_all_inputs():
    inputs = [tune(seed, 4) for seed in range(3)]
    way = MODEL.path_through(inputs, 6)
    assert [weights.index(1.0) for weights in way.weights if 1.0 in weights] == [0, 1, 2]
    assert way.weights[3] == (0.0, 1.0, 0.0)
    assert len(MODEL.path_through(inputs)) == 17


def test_the_corners_of_a_grid_are_its_inputs():
    inputs = [tune(seed, 4, shift=seed, tempo_qpm=60.0 * 2**seed) for seed in range(4)]
    grid = MODEL.grid(inputs, 3, 4, keys="switch")
    assert (len(grid), grid.columns) == (12, 4)
    assert bare([grid[0], grid[3], grid[8], grid[11]]) == inputs
    assert [round(grid[k].tempo_qpm, 6) for k in (4, 7)] == [120.0, 240.0]
    np.testing.assert_allclose(np.sum(grid.weights, axis=1), 1)
    # The way along the upper edge is the path between its ends.
    assert [piece.notes for piece in grid[0:4]] == [piece.notes for piece in MODEL.path_through(inputs[:2], 4)]


def test_a_mix_has_as_much_of_each_as_asked_for():
    engine = FakeEngine(canonical_key=False)
    low, mid, high = (Melody(tuple(Note(p, 4 * i, 4) for i in range(16)), num_bars=4, key=Key.parse("C")) for p in (60, 66, 72))
    mixed = Model(engine).mix([low, mid, high], [2, 1, 1], method="lerp", ends="decoded")[0]
    assert {note.pitch for note in mixed.notes} == {round(60 / 2 + 66 / 4 + 72 / 4)}
    assert mixed.provenance["weights"] == [2, 1, 1]
    assert bare(MODEL.mix([tune(1), tune(2)], [0, 3])) == [tune(2)]


def test_a_morph_begins_as_the_first_and_ends_as_the_last():
    a, b = tune(1, 8, name="A", tempo_qpm=100.0, program=3), tune(2, 8, shift=5, name="B", tempo_qpm=150.0)
    found = MODEL.morph([a, b], 3)
    whole = found[0]
    assert (len(found), whole.num_bars, whole.tempo_qpm, whole.program, whole.name) == (1, 24, 100.0, 3, "A")
    assert len(found.weights) == 24
    assert (np.diff([weights[1] for weights in found.weights]) >= 0).all()
    onsets = [[(note.onset_steps, note.pitch) for note in part.notes] for part in (whole.cut(0, 1), a.cut(0, 1))]
    assert onsets[0] == onsets[1]
    assert whole.cut(23, 1).notes[-1].pitch == b.notes[-1].pitch
    nearer = [agreement(whole.cut(8 * k, 8), piece) for piece in (a, b) for k in range(3)]
    assert nearer[0] > 0.5 > max(nearer[1:4])
    assert nearer[5] > 0.5 > nearer[4]
    assert found.notices == (
        "A is in C major, B is in F major: each bar is in the key of the nearest",
        "the one piece keeps the tempo of A throughout: 100",
        "the one piece is played by A's program 3 throughout",
    )
    assert MODEL.path_through([a, b], 2).notices == (
        "A is in C major, B is in F major: each piece is in the key of the nearest",
        "the tempo moves between 100 and 150 quarter notes a minute",
        "each piece is played by the program of the nearest input: 3, 0",
    )


def agreement(a, b):
    notes = {(n.onset_steps, n.pitch % 12) for n in b.notes}
    return sum((n.onset_steps, n.pitch % 12) in notes for n in a.notes) / max(1, len(a.notes))


@pytest.mark.parametrize("meter", ["2/4", "6/8"])
def test_a_morph_of_an_odd_number_of_bars_has_them_all(meter):
    a, b = tune(1, 5, meter), tune(2, 5, meter)
    assert MODEL.morph([a, b], 2)[0].num_bars == 10


def test_a_morph_of_the_same_is_the_same_again_and_again():
    a = tune(1, 8)
    assert same_music(MODEL.morph([a, a], 3)[0], Melody.joined([a] * 3))


def test_engines_with_a_window_of_fixed_length():
    model, inputs = Model(FakeWindowEngine(lossy=0.8)), [tune(seed, 5) for seed in range(3)]
    assert bare(model.path_through(inputs, 5)[::2]) == inputs
    assert model.morph(inputs, 2)[0].num_bars == 10


def test_lengths_and_meters_are_brought_together():
    way = MODEL.path_through([tune(1, 8), tune(2, 4), tune(3, 6), tune(4, 6, "3/4")], 4)
    assert {(piece.num_bars, str(piece.meter)) for piece in way} == {(8, "4/4")}
    assert "B was played 2 times to fill 8 bars" in way.notices
    assert "C was played once and then its first 2 bars to fill 8 bars" in way.notices
    assert "D, in 3/4, was written in A's 4/4" in way.notices
    assert MODEL.mix([tune(1, 8), tune(2, 4)], [1, 1], align="trim")[0].num_bars == 4


@pytest.mark.parametrize(
    ("call", "match"),
    [
        (lambda: MODEL.path_through([tune(1)]), "2 to 100 inputs can be blended, got 1"),
        (lambda: MODEL.path_through([tune(k) for k in range(4)], 3), "a path by 4 inputs has at least 4 steps"),
        (lambda: MODEL.grid([tune(1)] * 3), "a grid has 4 inputs"),
        (lambda: MODEL.mix([tune(1), tune(2)], [1]), "2 inputs take as many weights, got 1"),
        (lambda: MODEL.mix([tune(1), tune(2)], [1, -1]), "a weight must be a number from 0 up, got -1"),
        (lambda: MODEL.mix([tune(1), tune(2)], [0, 0]), "at least one weight must be above 0"),
        (lambda: MODEL.morph([tune(1), tune(2)], 10_000), "longer than 10000"),
        (lambda: MODEL.path_through([tune(1), tune(2)], 3, ends="blunt"), "ends must be one of exact, decoded"),
        (lambda: MODEL.path_through([tune(1), tune(2)], 3, keys="c"), "keys must be one of switch, a, b"),
    ],
)
def test_refusals(call, match):
    with pytest.raises(ValueError, match=match):
        call()


def test_bars_that_are_the_same_in_all_inputs_stay_the_same():
    forms = [Melody.joined([part, part, other, part]) for part, other in ((tune(1, 4), tune(2, 4)), (tune(3, 4), tune(4, 4)))]
    for piece in MODEL.path_through(forms, 5):
        starts = [{(n.onset_steps, n.pitch) for n in piece.cut(4 * k, 4).notes} for k in range(4)]
        assert starts[0] == starts[1] == starts[3]
        assert starts[0] != starts[2]
