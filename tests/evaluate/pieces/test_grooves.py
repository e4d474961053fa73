import numpy as np
import pytest
from evaluate.pieces.doubles import TransparentFeel, beat_corpus

from musicvae.compose.pieces.model import PieceModel
from musicvae.evaluate.pieces.feel_errors import errors_of, fit_feel, joined, recordings
from musicvae.evaluate.pieces.job import PieceEffort
from musicvae.evaluate.pieces.run import evaluate_pieces
from musicvae.evaluate.pieces.windows import PieceWindows


@pytest.fixture(scope="module")
def corpus():
    return beat_corpus((12, 2, 6), material="groove", bars=7)


@pytest.fixture(scope="module")
def evaluation(corpus):
    return evaluate_pieces(PieceModel(TransparentFeel(), name="feel", path=None), corpus, effort=PieceEffort(style_pieces=4), seed=1)


def row(evaluation, **fields):
    (found,) = [r for r in evaluation.section("groove").rows if all(getattr(r, name) == value for name, value in fields.items())]
    return found


def windows(velocity, offsets, tempo):
    count = len(velocity)
    columns = {"bars": velocity, "offsets": offsets, "tempo": np.repeat(np.asarray(tempo)[:, None], velocity.shape[1], axis=1)}
    return PieceWindows(columns, np.arange(count), np.zeros(count, np.int64), np.asarray(tempo, np.float64))


def test_recordings_have_every_bar_once(corpus):
    longest, rest = recordings(corpus, "test", bars=4)
    assert (len(longest), longest.bars, len(rest), rest.bars) == (6, 4, 6, 3)
    both = np.concatenate([longest.columns["bars"], rest.columns["bars"]], axis=1)
    lines = corpus.select("test")
    assert (both.reshape(-1, 16, 9) == corpus.bars[corpus.start[lines[0]] :]).all()
    assert (longest.columns["tempo"] == 120).all()
    assert [part.bars for part in recordings(corpus, "test", bars=4, whole=True)] == [4]
    assert sum(len(part) for part in recordings(corpus, "test", bars=1, limit=9)) == 9
    assert [part.bars for part in recordings(corpus, "test", bars=16)] == [7]


def test_errors_are_in_milliseconds_of_the_tempo():
    velocity = np.zeros((2, 1, 16, 9), np.uint8)
    offsets = np.zeros((2, 1, 16, 9), np.float16)
    velocity[0, 0, 0, 0], offsets[0, 0, 0, 0] = 100, 0.25
    velocity[1, 0, 3, 2], velocity[1, 0, 4, 2], offsets[1, 0, 4, 2] = 50, 60, -0.5
    flat = np.zeros(velocity.shape)
    found = errors_of(windows(velocity, offsets, [60, 120]), flat + 90, flat)
    assert found.hits == 3
    assert found.timing_ms.value == pytest.approx((0.25 * 250 + 0 + 0.5 * 125) / 3)
    assert found.velocity.value == pytest.approx((10 + 40 + 30) / 3)
    assert found.of(np.array([False, True])).timing_ms.value == pytest.approx(0.25 * 125)
    nearer = errors_of(windows(velocity, offsets, [60, 120]), flat, flat + offsets / 2)
    assert nearer.gain_ms(found).value == pytest.approx(found.timing_ms.value / 2)
    assert joined([found, found]).hits == 6


def test_the_regression_finds_what_is_linear():
    """Late after a kick a step before, later the slower; hats on odd steps are soft."""
    rng = np.random.default_rng(0)
    hits = rng.random((120, 4, 16, 9)) < 0.2
    tempo = np.repeat(rng.uniform(80, 160, 60), 2)
    flat = hits.reshape(120, -1, 9)
    after_kick = np.pad(flat, ((0, 0), (1, 0), (0, 0)))[:, :-1, 0].reshape(120, 4, 16)
    ms = 5 + 8 * after_kick[..., None] - 10 * np.log2(tempo / 120)[:, None, None, None] + np.zeros(hits.shape)
    velocity = np.where(np.arange(16)[:, None] % 2, 40, 90) * np.ones(hits.shape)
    offsets = (ms / (15_000 / tempo)[:, None, None, None] * hits).astype(np.float32)
    played = windows((velocity * hits).astype(np.uint8), offsets, tempo)
    fit = fit_feel([played.take(range(100))])
    left = played.take(range(100, 120))
    found = errors_of(left, *fit(left))
    quantised = errors_of(left, np.full(velocity[100:].shape, fit.median_velocity), np.zeros(velocity[100:].shape))
    assert found.timing_ms.value < 0.4 * quantised.timing_ms.value
    assert found.velocity.value < 0.4 * quantised.velocity.value


def test_a_class_that_is_never_hit_gets_the_mean_of_the_others():
    velocity = np.zeros((2, 2, 16, 9), np.uint8)
    velocity[:, :, ::4, 0] = 80
    offsets = np.where(velocity > 0, 0.2, 0).astype(np.float16)
    fit = fit_feel([windows(velocity, offsets, [120, 120])])
    other = np.roll(velocity, 1, axis=3)
    loud, late = fit(windows(other, offsets, [120, 120]))
    assert loud[other > 0] == pytest.approx(80)
    assert late[other > 0] == pytest.approx(0.2, abs=1e-3)
    with pytest.raises(ValueError, match="needs hits to learn from"):
        fit_feel([windows(0 * velocity, offsets, [120, 120])])


def test_what_quantised_costs_is_what_was_played(evaluation, corpus):
    test = corpus.columns["offsets"][corpus.start[corpus.select("test")[0]] :].astype(float)
    found = row(evaluation, bars=4, way="quantised, the usual velocity")
    assert found.timing_ms.value == pytest.approx(np.abs(test[test != 0]).mean() * 125, rel=0.01)
    # The engine plays everything on the grid at 64.
    humanised = row(evaluation, bars=4, way="humanised, z = 0", temperature=0.0)
    assert humanised.timing_ms.value == found.timing_ms.value
    assert humanised.bits == 0 < row(evaluation, bars=4, way="z of the performance itself").bits
    assert {r.bars for r in evaluation.section("groove").rows} == {4, 2}


def test_styles_add_up(evaluation):
    *styles, every = evaluation.section("groove styles").rows
    assert {r.style for r in styles} == {"rock", "jazz"}
    assert sum(r.hits for r in styles) == every.hits
    assert sum(r.recordings for r in styles) == every.recordings == 6
    pooled = sum(r.hits * r.quantised_ms.value for r in styles) / every.hits
    assert every.quantised_ms.value == pytest.approx(pooled)
    assert every.gain_ms.value == pytest.approx(min(every.quantised_ms.value, every.regression_ms.value) - every.humanised_ms.value)
    assert every.gain_ms.low <= every.gain_ms.value <= every.gain_ms.high
