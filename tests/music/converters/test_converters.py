import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from musicvae.corpus.tunes import COLUMNS
from musicvae.music.converters import CONVERTERS, converter
from musicvae.music.drum_maps import drum_map
from musicvae.music.groove import GROOVE_CLASSES
from musicvae.music.vocabulary import to_tokens
from tests.strategies import METERS, melodies

ON_THE_GRID = [name for name in CONVERTERS if not name.startswith("performance")]
FOUR = METERS[[str(m) for m in METERS].index("4/4")]


def random_columns(material, rng, *, examples=3, bars=2, drums=9):
    """Columns of any material, melodies without note-offs before their first note."""
    row = (examples, bars, 16)

    def voice():
        tokens = rng.integers(0, 90, row)
        tokens[rng.random(row) < 0.5] = 0
        tokens[:, 0, 0] = rng.integers(2, 90, examples)
        return tokens.astype(np.uint8)

    hits = rng.integers(0, 2**drums, row).astype(np.uint64)
    chords = rng.integers(0, 253, (examples, bars, 8)).astype(np.uint8)
    if material == "melody":
        return {"bars": voice(), "chords": chords}
    if material == "drums":
        return {"bars": hits}
    if material == "trio":
        return {"bars": voice(), "bass": voice(), "drums": hits}
    velocity = rng.integers(0, 2, (*row, 9)) * rng.integers(1, 128, (*row, 9))
    offsets = np.where(velocity > 0, rng.uniform(-0.5, 0.5, (*row, 9)), 0)
    return {"bars": velocity.astype(np.uint8), "offsets": offsets.astype(np.float16)}


@pytest.mark.parametrize("name", ON_THE_GRID)
def test_what_is_decoded_from_targets_is_what_was_encoded(name):
    made = converter(name)
    rng = np.random.default_rng(3)
    drums = len(drum_map(made.drum_map)) if made.drum_map else 9
    columns = random_columns(made.material, rng, bars=4, drums=drums)
    inputs, targets = made.inputs(columns), made.targets(columns)
    decoded = made.columns(targets)
    assert list(decoded) == [column for column in columns if column != "chords"]
    for column, values in decoded.items():
        assert values.dtype == columns[column].dtype
        np.testing.assert_array_equal(values, columns[column])
    assert inputs.shape[:2] == targets.shape[:2] == (3, 64)
    assert made.bars(64) == 4
    assert made.lengths(columns) is None
    if np.issubdtype(inputs.dtype, np.integer):
        assert inputs.dtype == np.int64
        assert 0 <= inputs.min() <= inputs.max() < made.input_depth
    else:
        assert inputs.dtype == np.float32
        assert inputs.shape[2] == made.input_depth
    if np.issubdtype(targets.dtype, np.integer):
        assert (targets.dtype, targets.shape[2]) == (np.int64, len(made.outputs))
        assert (targets.max(axis=(0, 1)) < made.outputs).all()
    else:
        assert (targets.dtype, targets.shape[2:]) == (np.float32, made.outputs)
    controls = made.controls(columns)
    if made.control_depth:
        assert (controls.dtype, controls.shape) == (np.float32, (3, 64, made.control_depth))
    else:
        assert controls is None


@given(melodies(max_bars=3, meter=st.just(FOUR)))
def test_a_melody_s_classes_are_its_events(melody):
    targets = converter("melody").targets({"bars": to_tokens(melody)[None]})[0, :, 0]
    wanted = np.zeros(melody.num_steps, int)
    for note in melody.notes:  # ends first: a note that starts where another ends replaces its end
        if note.end_steps < melody.num_steps:
            wanted[note.end_steps] = 1
    for note in melody.notes:
        wanted[note.onset_steps] = note.pitch - 21 + 2
    np.testing.assert_array_equal(targets, wanted)


def test_a_note_off_left_from_before_the_window_becomes_a_hold():
    bars = np.zeros((2, 1, 16), np.uint8)
    bars[0, 0, :5] = (0, 1, 1, 40, 1)
    bars[1, 0, 3] = 1
    targets = converter("melody").targets({"bars": bars})[:, :, 0]
    assert targets[0, :6].tolist() == [0, 0, 0, 40, 1, 0]
    assert not targets[1].any()


def test_notes_outside_a_smaller_vocabulary_are_counted_and_end_what_sounds():
    made = converter("melody", min_pitch=48, outputs=(38,))  # pitches 48 to 83
    bars = np.zeros((1, 1, 16), np.uint8)
    bars[0, 0, [0, 4, 8, 12]] = np.array([60, 47, 84, 83]) - 21 + 2
    columns = {"bars": bars}
    assert made.targets(columns)[0, ::4, 0].tolist() == [60 - 48 + 2, 1, 1, 37]
    assert made.losses(columns) == {"notes outside the network's range": 2}
    assert made.input_depth == 38
    assert made.columns(np.array([[[37], *[[0]] * 15]]))["bars"][0, 0, 0] == 83 - 21 + 2
    assert converter("melody").losses(columns) == {}


