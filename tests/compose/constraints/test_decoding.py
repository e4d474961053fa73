import numpy as np
import pytest
from compose.fake_engine import FakeEngine, tune

from musicvae.compose.constraints.constraints import Constraints
from musicvae.compose.constraints.decoding import decode_under
from musicvae.music.meter import Meter
from musicvae.music.vocabulary import from_tokens, to_tokens

FOUR = Meter(4, 4)


def under(constraints, engine=None, *, bars=4, temperature=1.0, forced=None, seeds=(1, 2, 3)):
    engine = engine or FakeEngine()
    z = engine.sample_prior(list(seeds), bars=bars, kind=0)
    plan = constraints.over(FOUR, bars)
    return decode_under(
        engine, z, plan, start_bar=0, bars=bars, shift_semitones=0, temperature=temperature, seeds=list(seeds), forced=forced
    )  # fmt: skip


@pytest.mark.parametrize("temperature", [0.0, 1.0])
def test_a_note_that_would_be_too_long_is_followed_by_what_the_model_says(temperature):
    free = under(Constraints(), temperature=temperature)
    bound = under(Constraints.of(longest=0.75), temperature=temperature)
    for before, after in zip(free, bound, strict=True):
        melody = from_tokens(after, FOUR)
        assert max(note.duration_steps for note in melody.notes) == 3
        # Whatever is not too long, or comes after what is, stays as it is.
        changed = np.flatnonzero((before != after).reshape(-1))
        assert len(changed)
        assert not before.reshape(-1)[changed].any()


def test_what_is_set_stays_whatever_is_asked():
    locked = to_tokens(tune(4, 4)).astype(np.int16)
    locked[2:] = -1
    tokens = under(Constraints.of(scale="F#", longest=0.5), forced=np.stack([locked] * 3))
    np.testing.assert_array_equal(tokens[:, :2], np.stack([locked[:2]] * 3))
    free = tokens[:, 2:][tokens[:, 2:] >= 2]
    assert {(int(t) - 2 + 21) % 12 for t in free} <= {6, 8, 10, 11, 1, 3, 5}


def test_nothing_asked_changes_nothing():
    engine = FakeEngine()
    z = engine.sample_prior([5], bars=4, kind=0)
    np.testing.assert_array_equal(under(Constraints(), seeds=[5]), engine.decode(z, bars=4, kind=0, temperature=1.0, seeds=[5]))


def test_a_row_depends_on_itself_alone():
    asked = Constraints.of(scale="C D E G A", longest=1, notes="2:1:G4")
    np.testing.assert_array_equal(under(asked)[1:2], under(asked, seeds=[2]))
