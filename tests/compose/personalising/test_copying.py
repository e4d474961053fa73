import numpy as np
import pytest

from musicvae.compose.personalising.copying import Copying, copied_share, measure_copying, nearest_distances, units_of


def tune(seed, bars=6):
    rng = np.random.default_rng(seed)
    return np.where(rng.random((bars, 16)) < 0.5, rng.integers(2, 90, (bars, 16)), 0).astype(np.uint8)


def marks(unit):
    return {(step, int(token)) for step, token in enumerate(unit) if token >= 2}


def test_units_are_pairs_of_bars_each_once():
    whole = tune(1)
    whole[3:5] = whole[:2]
    units = {unit.tobytes() for unit in units_of(whole)}
    assert units == {whole[bar : bar + 2].tobytes() for bar in range(5)}
    assert len(units) == 4
    whole[:, :] = 0
    assert len(units_of(whole)) == len(units_of(whole[:1])) == 0


def test_distances_are_those_counted_note_by_note():
    ours, theirs = units_of(tune(1)), units_of(np.where(np.arange(16) < 10, tune(1), tune(2)).astype(np.uint8))
    found = nearest_distances(ours, theirs)
    for unit, distance in zip(ours, found, strict=True):
        every = [1 - 2 * len(marks(unit) & marks(other)) / (len(marks(unit)) + len(marks(other))) for other in theirs]
        assert distance == pytest.approx(min(every))
    assert nearest_distances(ours, theirs[:0]).tolist() == [1.0] * len(ours)


def test_copies_are_counted():
    files = [tune(k) for k in range(4)]
    drawn = [np.concatenate([files[0], tune(9)]), tune(10)]
    found = measure_copying({0: files}, {0: drawn}, {0: [tune(11)]})
    units = [units_of(piece) for piece in drawn]
    assert found.drawn == pytest.approx(5 / sum(map(len, units)))
    assert (found.before, found.own, found.files) == (0, 0, 4)
    assert 0 < found.drawn_distance < found.own_distance <= 1
    assert found.too_few
    assert "the files are too few to be anything but copied" in found.notices()[1]


def test_what_files_have_in_common_is_no_copying():
    files = [np.concatenate([tune(0), tune(k)]) for k in range(1, 5)]
    found = measure_copying({0: files}, {0: [np.concatenate([tune(0), tune(9)])]}, {})
    assert found.own == pytest.approx(found.drawn, abs=0.05)
    assert found.own > 0.4
    assert not found.too_few
    assert len(found.notices()) == 1


def test_of_one_file_it_is_said_that_it_cannot_be_told():
    few = Copying(1, 0.05, 0.02, 0, 0.4, 0.5, 1)
    assert not few.too_few
    assert few.notices()[1].startswith("from 1 file it cannot be told apart")
    assert Copying(2, 0.3, 0.02, 0.3, 0.4, 0.5, 1).too_few
    assert copied_share(np.zeros(0)) == 0
