import json
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest
from evaluate.pieces.doubles import TransparentBeats, TransparentFeel, beat_corpus

from musicvae.compose.pieces.model import PieceModel
from musicvae.compose.styles import StyleVector, save_styles
from musicvae.evaluate.pieces import styles
from musicvae.evaluate.pieces.cards import card
from musicvae.evaluate.pieces.job import Job, PieceEffort
from musicvae.evaluate.pieces.run import corpus_material, evaluate_pieces
from musicvae.evaluate.pieces.windows import select_pieces, told_of

EFFORT = PieceEffort(windows=9, samples=6, style_pieces=10, refine_windows=4)


def direction(style):
    """From silence to the beat of a style, so that strength 1 makes it."""
    from evaluate.pieces.doubles import beats

    return np.clip(beats(1, 4, style=style, seed=50)[0].reshape(-1).astype(float) * 2, -1, 2) - 1.0


@pytest.fixture(scope="module")
def path(tmp_path_factory):
    path = tmp_path_factory.mktemp("model") / "double.safetensors"
    vectors = [StyleVector(name=n, direction=direction(i), model_hash="transparent") for i, n in enumerate(("rock", "jazz"))]
    more = StyleVector(name="busy", direction=np.full(576, 0.3) + np.arange(576) % 7 / 9, model_hash="transparent", attribute="density")
    odd = StyleVector(name="odd", direction=direction(0), model_hash="transparent")
    save_styles([*vectors, more, odd], path.with_name("double.styles.safetensors"))
    return path


@pytest.fixture(scope="module")
def evaluation(path):
    model = PieceModel(TransparentBeats(blur=0.6), name="double", path=path)
    return evaluate_pieces(model, beat_corpus(), effort=EFFORT, seed=3)


def rows(evaluation, section, **fields):
    return [row for row in evaluation.section(section).rows if all(getattr(row, name) == value for name, value in fields.items())]


def test_every_section_of_drums_is_there_and_explained(evaluation):
    names = ["reconstruction", "gain", "class_f1", "refined", "activity", "samples", "classes", "lags", "styles", "judge"]
    names += ["restyled", "attributes"]
    assert [section.name for section in evaluation.sections] == names
    assert all(section.title and section.note and (section.rows or section.name == "gain") for section in evaluation.sections)
    assert evaluation.about["test windows"] == {"2 bars": 9, "4 bars": 9}
    assert evaluation.about["styles not measured"] == ["odd"]


def test_the_model_loses_what_the_blur_takes(evaluation):
    (row,) = rows(evaluation, "reconstruction", bars=2, code="model, z at the mean", decoding="greedy")
    (rest,) = rows(evaluation, "reconstruction", bars=2, code="always rest")
    # All first steps of bars have a hit, and are lost; all others come back.
    assert row.step_accuracy.value == pytest.approx(15 / 16, abs=0.01)
    assert rest.hit_f1.value == 0
    assert rest.step_accuracy.value < 0.6
    before, after = rows(evaluation, "refined", bars=2)
    assert (before.step_accuracy.value, after.step_accuracy.value) == (pytest.approx(15 / 16, abs=0.02), 1.0)


def test_classes_are_told_apart(evaluation):
    (row,) = rows(evaluation, "class_f1", bars=2, code="model, z at the mean")
    # A quarter of the kicks fall on the first step of a bar, none of the hats.
    assert row.f1["kick"] == pytest.approx(6 / 7, abs=0.05)
    assert row.f1["closed hi-hat"] > 0.97


def test_bits_are_the_divergence_of_the_code(evaluation):
    (row,) = rows(evaluation, "activity", bars=2)
    (code,) = rows(evaluation, "reconstruction", bars=2, code="model, z at the mean", decoding="greedy")
    assert row.bits == pytest.approx(code.bits)
    assert row.bits > 288 * (np.log2(1000) - 1 / np.log(4))
    assert row.dimensions == 288


def test_styles_are_named_and_random_directions_are_not(evaluation):
    jazz, rock, mean = evaluation.section("styles").rows
    assert (jazz.style, rock.style, mean.style) == ("jazz", "rock", "mean of all")
    assert rock.named.value == jazz.named.value == mean.named.value == 100
    assert mean.random_direction.value < 80
    assert (rock.chance, rock.beats, rock.held_out) == (50, 10, 100)
    assert rock.without_style + jazz.without_style == pytest.approx(100)


