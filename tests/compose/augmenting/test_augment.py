from dataclasses import replace

import pytest
from compose.fake_engine import FakeEngine, tune

from musicvae.compose.augmenting.augment import FARTHER, Limits, augment
from musicvae.compose.model import Model
from musicvae.compose.varying.results import Variations
from musicvae.music.melody import Melody, Note

MODEL = Model(FakeEngine(lossy=0.8))


def others(a, b):
    """Share of notes that are not in both, counted note by note."""
    ours, theirs = ({(n.onset_steps, n.pitch) for n in melody.notes} for melody in (a, b))
    return 1 - 2 * len(ours & theirs) / (len(ours) + len(theirs))


def test_no_variation_is_a_near_copy_of_its_source_or_of_another():
    melody = tune(1)
    found = augment(MODEL, melody, Limits(9, (0.1, 0.2, 0.4)), seed=3)
    assert sorted(found.amounts) == [0.1] * 3 + [0.2] * 3 + [0.4] * 3
    for k, piece in enumerate(found):
        rest = [other for other in found if other is not piece]
        assert found.distances[k] == pytest.approx(others(piece, melody))
        assert found.nearest[k] == pytest.approx(min(others(piece, other) for other in rest))
        assert 0.5 * found.amounts[k] <= found.distances[k] <= found.amounts[k] + FARTHER
        earlier = [others(piece, other) for other in found[:k]]
        assert all(away >= 0.5 * found.amounts[k] for away in earlier)


def test_each_comes_out_of_vary_with_its_seed_and_amount():
    melody = tune(2)
    for piece in augment(MODEL, melody, Limits(4), seed=8):
        again = MODEL.vary(melody, piece.provenance["amount"], seed=piece.provenance["seed"])[0]
        assert again.notes == piece.notes


class Copier:
    """Answers with the source, but for one note in the last piece of a call."""

    def __init__(self):
        self.asked = []

    def vary(self, melody, amount, n, *, seed):
        self.asked.append((amount, n, seed))
        moved = replace(melody, notes=(*melody.notes[:-1], replace(melody.notes[-1], pitch=40)))
        return Variations((melody,) * (n - 1) + (moved,), ("as it was",), (amount,) * n, (0.0,) * n)


def test_what_cannot_be_made_is_said():
    copier, melody = Copier(), Melody(tuple(Note(60 + k, 4 * k, 4) for k in range(8)), num_bars=2)
    found = augment(copier, melody, Limits(3, (0.2,)), seed=1)
    assert len(found) == 1
    assert found.distances == (pytest.approx(1 / 8),)
    assert found.refused == {"a near-copy of its source": 2 + 3, "a near-copy of another variation": 3}
    assert found.notices[0] == "as it was"
    assert found.notices[1].startswith("1 of 3 variations could be made (")
    assert len({seed for *_, seed in copier.asked}) == len(copier.asked) > 1


def test_silence_has_no_variations():
    found = augment(MODEL, Melody((), num_bars=4), Limits(2), seed=1)
    assert not len(found)
    assert found.notices == ("0 of 2 variations could be made (there is nothing to vary)",)


@pytest.mark.parametrize(
    ("options", "words"),
    [({"n": 0}, "n must be"), ({"amounts": (0.2, 0.0)}, "amount 0 gives copies"), ({"amounts": (3,)}, "percentage"), ({"near": 2}, "near")],
)
def test_numbers_that_make_no_sense_are_refused(options, words):
    with pytest.raises(ValueError, match=words):
        Limits(**options)