@pytest.mark.parametrize(("name", "classes"), [("drums", 9), ("drum-rolls", 9), ("drum-rolls-full", 61)])
def test_the_encoder_reads_a_bit_for_each_class_and_one_for_silence(name, classes):
    made = converter(name)
    hits = np.zeros((1, 1, 16), np.uint64)
    hits[0, 0, 2] = 1 | 1 << 3 | 1 << (classes - 1)
    inputs = made.inputs({"bars": hits})
    assert np.flatnonzero(inputs[0, 2]).tolist() == [0, 3, classes - 1]
    assert (inputs[0, [0, 1, 3], classes] == 1).all()
    assert inputs.sum() == 3 + 15
    target = made.targets({"bars": hits})[0, 2]
    assert target.tolist() == ([1 + 8 + 256] if name == "drums" else [float(c in (0, 3, classes - 1)) for c in range(classes)])


def test_a_trio_s_streams_are_read_side_by_side():
    made = converter("trio")
    columns = {"bars": np.full((1, 1, 16), 50, np.uint8), "bass": np.full((1, 1, 16), 7, np.uint8),
               "drums": np.full((1, 1, 16), 511, np.uint64)}  # fmt: skip
    assert made.targets(columns)[0, 0].tolist() == [50, 7, 511]
    assert made.inputs(columns)[0, 0].tolist() == [50, 90 + 7, 180 + 511]
    assert made.input_depth == 692


def test_early_hits_have_positive_timing():
    velocity, offsets = np.zeros((1, 1, 16, 9), np.uint8), np.zeros((1, 1, 16, 9), np.float16)
    velocity[0, 0, 4, 1], offsets[0, 0, 4, 1] = 127, -0.25  # a quarter of a sixteenth early
    velocity[0, 0, 5, 0], offsets[0, 0, 5, 0] = 64, 0.5
    target = converter("groove").targets({"bars": velocity, "offsets": offsets})[0]
    assert target[4, [1, 10, 19]].tolist() == [1.0, 1.0, 0.5]
    assert target[5, [0, 9, 18]].tolist() == pytest.approx([1.0, 64 / 127, -1.0])
    assert np.count_nonzero(target) == 6


@given(st.data())
def test_what_a_network_is_to_add_is_hidden_from_its_encoder(data):
    velocity = data.draw(hnp.arrays(np.uint8, (2, 1, 16, 9), elements=st.integers(0, 127), fill=st.just(np.uint8(0))))
    offsets = np.where(velocity > 0, np.float16(0.25), np.float16(0))
    columns = {"bars": velocity, "offsets": offsets}
    whole = converter("groove").inputs(columns).reshape(2, 16, 3, GROOVE_CLASSES)
    for name in CONVERTERS:
        if name.startswith("groove"):
            np.testing.assert_array_equal(converter(name).targets(columns), whole.reshape(2, 16, 27))
    stiff = converter("groove-humanize").inputs(columns).reshape(2, 16, 3, 9)
    np.testing.assert_array_equal(stiff[:, :, 0], whole[:, :, 0])
    assert not stiff[:, :, 1:].any()
    bare = converter("groove-add-closed-hat").inputs(columns).reshape(2, 16, 3, 9)
    assert not bare[..., 2].any()
    np.testing.assert_array_equal(np.delete(bare, 2, axis=3), np.delete(whole, 2, axis=3))
    taps = converter("groove-tap").inputs(columns).reshape(2, 16, 3, 9)
    struck = whole[:, :, 0].max(axis=2)
    np.testing.assert_array_equal(taps[:, :, 0, 3], struck)
    np.testing.assert_array_equal(taps[:, :, 2, 3], struck * -0.5)
    assert not np.delete(taps, 3, axis=3).any()
    assert not taps[:, :, 1].any()
    hits = converter("groove-hits")
    np.testing.assert_array_equal(hits.controls(columns), whole[:, :, 0])
    np.testing.assert_array_equal(hits.inputs(columns), whole.reshape(2, 16, 27))


def test_of_what_is_struck_together_the_loudest_is_tapped():
    velocity, offsets = np.zeros((1, 1, 16, 9), np.uint8), np.zeros((1, 1, 16, 9), np.float16)
    velocity[0, 0, 0, [0, 5, 8]] = 50, 90, 70
    offsets[0, 0, 0, [0, 5, 8]] = 0.25, -0.125, 0.5
    taps = converter("groove-tap").inputs({"bars": velocity, "offsets": offsets})[0, 0]
    assert (taps[3], taps[18 + 3]) == (1.0, 0.25)


