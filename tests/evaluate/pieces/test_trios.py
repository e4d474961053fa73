import json

import numpy as np
import pytest
from evaluate.pieces.trio_doubles import TransparentTrios, trio_corpus

from musicvae.compose.pieces.model import PieceModel
from musicvae.evaluate.pieces import trios
from musicvae.evaluate.pieces.job import PieceEffort
from musicvae.evaluate.pieces.parts import PARTS, TOGETHER, agreements, part_agreement, parts_of
from musicvae.evaluate.pieces.run import evaluate_pieces
from musicvae.evaluate.pieces.trio_code import fit_trio_code
from musicvae.evaluate.pieces.trio_samples import sounding, trio_sample_row

EFFORT = PieceEffort(windows=8, train_windows=40, samples=5)


def evaluated(engine, **words):
    return evaluate_pieces(PieceModel(engine, name="double", path=None), trio_corpus(), effort=EFFORT, **words)


@pytest.fixture(scope="module")
def evaluation():
    """Every second note of the melody is lost."""
    alone = {part: TransparentTrios(streams=(part,), sigma=0.01) for part in PARTS}
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(trios, "separate_engines", lambda job: alone)
        return evaluated(TransparentTrios(wrong=8))


def rows(evaluation, name, **wanted):
    return [row for row in evaluation.section(name).rows if all(getattr(row, key) == value for key, value in wanted.items())]


def test_each_part_is_measured_and_all_together(evaluation):
    for code in ("model, z at the mean", "model, z drawn"):
        (steps,) = rows(evaluation, "trios", bars=2, source="all", code=code)
        (onsets,) = rows(evaluation, "trio_onsets", bars=2, source="all", code=code)
        assert steps.melody.value == steps.all_three.value == 1 - 2 / 16
        assert onsets.melody.value == pytest.approx(2 * 0.5 / 1.5)
        assert steps.bass.value == steps.drums.value == onsets.bass.value == onsets.drums.value == 1
        assert steps.bits == onsets.bits > 0


def test_silence_is_the_least_that_there_is(evaluation):
    (steps,) = rows(evaluation, "trios", bars=2, source="all", code="silence")
    (onsets,) = rows(evaluation, "trio_onsets", bars=2, source="all", code="silence")
    assert (steps.bits, steps.melody.value, steps.bass.value, onsets.melody.value) == (0, 12 / 16, 14 / 16, 0)


def test_sources_are_told_apart(evaluation):
    found = rows(evaluation, "trios", bars=4, code="model, z at the mean")
    assert [row.source for row in found] == ["all", "games", "synthetic-songs"]
    count = [row.melody.num_windows for row in found]
    assert count[0] == count[1] + count[2] == 8
    tunes = [row.melody.num_tunes for row in found]
    assert tunes[0] == tunes[1] + tunes[2]


def test_separate_models_stand_beside_at_their_bits(evaluation):
    (separate,) = rows(evaluation, "trios", bars=2, source="all", code="separate models, z at the mean")
    assert separate.all_three.value == 1
    (gain,) = rows(evaluation, "trio_gain", bars=2, source="all", code="model, z at the mean")
    assert gain.melody.value == gain.all_three.value == -2 / 16
    assert gain.bass.value == 0
    # Each of the three doubles codes all eleven numbers of a step, with a tenth of the precision.
    assert gain.separate_bits == separate.bits > 2 * gain.bits


def test_without_separate_models_there_is_no_gain():
    found = evaluated(TransparentTrios(bars=2))
    assert [section.name for section in found.sections] == ["trios", "trio_onsets", "trio_gain", "activity", "trio_samples"]
    assert not found.section("trio_gain").rows
    assert {row.bars for row in found.section("trios").rows} == {2}
    json.loads(found.to_json())


def test_the_same_seed_gives_the_same_text():
    assert evaluated(TransparentTrios(bars=2, sigma=0.3)).to_text() == evaluated(TransparentTrios(bars=2, sigma=0.3)).to_text()


