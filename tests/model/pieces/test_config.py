import subprocess
import sys

import pytest

from musicvae.model.pieces.config import PIECE_PRESETS, PieceConfig


@pytest.mark.parametrize("name", PIECE_PRESETS)
def test_presets_are_kept_as_json_holds_them(name):
    config = PIECE_PRESETS[name]
    values = config.to_dict()
    assert isinstance(values["streams"], list)
    assert PieceConfig.from_dict(values) == config


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"material": "melody"}, "unknown material 'melody'; allowed are drums, groove, trio"),
        ({"streams": ("feel",)}, "streams of drums are some of drums, in this order"),
        ({"material": "trio", "streams": ("drums", "bass")}, "some of melody, bass, drums, in this order"),
        ({"told": "hits"}, "what is told of drums is one of '', 'taps', got 'hits'"),
        ({"material": "trio", "streams": ("melody", "bass", "drums")}, r"heads \(4\) must be divisible by the number of streams \(3\)"),
        ({"drums": "sixty-one"}, "must have nine classes: one of nine, nine-old, roland, got 'sixty-one'"),
        ({"nade_size": 0}, "nade_size must be a whole number of at least 1, got 0"),
    ],
)
def test_numbers_that_do_not_fit_are_told(options, message):
    with pytest.raises(ValueError, match=message):
        PieceConfig(**options)


def test_what_a_network_learns_from_and_is_told():
    drums, groove, drumify, trio = (PIECE_PRESETS[name] for name in ("drums", "groove", "drumify", "trio"))
    assert drums.corpus_materials == ("drums", "groove")
    assert (drumify.corpus_materials, groove.corpus_materials, trio.corpus_materials) == (("groove",), ("groove",), ("trio",))
    assert [config.told_width for config in (drums, groove, drumify)] == [0, 10, 3]
    assert [config.has_prior for config in (drums, groove, drumify, trio)] == [True, False, True, True]


def test_no_network_library_is_needed():
    script = "import sys; import musicvae.model.pieces.config; assert 'torch' not in sys.modules"
    subprocess.run([sys.executable, "-c", script], check=True, timeout=60, capture_output=True)
