import numpy as np
import pytest
from compose.fake_piece_engine import FakePieceEngine
from model.pieces.networks import columns, saved

from musicvae.compose.model import load
from musicvae.compose.pieces.model import PieceModel
from musicvae.music.piece import Piece


@pytest.fixture(scope="module")
def models(tmp_path_factory):
    folder = tmp_path_factory.mktemp("models")
    return {kind: load(saved(f"tiny-{kind}", folder / f"{kind}.safetensors", return_threshold=0.3)) for kind in ("drums", "groove", "trio")}


def own(material, bars, seed=0):
    return Piece(material, {name: column[0] for name, column in columns(material, 1, bars, seed).items()}, tempo_qpm=97.0, name="Mine")


@pytest.mark.parametrize("kind", ["drums", "trio"])
@pytest.mark.parametrize(("given", "more"), [(1, 3), (5, 30), (40, 2)])
def test_a_piece_goes_on_after_its_last_bar_and_nothing_given_moves(kind, given, more, models):
    piece = own(kind, given)
    longer = models[kind].continue_(piece, more, seed=2)
    assert (longer.num_bars, longer.tempo_qpm, longer.name) == (given + more, 97.0, "Mine")
    for name in piece.columns:
        assert np.array_equal(longer.columns[name][:given], piece.columns[name])
    again, other = models[kind].continue_(piece, more, seed=2), models[kind].continue_(piece, more, seed=3)
    assert again.fingerprint == longer.fingerprint
    assert longer.provenance["seed"] == 2
    assert other.fingerprint != longer.fingerprint or more < 3


def test_notes_of_the_given_bars_end_where_they_did(models):
    piece = own("trio", 4, seed=5)
    sounding = {**piece.columns, "bars": np.array(piece.columns["bars"])}
    sounding["bars"][-1] = [40, *[0] * 15]
    piece = Piece("trio", sounding)
    longer = models["trio"].continue_(piece, 4, seed=1)
    assert longer.columns["bars"][4, 0] != 0


def test_networks_that_cannot_go_on_by_themselves_say_so(models):
    with pytest.raises(ValueError, match="is told hits to play and cannot go on by itself: use 'drums' or 'trio'"):
        models["groove"].continue_(own("groove", 2), 4)
    engine = FakePieceEngine()
    with pytest.raises(ValueError, match="cannot go on from given bars: its code stands for a window of 2 bars as a whole"):
        PieceModel(engine).continue_(Piece("drums", {"bars": np.zeros((2, 16), np.uint64)}, drum_map=engine.drum_map), 4)