def test_separate_models_are_found_beside_the_file(tmp_path, monkeypatch):
    for part in PARTS[:2]:
        (tmp_path / f"band-{part}.safetensors").touch()
    loaded = []
    monkeypatch.setattr(
        "musicvae.compose.model.load", lambda path: loaded.append(path.name) or PieceModel(TransparentTrios(), name="x", path=None)
    )
    model = PieceModel(TransparentTrios(), name="band", path=tmp_path / "band.safetensors")
    found = trios.separate_engines(trios.Job(model, trio_corpus()))
    assert list(found) == ["melody", "bass"]
    assert loaded == ["band-melody.safetensors", "band-bass.safetensors"]


# -- parts


def test_note_offs_before_the_first_note_are_holds_and_a_joint_step_needs_all_parts():
    columns = {"bars": np.zeros((1, 1, 16), np.uint8), "bass": np.zeros((1, 1, 16), np.uint8), "drums": np.zeros((1, 1, 16), np.uint64)}
    columns["bars"][0, 0, [2, 4, 8]] = 1, 30, 1
    truth = parts_of(columns)
    assert truth["melody"][0, 0].tolist() == [0, 0, 0, 0, 30, 0, 0, 0, 1, *[0] * 7]
    columns["drums"][0, 0, 0] = columns["bass"][0, 0, 0] = 5
    guess = parts_of(columns)
    counts = agreements(truth, guess)
    assert [counts[part].equal_steps[0] for part in (*PARTS, TOGETHER)] == [16, 15, 15, 15]
    assert counts[TOGETHER].guessed_onsets[0] == 1 + 1 + 2
    assert TOGETHER not in agreements(truth, {"melody": truth["melody"]})


def test_linear_codes_share_the_bits_and_get_better_with_them():
    corpus = trio_corpus((60, 0, 0), bars=4)
    windows = parts_of({name: corpus.rows(corpus.windows("train", bars=1, hop=1), name) for name in ("bars", "bass", "drums")})
    code = fit_trio_code(windows)
    assert code.decoded(windows, 1e6) is None
    few, many, drawn = (code.decoded(windows, bits, rng=rng) for bits, rng in ((5.0, None), (40.0, None), (5.0, np.random.default_rng(0))))
    right = [{part: part_agreement(part, windows[part], each[part]).step_accuracy for part in PARTS} for each in (few, many, drawn)]
    assert all(right[1][part] >= right[0][part] for part in PARTS)
    assert right[1]["melody"] > right[0]["melody"] > right[2]["melody"]
    assert part_agreement("bass", windows["bass"], windows["bass"]).step_accuracy == 1


# -- samples


def test_what_sounds_lasts_until_a_note_off():
    tokens = np.zeros((1, 2, 16), np.uint8)
    tokens[0, 0, [2, 5]] = 2, 1  # A0
    tokens[0, 1, 0] = 41  # C4
    pitch = sounding(tokens)[0].reshape(-1)
    assert pitch.tolist() == [-1] * 2 + [21] * 3 + [-1] * 11 + [60] * 16


def test_figures_of_a_band_that_can_be_counted():
    columns = {"bars": np.zeros((2, 2, 16), np.uint8), "bass": np.zeros((2, 2, 16), np.uint8), "drums": np.zeros((2, 2, 16), np.uint64)}
    columns["bars"][:, 0, ::4] = 41, 42, 45, 1  # C, C sharp, E and silence
    columns["bass"][:, :, ::8] = 17, 24  # C and G
    columns["drums"][:, :, 0] = 1
    row = trio_sample_row("band", parts_of(columns), [0, 1])
    values = {name: getattr(row, name).value for name in row.__dataclass_fields__ if name not in ("source", "trios")}
    assert values == {
        "melody_notes_a_bar": 1.5, "bass_notes_a_bar": 2.0, "hits_a_bar": 1.0, "empty_melody_bars": 0.5, "in_key": pytest.approx(2 / 3),
        "bass_in_key": 1.0, "bass_jump": 7.0, "bass_on_kick": 0.5,
        "consonant": pytest.approx(2 / 3), "different_bars": 1.0,
    }  # fmt: skip
    nothing = trio_sample_row(
        "silence", {part: 0 * each for part, each in parts_of(columns).items()} | {"drums": np.zeros((2, 2, 16, 9), bool)}, [0, 1]
    )
    assert np.isnan(nothing.in_key.value)
    assert np.isnan(nothing.consonant.value)
    assert nothing.empty_melody_bars.value == 1
