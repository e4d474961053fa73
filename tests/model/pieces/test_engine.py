import numpy as np
import pytest
from model.pieces.networks import columns, engine, hits_of, networks, saved, told

from musicvae.model.pieces.engine import PiecesEngine
from musicvae.model.weights import PieceBundle

KINDS = {"tiny-drums": "drums", "tiny-drumify": "drums", "tiny-groove": "groove", "tiny-trio": "trio"}


def heard(preset, count, bars, seed=0):
    """Columns of a network's material, with the tempo where it is told something."""
    made = columns(KINDS[preset], count, bars, seed)
    return made if told(preset, 1, 1) is None else {**made, "tempo": np.full((count, bars), 100.0)}


@pytest.fixture(scope="module")
def engines():
    return {preset: engine(preset, return_threshold=0.3) for preset in KINDS}


@pytest.mark.parametrize("preset", KINDS)
@pytest.mark.parametrize("bars", [1, 3, 16])
def test_codes_have_a_block_for_each_bar_and_nothing_beyond(preset, bars, engines):
    made = engines[preset]
    mu, sigma = made.encode(heard(preset, 2, bars))
    used = made.z_used(bars)
    assert mu.shape == sigma.shape == (2, made.config.z_size)
    assert (mu[:, :used] != 0).all()
    assert not mu[:, used:].any()
    assert (sigma > 0).all()


@pytest.mark.parametrize("preset", KINDS)
def test_a_row_depends_on_its_seed_and_z_alone(preset, engines):
    made, known = engines[preset], told(preset, 3, 4)
    z = made.sample_prior([1, 2, 3], bars=4)
    drawn = made.decode(z, bars=4, temperature=1.0, seeds=[1, 2, 3], told=known)
    one = None if known is None else {name: rows[1:2] for name, rows in known.items()}
    alone = made.decode(made.sample_prior([2], bars=4), bars=4, temperature=1.0, seeds=[2], told=one)
    for name, column in drawn.items():
        assert column.shape[:3] == (3, 4, 16)
        assert np.array_equal(column[1:2], alone[name])
        assert not np.array_equal(column[0], column[1])


def test_temperature_nought_needs_no_seeds_and_is_the_likeliest_of_the_drawn(engines):
    made = engines["tiny-drums"]
    z = made.sample_prior([4], bars=2, temperature=0.0)
    assert np.array_equal(z, made.sample_prior([5], bars=2, temperature=0.0))
    greedy = made.decode(z, bars=2, temperature=0.0)["bars"]
    tame = made.decode(z, bars=2, temperature=1e-6, seeds=[9])["bars"]
    assert np.array_equal(greedy, tame)


def test_bars_that_return_are_the_same_also_to_bars_that_are_given():
    made = engine("tiny-drums", return_threshold=100.0)
    z = made.sample_prior([1], bars=6)
    drawn = made.decode(z, bars=6, temperature=1.0, seeds=[1])["bars"]
    assert (drawn == drawn[:, :1]).all()
    given = columns("drums", 1, 2)
    followed = made.decode(z, bars=6, temperature=1.0, seeds=[1], given=given)["bars"]
    assert np.array_equal(followed[:, :2], given["bars"])
    assert (followed[:, 2:] == given["bars"][:, :1]).all()
    free = engine("tiny-drums")
    other = free.decode(z, bars=6, temperature=1.0, seeds=[1], given=given)["bars"]
    assert np.array_equal(other[:, :2], given["bars"])
    assert np.array_equal(other[:, 2:], free.decode(z, bars=6, temperature=1.0, seeds=[1])["bars"][:, 2:])


def test_bars_that_are_told_something_else_do_not_return():
    made = engine("tiny-drumify", return_threshold=100.0)
    known = told("tiny-drumify", 1, 4)
    known = {name: rows[:, [0, 1, 0, 1]] for name, rows in known.items()}
    z = made.sample_prior([1], bars=4)
    assert made.same_bars(z, bars=4, told=known).tolist() == [[0, 1, 0, 3]]
    drawn = made.decode(z, bars=4, temperature=1.0, seeds=[1], told=known)["bars"][0]
    assert np.array_equal(drawn[0], drawn[2])


