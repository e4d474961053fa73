import numpy as np
import pytest

from musicvae.compose.judging.traits import traits_of


def window(*bars):
    return np.array(bars, np.uint8)


QUARTERS = [50, 0, 0, 0, 52, 0, 0, 0, 54, 0, 0, 0, 52, 0, 0, 0]
SIZES = {
    "onsets": 16,
    "pitches": 12,
    "beats": 12,
    "leaps": 27,
    "waits": 11,
    "lengths": 11,
    "wait pairs": 121,
    "leap pairs": 81,
    "whole": 15,
    "returns": 9,
}


def parts(values):
    ends = np.cumsum(list(SIZES.values()))
    return dict(zip(SIZES, np.split(values, ends[:-1]), strict=True))


def test_quarters_that_return_are_counted_by_hand():
    found = parts(traits_of([window(QUARTERS, QUARTERS)], 0))
    assert found["onsets"] ** 2 == pytest.approx([0.25 if step % 4 == 0 else 0 for step in range(16)])
    assert found["pitches"][[0, 2, 4]] ** 2 == pytest.approx([1 / 4, 1 / 2, 1 / 4])
    assert found["leaps"][[13 + 2, 13 - 2]] ** 2 == pytest.approx([4 / 7, 3 / 7])
    assert found["waits"][4] == 1
    assert found["lengths"][4] == 1
    assert found["whole"][[0, 2, 5, 6, 8]] == pytest.approx([50, 4, 3, 0, 4])
    assert found["returns"] == pytest.approx([1, 0, 0, 0, 1, 0, 0, 0, 0.5])


def test_shares_are_of_all_windows_together_and_sum_to_one():
    rng = np.random.default_rng(0)
    windows = [np.where(rng.random((bars, 16)) < 0.4, rng.integers(0, 90, (bars, 16)), 0).astype(np.uint8) for bars in (9, 3)]
    found = parts(traits_of(windows, 0))
    for name in list(SIZES)[:8]:
        assert (found[name] ** 2).sum() == pytest.approx(1)
    assert np.isfinite(traits_of(windows, 0)).all()


@pytest.mark.parametrize(("kind", "beats"), [(1, (0, 4, 8)), (2, (0, 6))])
def test_beats_are_those_of_the_meter(kind, beats):
    bar = np.arange(50, 62, dtype=np.uint8)[None]
    found = traits_of([bar], kind)[12 + 12 :][:12]
    assert np.flatnonzero(found).tolist() == sorted((50 - 2 + step) % 12 for step in beats)


def test_one_note_and_empty_windows_are_enough():
    one = np.zeros((1, 16), np.uint8)
    one[0, 3] = 40
    assert np.isfinite(traits_of([one, np.zeros((4, 16), np.uint8)], 0)).all()
    with pytest.raises(ValueError, match="without notes has no style"):
        traits_of([np.zeros((4, 16), np.uint8)], 0)
