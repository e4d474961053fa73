import numpy as np
import pytest
import torch
from model.pieces.networks import columns, hits_of

from musicvae.model.pieces.config import PIECE_PRESETS
from musicvae.model.pieces.frames import columns_of, frames_of, told_of
from musicvae.music.vocabulary import HOLD, NOTE_OFF


def back(preset, found):
    return columns_of(PIECE_PRESETS[preset], tuple(stream.numpy() for stream in frames_of(PIECE_PRESETS[preset], found).streams))


@pytest.mark.parametrize("preset", ["drums", "groove", "trio", "drumify"])
def test_columns_come_back(preset):
    material = PIECE_PRESETS[preset].material
    found = columns(material, 3, 4)
    returned = back(preset, found)
    assert returned.keys() == found.keys()
    for name, column in found.items():
        if name in ("bars", "bass") and material == "trio":  # what a note-off left of before the window becomes a hold
            column = np.where(
                (column == NOTE_OFF) & ~np.logical_or.accumulate(column.reshape(3, -1) > 1, 1).reshape(column.shape), HOLD, column
            )
        assert returned[name].dtype == column.dtype
        assert np.array_equal(returned[name], column), name


def test_hits_of_grooves_are_drums():
    groove = columns("groove", 2, 3)
    config = PIECE_PRESETS["drums"]
    hits = frames_of(config, {"bars": hits_of(groove["bars"] > 0)}).streams[0]
    assert torch.equal(frames_of(config, groove).streams[0], hits)
    assert set(hits.unique().tolist()) == {0, 1}


def test_taps_are_the_loudest_hits_with_their_timing_and_the_tempo():
    velocity, offsets = np.zeros((1, 1, 16, 9), np.uint8), np.zeros((1, 1, 16, 9), np.float16)
    velocity[0, 0, 4, [1, 2]], offsets[0, 0, 4, [1, 2]] = [90, 100], [-0.25, 0.125]
    told = told_of(PIECE_PRESETS["drumify"], {"bars": velocity, "offsets": offsets, "tempo": np.full((1, 1), 240.0)})
    assert told.shape == (1, 1, 16, 3)
    assert told[0, 0, 4].tolist() == [1, 0.125, 1]
    assert told[0, 0, :, 0].sum() == 1
    # Hits without timing are on the grid, and where no tempo is known it is 120.
    plain = told_of(PIECE_PRESETS["drumify"], {"bars": hits_of(velocity > 0)})
    assert plain[0, 0, 4].tolist() == [1, 0, 0]


def test_the_feel_is_told_the_hits():
    groove = columns("groove", 2, 3)
    frames = frames_of(PIECE_PRESETS["groove"], groove)
    assert torch.equal(frames.told[..., :9], torch.from_numpy((groove["bars"] > 0).astype(np.float32)))
    assert float(frames.streams[0][..., :9].max()) <= 1
    assert told_of(PIECE_PRESETS["drums"], groove) is None


@pytest.mark.parametrize(("tempo", "told"), [(7, 50), (50, 50), (97, 97), (290, 290), (1000, 290)])
def test_tempi_that_nobody_drums_at_are_told_as_the_nearest(tempo, told):
    groove = columns("groove", 1, 2)
    found = told_of(PIECE_PRESETS["groove"], {**groove, "tempo": np.full((1, 2), float(tempo))})
    assert torch.allclose(120 * torch.exp2(found[..., -1]), torch.tensor(float(told)))


def test_columns_that_do_not_fit_are_refused():
    drums = PIECE_PRESETS["drums"]
    with pytest.raises(ValueError, match="no column 'bars'"):
        frames_of(drums, {})
    with pytest.raises(ValueError, match="has shape .* got .*: is an axis of examples or bars missing"):
        frames_of(drums, {"bars": np.zeros((4, 16), np.uint64)})
    with pytest.raises(ValueError, match="hits of classes beyond the 9"):
        frames_of(drums, {"bars": np.full((1, 1, 16), 1 << 9, np.uint64)})


def test_a_trio_of_fewer_streams_is_silent_elsewhere():
    found = columns("trio", 1, 2)
    returned = back("trio-bass", found)
    assert not returned["bars"].any()
    assert not returned["drums"].any()
    assert returned["bass"].any()