def test_given_beats_are_led_to_other_styles_and_what_is_kept_of_them_is_told(evaluation):
    jazz, rock, mean = evaluation.section("restyled").rows
    assert (jazz.style, rock.style, mean.style) == ("jazz", "rock", "mean of all")
    assert jazz.before == rock.before == 0
    assert jazz.named.value == rock.named.value == 100
    assert 0 < mean.kept < 1
    assert mean.beats == jazz.beats + rock.beats
    assert mean.kept == pytest.approx((jazz.kept + rock.kept) / 2)


def test_the_vector_of_an_attribute_moves_it_and_what_hangs_on_it(evaluation):
    (row,) = evaluation.section("attributes").rows
    assert (row.style, row.pieces) == ("busy", 10)
    assert row.rank_correlation.value > 0.9
    assert row.shift.value > 1 > abs(row.random_shift)
    assert row.largest_side_effect


def test_samples_stand_beside_real_beats(evaluation):
    held, train, generated, standard = evaluation.section("samples").rows
    assert [r.source for r in (held, train, generated, standard)] == ["held-out beats", "training beats", "generated", "from N(0, I)"]
    assert held.class_distance == held.lag_distance == 0
    assert 0.2 < held.backbeat.value < 0.7  # rock alone has one
    assert generated.hits_a_bar.value == pytest.approx(144 * 0.1 * 0.9, rel=0.1)
    assert generated.copied.value == 0


def test_the_same_seed_gives_the_same_text(evaluation, path):
    model = PieceModel(TransparentBeats(blur=0.6), name="double", path=path)
    assert evaluate_pieces(model, beat_corpus(), effort=EFFORT, seed=3).to_json() == evaluation.to_json()


def test_drums_are_measured_on_grooves_too(path):
    found = evaluate_pieces(PieceModel(TransparentBeats(), name="double", path=None), beat_corpus(material="groove"), effort=EFFORT)
    (row,) = rows(found, "reconstruction", bars=4, code="model, z at the mean", decoding="greedy")
    assert row.step_accuracy.value == row.hit_f1.value == 1


def test_a_fixed_window_is_measured_at_its_own_length():
    engine = TransparentBeats(bars=2)
    engine.fixed_window = True
    found = evaluate_pieces(PieceModel(engine, name="double", path=None), beat_corpus(), effort=EFFORT)
    assert {row.bars for row in found.section("reconstruction").rows} == {2}
    assert [row.source for row in found.section("samples").rows] == ["held-out beats", "training beats", "generated"]
    assert found.section("styles").rows == []


def test_beats_from_taps(path):
    engine = TransparentBeats(guide="taps")
    engine.hit_threshold = 0.25
    engine.hit_chances = lambda z, *, bars, told: told["taps"][..., None] * np.where(np.arange(9) < 2, 0.6, 0.3)
    found = evaluate_pieces(PieceModel(engine, name="double", path=None), beat_corpus(material="groove"), effort=EFFORT)
    assert [section.name for section in found.sections] == ["drumify", "activity", "styles", "judge"]
    own, drawn = (
        rows(found, "drumify", bars=2, way=f"model, z {way}", decoding="greedy")[0]
        for way in ("of the beat itself", "drawn from the prior")
    )
    assert own.hit_f1.value == own.taps_kept.value == 1
    assert own.bits > 0 == drawn.bits
    every, two = (rows(found, "drumify", bars=2, way="model, expected hits", decoding=f"above {at}")[0] for at in (0.25, 0.5))
    assert every.taps_kept.value == two.taps_kept.value == 1
    assert every.hit_f1.value != two.hit_f1.value
    usual = rows(found, "drumify", bars=2, way="all taps on the most usual class")[0]
    places = rows(found, "drumify", bars=2, way="usual classes at each step of the bar")[0]
    taps, best = rows(found, "drumify", bars=2, way="logistic regression on taps")
    assert usual.taps_kept.value == 1
    assert drawn.hit_f1.value < usual.hit_f1.value < places.hit_f1.value <= best.hit_f1.value < 1
    assert taps.taps_kept.value == 1
    assert taps.hit_f1.value > places.hit_f1.value - 0.02
    assert corpus_material(engine) == "groove"


