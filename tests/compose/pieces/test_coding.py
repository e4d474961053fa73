import numpy as np
import pytest
from compose.fake_piece_engine import PRESETS, engine, piece

from musicvae.compose.pieces.code import PieceCode
from musicvae.compose.pieces.coding import decode, encode
from musicvae.compose.pieces.guides import asked_guide
from musicvae.music.vocabulary import canonical_tokens


def sounding(column):
    """Events without note-offs in silence; anything else as it is."""
    return canonical_tokens(column) if column.dtype == np.uint8 and column.ndim == 2 else column


@pytest.mark.parametrize("kind", PRESETS)
@pytest.mark.parametrize("bars", [1, 2, 3, 5, 17])
def test_what_nothing_is_lost_of_comes_back_whatever_its_length(kind, bars):
    own = piece(kind, bars, tempo_qpm=97.0, name="own")
    made = decode(engine(kind), encode(engine(kind), own))
    assert (made.num_bars, made.tempo_qpm, made.name, made.material, made.drum_map) == (bars, 97.0, "own", own.material, own.drum_map)
    for name, column in own.columns.items():
        assert np.array_equal(sounding(made.columns[name]), sounding(column)), name


def test_notices_tell_of_windows_and_repeats():
    assert encode(engine("drums"), piece("drums", 2)).notices == ()
    assert "repeated" in encode(engine("drums"), piece("drums", 1)).notices[0]
    text = "5 bars were taken in 3 windows of 2, the last of which begins 1 bar earlier"
    assert encode(engine("drums"), piece("drums", 5)).notices == (text,)
    assert encode(engine("drums"), piece("drums", 4)).notices == ("4 bars were taken in 2 windows of 2",)


def test_every_window_has_noise_of_its_own_and_the_seed_decides_it():
    made = engine("groove")
    code = encode(made, piece("groove", 8))
    one, again, other = (decode(made, code, temperature=1.0, seed=seed) for seed in (1, 1, 2))
    assert one == again
    assert one != other
    tame = decode(made, code)
    noise = one.columns["bars"].astype(int) - tame.columns["bars"]
    assert not np.array_equal(noise[:4], noise[4:])


def test_refining_brings_the_code_nearer():
    lossy, own = engine("drums", lossy=200), piece("drums", 2)
    far, near = (encode(lossy, own, refine=steps) for steps in (0, 50))
    assert np.abs(decode(lossy, far).columns["bars"] ^ own.columns["bars"]).sum() > 0
    assert decode(lossy, near) == own
    assert near.refine == 50


def test_another_material_map_or_model_is_refused():
    with pytest.raises(ValueError, match="is about drums, the piece is of trio"):
        encode(engine("drums"), piece("trio"))
    with pytest.raises(ValueError, match="by the map sixty-one, the piece is written in nine-old"):
        encode(engine("full"), piece("drums"))
    with pytest.raises(ValueError, match="made by model fake, this is model other"):
        decode(engine("drums", hash="other"), encode(engine("drums"), piece("drums")))


def test_a_groove_for_given_hits_keeps_its_own_hits_and_takes_others():
    made = engine("hits")
    own, other = piece("hits", 3, 1), piece("hits", 2, 2)
    code = encode(made, own)
    assert np.array_equal(decode(made, code).columns["bars"] > 0, own.columns["bars"] > 0)
    guide = asked_guide(made, 3, hits=other.columns)
    played = decode(made, code, guide=guide)
    assert np.array_equal(played.columns["bars"] > 0, other.columns["bars"][[0, 1, 0]] > 0)  # repeated to fill


def test_chords_reach_the_network_and_come_out_again():
    made = engine("performance-chords")
    code = encode(made, piece("performance-chords", 4))
    guide = asked_guide(made, 4, chords="C Am")
    played = decode(made, code, guide=guide)
    triads = made.told[-1].argmax(-1)
    assert triads.shape == (4, 512)
    assert [row[1] for row in triads] == [1, 1, 22, 22]  # C major is 1; minor chords from 13 on, A is 9
    assert np.array_equal(played.columns["chords"], guide["chords"])


@pytest.mark.parametrize("kind", ["trio", "hits", "performance-chords"])
def test_codes_come_back_from_disk(kind, tmp_path):
    code = encode(engine(kind), piece(kind, 5, tempo_qpm=101.5, name="own"))
    again = PieceCode.load(code.save(tmp_path / "code.npz"))
    for name in ("mu", "sigma", "held"):
        assert np.array_equal(getattr(again, name), getattr(code, name))
    assert set(again.guide) == set(code.guide)
    assert decode(engine(kind), again) == decode(engine(kind), code)
    with pytest.raises(FileExistsError):
        code.save(tmp_path / "code.npz")


def test_what_is_no_code_is_refused(tmp_path):
    path = tmp_path / "x.npz"
    with pytest.raises(FileNotFoundError):
        PieceCode.load(path)
    path.write_bytes(b"PK\x03\x04 nothing")
    with pytest.raises(ValueError, match="holds? no code|no code of a piece"):
        PieceCode.load(path)
    code = encode(engine("drums"), piece("drums"))
    for change, message in (
        ({"num_bars": 9}, "do not fit 5 windows"), ({"material": "tuba"}, "tuba"), ({"tempo_qpm": 0}, "tempo 0"),
        ({"new": 1}, "unknown fields"),
        ({"format": 9}, "newer version"), ({"span": "2"}, "span is '2'"), ({"guide": {"chords": 1}}, "guide"),
    ):  # fmt: skip
        _write_with(code, path, change)
        with pytest.raises(ValueError, match=message):
            PieceCode.load(path)


def _write_with(code, path, change):
    import json

    code.save(path, force=True)
    with np.load(path) as file:
        arrays = {name: file[name] for name in file.files}
    about = {**json.loads(str(arrays["piece"])), **change}
    np.savez(path, **{**arrays, "piece": np.array(json.dumps(about))})