@pytest.mark.parametrize("temperature", [0.0, 1.0])
def test_beats_for_taps_hit_at_every_tap_and_nowhere_else(temperature, engines):
    made, known = engines["tiny-drumify"], told("tiny-drumify", 3, 4)
    z = made.sample_prior([1, 2, 3], bars=4)
    hits = made.decode(z, bars=4, temperature=temperature, seeds=[1, 2, 3], told=known)["bars"]
    assert np.array_equal(hits > 0, known["taps"] > 0)


@pytest.mark.parametrize("temperature", [0.0, 1.0, 10.0])
def test_the_feel_of_given_hits_leaves_them_as_they_are(temperature, engines):
    made, known = engines["tiny-groove"], told("tiny-groove", 3, 4)
    z = made.sample_prior([1, 2, 3], bars=4)
    played = made.decode(z, bars=4, temperature=temperature, seeds=[1, 2, 3], told=known)
    assert np.array_equal(hits_of(played["bars"] > 0), known["hits"])
    assert np.abs(played["offsets"]).max() <= 0.5
    assert not played["offsets"][played["bars"] == 0].any()


def test_bars_of_a_feel_are_not_played_alike(engines):
    known = {name: rows[:, [0, 0, 0, 0]] for name, rows in told("tiny-groove", 1, 4).items()}
    made = engine("tiny-groove", return_threshold=100.0)
    z = made.sample_prior([1], bars=4)
    assert made.same_bars(z, bars=4, told=known).tolist() == [[0, 1, 2, 3]]
    played = made.decode(z, bars=4, temperature=1.0, seeds=[1], told=known)["bars"][0]
    assert not np.array_equal(played[0], played[1])


def test_without_a_learned_prior_z_is_normal_and_given_bars_stay(engines):
    made = engines["tiny-groove"]
    z = made.sample_prior(range(400), bars=4, temperature=0.5)
    used = made.z_used(4)
    assert not z[:, used:].any()
    assert abs(z[:, :used].std() - 0.5) < 0.02
    assert np.array_equal(z[:, : made.z_used(2)], made.sample_prior(range(400), bars=2, temperature=0.5)[:, : made.z_used(2)])
    on = made.sample_prior([7], bars=4, given=z[:1], given_bars=2)
    assert np.array_equal(on[:, : made.z_used(2)], z[:1, : made.z_used(2)])
    assert not np.array_equal(on, made.sample_prior([7], bars=4))


def test_given_bars_keep_their_blocks(engines):
    made = engines["tiny-drums"]
    given, _ = made.encode(columns("drums", 2, 3))
    z = made.sample_prior([1, 2], bars=8, given=given, given_bars=3)
    assert np.array_equal(z[:, : made.z_used(3)], given[:, : made.z_used(3)])
    assert z[:, made.z_used(3) : made.z_used(8)].all()


def test_taps_apart_from_a_beat_are_those_in_it(engines):
    made = engines["tiny-drumify"]
    beat = columns("groove", 2, 2)
    mu, _ = made.encode(beat)
    loudest = beat["bars"].argmax(-1)[..., None]
    taps = {"taps": beat["bars"].any(-1), "tap_offsets": np.take_along_axis(beat["offsets"], loudest, -1)[..., 0]}
    apart, _ = made.encode({**beat, **taps})
    assert np.allclose(mu, apart, atol=1e-12)


def test_refining_makes_the_columns_likelier(engines):
    made, own = engines["tiny-trio"], columns("trio", 2, 2)
    mu, _ = made.encode(own)
    better = made.refine(mu, own, 20)

    def nats(z):
        return sum(part.sum() for part in made.log_probs(own, z).values())

    assert nats(better) > nats(mu)
    assert set(made.log_probs(own, mu)) == {"melody", "bass", "drums"}
    assert np.array_equal(better[:, made.z_used(2) :], mu[:, made.z_used(2) :])


