from dataclasses import dataclass, field, replace

import numpy as np
import pytest
from compose.fake_engine import FakeEngine, tune

from musicvae.compose.constraints.constraints import Constraints
from musicvae.compose.constraints.decoding import decode_under
from musicvae.compose.constraints.leaning import Leaning
from musicvae.compose.model import Model
from musicvae.music.meter import Meter
from musicvae.music.vocabulary import canonical_tokens, from_tokens, to_tokens

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


@dataclass
class Hearing(FakeEngine):
    """Remembers what it was given to hear."""

    heard: list = field(default_factory=list)

    def encode(self, tokens, kind):
        self.heard.append(tokens)
        return super().encode(tokens, kind)


@pytest.mark.parametrize("hearings", [0, 1, 2])
def test_what_a_bias_made_is_heard_and_written_again(hearings):
    engine = Hearing()
    z = engine.sample_prior([4, 5], bars=4, kind=0)
    plan = Constraints.of(chords="F#").over(FOUR, 4)
    options = {"start_bar": 0, "bars": 4, "shift_semitones": 0, "temperature": 1.0, "seeds": [4, 5]}
    once = decode_under(engine, z, replace(plan, leaning=Leaning(8.0, 0.0, 2.0, hearings=0)), **options)
    tokens = decode_under(engine, z, replace(plan, leaning=Leaning(8.0, 0.0, 2.0, hearings=hearings)), **options)
    assert len(engine.heard) == hearings
    expected = once
    for _ in range(hearings):
        mu = FakeEngine().encode(np.stack([canonical_tokens(row) for row in expected]), 0)[0]
        expected = decode_under(FakeEngine(), mu, replace(plan, leaning=Leaning(8.0, 0.0, 2.0, hearings=0)), **options)
    np.testing.assert_array_equal(tokens, expected)
    decode_under(engine, z, Constraints.of(scale="C").over(FOUR, 4), **options)  # without chords nothing is heard
    assert len(engine.heard) == hearings


@pytest.mark.parametrize("way", ["vary", "compose"])
def test_variations_and_long_pieces_are_heard_too_where_there_are_chords(way, monkeypatch):
    def heard(**asked):
        engine = Hearing()
        model = Model(engine)
        if way == "vary":
            model.vary(tune(3, 8), 0.4, seed=1, **asked)
        else:
            model.compose("AB", bars=8, section_bars=4, seed=1, **asked)
        return len(engine.heard)

    assert heard(constraints=Constraints.of(scale="C major")) == heard() < heard(chords="C Am F G")