def test_decoded_hits_are_sane_whatever_the_network_writes():
    events = np.zeros((1, 16, 27), np.float32)
    events[0, 0, [0, 9, 18]] = 0.51, 0.0, 7.0
    events[0, 1, [0, 9, 18]] = 1.0, 1.5, -7.0
    events[0, 2, [0, 9, 18]] = 0.49, 0.9, 0.9
    columns = converter("groove").columns(events)
    assert columns["bars"][0, 0, :3, 0].tolist() == [1, 127, 0]
    assert columns["offsets"][0, 0, :3, 0].tolist() == [-0.5, 0.5, 0.0]


@pytest.mark.parametrize("name", ["melody-chords", "trio", "drums", "groove"])
def test_transposing_there_and_back_is_the_same(name):
    made = converter(name)
    columns = random_columns(made.material, np.random.default_rng(5))
    for voice in ("bars", "bass") if made.material in ("melody", "trio") else ():
        tokens = columns.get(voice, columns["bars"])
        tokens[tokens >= 2] = np.clip(tokens[tokens >= 2], 12, 80)
    by = np.array([3, -5, 0])
    moved = made.transposed(columns, by)
    if made.material in ("melody", "trio"):
        notes = columns["bars"] >= 2
        np.testing.assert_array_equal(moved["bars"], np.where(notes, columns["bars"] + by[:, None, None], columns["bars"]))
    else:
        assert all(moved[c] is columns[c] for c in columns)
    back = made.transposed(moved, -by)
    for column, values in columns.items():
        np.testing.assert_array_equal(back[column], values)


def test_notes_transposed_beyond_the_piano_end_what_sounds():
    columns = {"bars": np.full((1, 1, 16), 89, np.uint8)}
    assert (converter("melody").transposed(columns, 1)["bars"] == 1).all()
    assert (converter("melody").transposed(columns, -87)["bars"] == 2).all()
    assert (converter("melody").transposed(columns, -88)["bars"] == 1).all()


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: converter("melodies"), "unknown converter 'melodies'; allowed are melody, melody-chords"),
        (lambda: converter("melody", steps=40), "40 steps are no whole bars"),
        (lambda: converter("performance", steps=256), "256 steps are no whole bars of 8 rows of 64"),
        (lambda: converter("drums", outputs=(256,)), r"outputs of \(512,\), not \(256,\)"),
        (lambda: converter("trio", outputs=(90, 90)), "a trio has streams for melody, bass and 512 drums"),
        (lambda: converter("melody", min_pitch=12), "pitches 12 to 99 does not lie in 21 to 108"),
        (lambda: converter("melody").inputs({"hits": np.zeros((1, 1, 16))}), "no column 'bars'; there are hits"),
        (lambda: converter("melody").inputs({"bars": np.zeros((1, 16))}), r"shape \(N, B, 16\), got \(1, 16\)"),
        (lambda: converter("melody").inputs({"bars": np.full((1, 1, 16), 90)}), "tokens from 90 to 90 are outside 0 to 89"),
        (lambda: converter("melody").columns(np.full((1, 16, 1), 90)), "events from 90 to 90 are outside 0 to 89"),
        (lambda: converter("drums").inputs({"bars": np.full((1, 1, 16), 512, np.uint64)}), "another map"),
        (lambda: converter("drums").columns(np.full((1, 16, 1), 512)), "outside 0 to 511"),
        (lambda: converter("trio").columns(np.full((1, 16, 3), 512)), "are outside 0 to"),
        (lambda: converter("groove").columns(np.zeros((1, 16, 9))), "a step of a groove is 27 numbers, got 9"),
    ],
)  # fmt: skip
def test_errors_say_what_came_and_what_is_allowed(call, words):
    with pytest.raises(ValueError, match=words):
        call()


@pytest.mark.parametrize("name", CONVERTERS)
def test_no_rows_are_no_rows(name):
    made = converter(name)
    columns = {column: np.zeros((0, 2, *about.shape), about.dtype) for column, about in COLUMNS[made.material].items()}
    inputs, targets = made.inputs(columns), made.targets(columns)
    assert len(inputs) == len(targets) == 0
    assert inputs.shape[1] == targets.shape[1]
    others = (made.controls(columns), made.lengths(columns))
    assert all(array is None or len(array) == 0 for array in others)
    back = made.columns(targets)
    assert {name: column.shape for name, column in back.items()} == {name: columns[name].shape for name in back}