def test_styles_of_a_feel_are_heard_in_how_the_hits_of_others_are_played(tmp_path):
    corpus = beat_corpus((12, 2, 6), material="groove")
    # Rock is played loud on the beat, jazz off it.
    style = np.asarray(corpus.label)[np.repeat(np.arange(20), 8)][:, None, None]
    accented = np.arange(16)[None, :, None] % 4 == np.where(style == 0, 0, 2)
    loud = np.where(corpus.bars > 0, np.where(accented, 100, 60), 0).astype(np.uint8)
    rows = {"bars": loud, "offsets": np.zeros(loud.shape, np.float16)}
    corpus = replace(corpus, bars=loud, columns=rows)
    vectors = []
    for name, place in (("rock", 0), ("jazz", 2)):
        move = np.zeros((4, 16, 9))
        move[:, place::4] = 4
        vectors.append(StyleVector(name=name, direction=move.reshape(-1), model_hash="transparent"))
    save_styles(vectors, tmp_path / "feel.styles.safetensors")
    model = PieceModel(TransparentFeel(), name="feel", path=tmp_path / "feel.safetensors")
    named, judged = styles.sections(Job(model, corpus, EFFORT))
    jazz, rock, mean = named.rows
    assert jazz.named.value == rock.named.value == 100
    assert mean.random_direction.value < 90
    assert judged.rows[-1].named_right.value == 1


def test_what_is_told_are_taps_and_no_more():
    windows = select_pieces(beat_corpus(material="groove"), "test", bars=2)
    told = told_of(SimpleNamespace(guide="taps", drum_map="nine"), windows.columns)
    struck = windows.columns["bars"] > 0
    np.testing.assert_array_equal(told["taps"], struck.any(axis=-1))
    w, b, s = np.argwhere(struck.sum(axis=-1) > 1)[0]
    assert told["tap_offsets"][w, b, s] == windows.columns["offsets"][w, b, s, windows.columns["bars"][w, b, s].argmax()]
    assert not told["tap_offsets"][told["taps"] == 0].any()
    np.testing.assert_array_equal(told["tempo"], np.full((len(windows), 2), 120.0))


def test_batches_are_bounded_and_told_of(path):
    heard = []
    job = Job(PieceModel(TransparentBeats(), name="double", path=path), beat_corpus((2, 0, 40)), tell=heard.append)
    posterior = job.codec("codes").encode(job.windows(bars=2))
    assert max(job.engine.batches) == 64
    assert heard[0] == "codes"
    assert heard[-1] == f"codes: {len(posterior.mu)}"


@pytest.mark.parametrize(
    ("corpus", "message"),
    [
        (beat_corpus((3, 1, 0)), "no test windows of 2 bars"),
        (beat_corpus((3, 1, 2), bars=1), "no test windows of 2 bars"),
    ],
)
def test_nothing_to_measure_on(corpus, message):
    with pytest.raises(ValueError, match=message):
        evaluate_pieces(PieceModel(TransparentBeats(), name="double", path=None), corpus)


def test_corpora_and_models_of_other_materials_are_refused():
    engine = TransparentBeats()
    engine.material = "groove"
    with pytest.raises(ValueError, match="holds drums, and double is measured on groove"):
        evaluate_pieces(PieceModel(engine, name="double", path=None), beat_corpus())
    engine.material = "performance"
    with pytest.raises(ValueError, match="a model of performance; measured here are those of drums, groove, trio"):
        evaluate_pieces(PieceModel(engine, name="double", path=None), beat_corpus())


def test_a_card_tells_data_recipe_and_figures(evaluation):
    metadata = {
        "config": {"material": "drums", "told": ""}, "steps": 1200, "seconds": 600.0, "seed": 1,
        "recipe": {"corpus": "abc", "options": {"a": 1}}, "versions": {"torch": "2"},
        "hit_threshold": 0.3, "hit_threshold_f1_validation": 0.48,
    }  # fmt: skip
    text = card(
        "drums", metadata=metadata, corpus=beat_corpus(), evaluation=evaluation, seen="Backbeats.", left_out={"punk": "one session"}
    )
    assert text.startswith("# drums\n\nA recurrent VAE of beats")
    for part in (
        "| made up | here | none | 20 |",
        "1,200 steps in 10 minutes",
        "Hits are expected above a chance of 0.3 (hit F1 of validation beats: 0.480).",
        "`abc`",
        "* punk: one session",
        "Backbeats.",
        "### Reconstruction",
    ):
        assert part in text
    assert text.count("\n# ") == 0
    assert json.loads(evaluation.to_json())["about"]["material"] == "drums"
