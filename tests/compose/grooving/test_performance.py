import numpy as np
import pytest
from compose.grooving_doubles import FakePlayer
from model.pieces.networks import columns, hits_of

from musicvae.compose.grooving.feel import Played
from musicvae.compose.grooving.performance import likened, performance_of
from musicvae.compose.pieces.intake import Wanted, take_music
from musicvae.compose.pieces.model import PieceModel
from musicvae.music.piece import Piece


def groove(bars=3, seed=0):
    own = {name: column[0] for name, column in columns("groove", 1, bars, seed).items()}
    own["offsets"] = np.round(own["offsets"].astype(float) * 120) / 120  # to the tick
    return Piece("groove", own, 100.0, name="played")


def hits_in(played):
    return Piece("drums", {"bars": hits_of(played.columns["bars"] > 0)}, played.tempo_qpm)


def same(found, wanted):
    assert np.array_equal(found.columns["bars"], wanted.columns["bars"])
    assert np.allclose(found.columns["offsets"].astype(float), wanted.columns["offsets"].astype(float), atol=1 / 200)


def test_the_performance_is_that_of_the_file(tmp_path):
    played = groove()
    path = played.write(tmp_path / "played.mid")
    drums = take_music(path, Wanted("drums")).music
    same(performance_of(path, drums), played)
    same(performance_of(played, drums), played)
    part = take_music(path, Wanted("drums"), start_bar=2, bars=1).music
    same(performance_of(path, part, start_bar=2, bars=1), played.cut(1, 1))


def test_what_is_stiff_or_another_beat_has_none(tmp_path):
    drums = hits_in(groove())
    assert performance_of(drums.write(tmp_path / "stiff.mid"), drums) is None
    assert performance_of(drums, drums) is None
    assert performance_of(groove(3, 1), drums) is None
    loud = {"bars": np.where(groove().columns["bars"] > 0, 100, 0).astype(np.uint8), "offsets": np.zeros((3, 16, 9), np.float16)}
    assert performance_of(Piece("groove", loud), drums) is None
    loud["bars"] = np.where(np.arange(9) == 0, loud["bars"] * 0.8, loud["bars"]).astype(np.uint8)  # accents are a performance
    assert performance_of(Piece("groove", loud), drums) is not None


def test_drums_of_a_trio_are_found_wherever_they_begin():
    played = groove(4)
    later = np.concatenate([np.zeros((2, 16), np.uint64), hits_in(played).columns["bars"][1:3]])
    voice = np.zeros((4, 16), np.uint8)
    voice[0, 0] = 40
    trio = Piece("trio", {"bars": voice, "bass": voice, "drums": later})
    found = performance_of(played, trio)
    assert not found.columns["bars"][:2].any()
    same(found.cut(2, 2), played.cut(1, 2))
    silent = Piece("trio", {"bars": voice, "bass": voice, "drums": np.zeros((4, 16), np.uint64)})
    assert performance_of(played, silent) is None


@pytest.mark.parametrize("lead", [0, 1])
def test_hits_that_stay_are_played_as_there_and_new_ones_with_its_feel(tmp_path, lead):
    player = PieceModel(FakePlayer(), name="groove", styles_folder=tmp_path)
    played = groove()
    more = hits_in(played).columns["bars"] | hits_in(groove(3, 5)).columns["bars"]
    made = player.humanize(Piece("drums", {"bars": more}, 100.0), like=played, seed=1, lead_in_bars=lead)
    assert made.num_bars - made.report.lead_in_bars <= 3
    assert made.report.lead_in_bars >= lead
    again = take_music(made.score, Wanted("groove")).music
    stays = played.columns["bars"] > 0
    for name, near in (("bars", 0), ("offsets", 0.1)):  # hits of one drum are not brought nearer than a quarter of a step
        far = np.abs(again.columns[name].astype(float) - played.columns[name].astype(float))[stays] > near + 0.005
        assert far.mean() < 0.1
    assert len(np.unique(again.columns["bars"][(again.columns["bars"] > 0) & ~stays])) > 3
    kept = player.humanize(hits_in(played), like=played)
    assert np.array_equal(take_music(kept.score, Wanted("groove")).music.columns["bars"], played.columns["bars"])


# -- what a code misses


def likened_of(velocity, offset, *, seed=0):
    """Other hits than a performance's own, played by a network that hears it as loud as it pleases, and half a bar's hits of each."""
    rng = np.random.default_rng(seed)
    struck = rng.random((4, 16, 9)) < 0.3
    own = {"bars": np.where(struck, velocity(rng), 0).astype(np.uint8), "offsets": np.where(struck, offset(rng), 0.0)}
    heard, feel = (Played(rng.uniform(30, 127, struck.shape), rng.uniform(-0.3, 0.3, struck.shape)) for _ in range(2))
    wanted = ~struck & (rng.random(struck.shape) < 0.3)
    feel = Played(np.where(wanted, feel.velocity, 0.0), np.where(wanted, feel.offset, 0.0))
    return likened(feel, heard, own), feel, heard, own, wanted


def test_a_stiff_performance_makes_stiff_hits():
    made, *_, wanted = likened_of(lambda rng: 90, lambda rng: 0.0)
    assert np.allclose(made.velocity[wanted], 90)
    assert np.allclose(made.offset, 0)
    assert not made.velocity[~wanted].any()


def test_what_was_heard_right_stays_as_it_is():
    _, feel, heard, own, _ = likened_of(lambda rng: 90, lambda rng: 0.0)
    struck = own["bars"] > 0
    exact = {"bars": np.where(struck, np.round(heard.velocity), 0), "offsets": np.where(struck, heard.offset, 0.0)}
    same = likened(feel, Played(np.round(heard.velocity), heard.offset), exact)
    assert np.allclose(same.velocity, feel.velocity)
    assert np.allclose(same.offset, feel.offset)


def test_a_drum_that_was_heard_too_soft_and_too_early_is_moved_and_the_others_hardly():
    struck = np.zeros((8, 16, 9), bool)
    struck[:, ::2, :2] = True
    rng = np.random.default_rng(1)
    loud, late = np.where(struck, rng.integers(60, 100, struck.shape), 0), np.where(struck, rng.uniform(-0.1, 0.1, struck.shape), 0.0)
    heard = Played(loud - np.array([20.0] + [0] * 8), late - np.array([0.1] + [0] * 8))
    feel = Played(np.where(np.roll(struck, 1, axis=1), 70.0, 0.0), np.zeros(struck.shape))
    made = likened(feel, heard, {"bars": loud, "offsets": late})
    kick, snare = made.velocity[0, 1, :2]
    assert 10 < kick - snare < 20
    assert 0.05 < made.offset[0, 1, 0] - made.offset[0, 1, 1] < 0.1


def test_without_a_hit_to_go_by_nothing_changes():
    feel = Played(np.full((1, 16, 9), 60.0), np.full((1, 16, 9), 0.1))
    assert likened(feel, feel, {"bars": np.zeros((1, 16, 9)), "offsets": np.zeros((1, 16, 9))}) is feel