def test_what_does_not_fit_is_refused(engines, tmp_path):
    made = engines["tiny-drums"]
    z = made.sample_prior([1], bars=2)
    with pytest.raises(ValueError, match="takes 1 to 16 bars at a time, got 17"):
        made.sample_prior([1], bars=17)
    with pytest.raises(ValueError, match="1 rows need as many seeds to be drawn, got 0"):
        made.decode(z, bars=2, temperature=1.0)
    with pytest.raises(ValueError, match=r"z has shape \(rows, 100\)"):
        made.decode(z[:, :3], bars=2, temperature=0.0)
    with pytest.raises(ValueError, match="not finite"):
        made.decode(z * np.nan, bars=2, temperature=0.0)
    with pytest.raises(ValueError, match="is told taps besides z, and none were given"):
        engines["tiny-drumify"].decode(engines["tiny-drumify"].sample_prior([1], bars=2), bars=2, temperature=0.0)
    with pytest.raises(ValueError, match="try cpu"):
        PiecesEngine.load(saved("tiny-drums", tmp_path / "x.safetensors"), device="nonsense")


def test_files_give_the_same_engine_but_for_their_precision(tmp_path):
    made = PiecesEngine.load(saved("tiny-drums", tmp_path / "x.safetensors", name="mine"))
    assert (made.title, made.material, made.bars, made.guide, made.drum_map, made.fixed_window) == ("mine", "drums", 16, "", "nine", False)
    again = PiecesEngine.load(tmp_path / "x.safetensors")
    z = made.sample_prior([1], bars=3)
    assert np.array_equal(z, again.sample_prior([1], bars=3))
    assert made.hash == again.hash


def test_a_better_reading_is_asked_for_by_its_steps(engines):
    made, found = engines["tiny-drums"], columns("drums", 2, 2)
    for first, same in zip(made.encode(found), made.posterior(found, steps=0), strict=True):
        assert np.allclose(first, same)
    mu, sigma = made.posterior(found, steps=10)
    assert not np.allclose(mu, made.encode(found)[0])
    assert made.log_probs(found, mu)["drums"].sum() > made.log_probs(found, made.encode(found)[0])["drums"].sum()
    assert (sigma > 0).all()


@pytest.mark.parametrize("preset", KINDS)
def test_the_prior_s_density_has_a_part_for_the_piece_and_each_bar(preset, engines):
    made, known = engines[preset], heard(preset, 2, 3)
    mu, _ = made.encode(known)
    parts = made.prior_log_probs(mu, known)
    assert parts.shape == (2, 4)
    moved = mu.copy()
    moved[:, made.z_used(2) : made.z_used(3)] += 1.0
    other = made.prior_log_probs(moved, known)
    assert np.allclose(parts[:, :3], other[:, :3])
    assert (parts[:, 3] != other[:, 3]).all()


def test_without_a_prior_the_density_is_that_of_independent_numbers():
    vae, _ = networks("tiny-drums")
    made, known = PiecesEngine(PieceBundle(vae, None, vae.config, {}, "tiny")), columns("drums", 2, 3)
    mu, _ = made.encode(known)
    used = made.z_used(3)
    wanted = -0.5 * (mu[:, :used] ** 2 + np.log(2 * np.pi)).sum(axis=1)
    assert np.allclose(made.prior_log_probs(mu, known).sum(axis=1), wanted)


@pytest.mark.parametrize("preset", ["tiny-drums", "tiny-trio"])
def test_one_bar_is_scored_and_written_as_among_all(preset, engines):
    made, music = engines[preset], columns(preset.removeprefix("tiny-"), 3, 5)
    z, _ = made.encode(music)
    every, written = made.log_probs(music, z), made.decode(z, bars=5, temperature=0.0)
    for bar in (0, 3):
        alone, one = made.bar_log_probs(music, z, bar=bar), made.decode_bar(z, bars=5, bar=bar)
        for name, nats in every.items():
            assert np.allclose(alone[name], nats[:, bar], atol=1e-9)
        for name, rows in written.items():
            assert np.array_equal(one[name], rows[:, bar : bar + 1])
