import json
from dataclasses import replace

import numpy as np
import pytest
from evaluate.doubles import TransparentEngine, random_corpus

from musicvae.compose.model import Model
from musicvae.compose.styles import StyleVector, save_styles
from musicvae.evaluate.captions import CAPTIONS
from musicvae.evaluate.run import QUICK, Effort, evaluate

EFFORT = Effort(windows=10, train_windows=40, components=16, samples=6, pairs=5, melodies=8, refine_steps=20, refine_windows=4)


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    direction = np.zeros((16, 16))
    direction[:, 0] = 0.1
    up = StyleVector(name="up", direction=direction.reshape(-1), model_hash="transparent", attribute="pitch-mean")
    path = tmp_path_factory.mktemp("model") / "double.safetensors"
    save_styles(
        [up, replace(up, name="jig", attribute=None), replace(up, name="odd", attribute=None)], path.with_name("double.styles.safetensors")
    )
    return Model(TransparentEngine(blur=0.5), name="double", path=path)


@pytest.fixture(scope="module")
def evaluation(model):
    return evaluate(model, random_corpus((24, 12, 16)), effort=EFFORT, seed=3)


def rows(evaluation, section, **fields):
    return [row for row in evaluation.section(section).rows if all(getattr(row, name) == value for name, value in fields.items())]


def test_every_section_is_there_and_explained(evaluation):
    assert [section.name for section in evaluation.sections] == list(CAPTIONS)
    assert evaluation.about["test windows"] == {"4/4": 10, "6/8": 10}
    assert all(section.rows for section in evaluation.sections if section.name != "gain")


def test_text_and_json_hold_the_same_figures(evaluation):
    row = rows(evaluation, "reconstruction", meter="6/8", code="model, z at the mean", decoding="greedy")[0]
    stored = json.loads(evaluation.to_json())["sections"]["reconstruction"]["rows"]
    found = [r for r in stored if (r["meter"], r["code"], r["decoding"]) == ("6/8", "model, z at the mean", "greedy")]
    assert found[0]["onset_f1"]["value"] == pytest.approx(row.onset_f1.value)
    assert f"{row.onset_f1.value:.3f} [{row.onset_f1.low:.3f}" in evaluation.to_text()


def test_the_same_seed_gives_the_same_text(evaluation, model):
    assert evaluate(model, random_corpus((24, 12, 16)), effort=EFFORT, seed=3).to_text() == evaluation.to_text()


def test_generated_pieces_stand_beside_held_out_ones_and_those_without_a_learned_prior(evaluation):
    assert [row.source for row in rows(evaluation, "samples", meter="4/4")] == [
        "held-out tunes", "training tunes", "generated", "from N(0, I)",
    ]  # fmt: skip
    held_out, _, generated, _ = rows(evaluation, "samples", meter="4/4")
    assert held_out.lag_distance == 0
    assert generated.different_bars.value > held_out.different_bars.value  # the double's prior repeats nothing
    assert generated.notes_in_scale.num_windows == EFFORT.samples


def test_pairs_are_shared_out_and_every_way_of_blending_is_measured(evaluation):
    everything = rows(evaluation, "blends", meter="all")
    assert [(row.way, row.refine_steps) for row in everything] == [
        ("slerp", 0),
        ("lerp", 0),
        ("slerp", 20),
        ("lerp", 20),
        ("interpolate", 0),
    ]
    assert {row.pairs for row in everything} == {EFFORT.pairs}
    assert everything[0].end_f1.value < everything[2].end_f1.value == 1
    # What the command does has the same ends as the codes it blends.
    assert everything[4].end_f1.value == pytest.approx(everything[0].end_f1.value)


def test_shipped_styles_are_measured_and_unmeasurable_ones_left_out(evaluation):
    assert [(row.style, row.measure) for row in evaluation.section("styles").rows] == [("jig", "jig judge"), ("up", "pitch-mean")]
    assert evaluation.about["styles not measured"] == ["odd"]
    effects = {row.style: row.shifts for row in evaluation.section("effects").rows}
    assert "own judge" in effects["jig"]
    assert effects["up"]["pitch-mean"] > 0


def test_nothing_is_fitted_on_test_tunes(model):
    """Other training and validation tunes, the same test tunes: only figures that compare with training may move."""
    little = replace(EFFORT, samples=2, pairs=2, refine_steps=0)
    corpus = random_corpus((24, 12, 16))
    changed = random_corpus((24, 12, 16))
    used = changed.num_bars[changed.split != 2].sum()
    changed.bars[:used, 1] = 60
    mean = [
        rows(evaluate(model, c, effort=little), "reconstruction", meter="4/4", code="model, z at the mean")[0] for c in (corpus, changed)
    ]
    assert mean[0] == mean[1]
    # And changed test tunes leave the judge's area, a figure of training and validation, alone.
    test_changed = random_corpus((24, 12, 16))
    test_changed.bars[used:, 1] = 60
    judged = [rows(evaluate(model, c, effort=little), "styles", style="jig")[0].judge_area for c in (corpus, test_changed)]
    assert judged[0] == judged[1]


def test_a_corpus_of_another_material_is_refused(model):
    corpus = random_corpus((4, 2, 2))
    with pytest.raises(ValueError, match="this corpus holds groove, and melody is needed"):
        evaluate(model, replace(corpus, bars=np.zeros((len(corpus.bars), 16, 9), np.uint8), material="groove"), effort=EFFORT)


def test_a_corpus_without_test_tunes_is_refused(model):
    with pytest.raises(ValueError, match="no test windows of 16 bars"):
        evaluate(model, random_corpus((4, 2, 0)), effort=EFFORT)


def test_quick_measures_fewer_windows_and_says_how_far_it_is(model):
    heard = []
    result = evaluate(model, random_corpus((6, 4, 4)), quick=True, progress=heard.append)
    assert result.about["effort"]["samples"] == QUICK.samples
    assert "4/4 reconstruction" in heard
    assert any(text.startswith("6/8 samples: ") for text in heard)
