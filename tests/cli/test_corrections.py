from types import SimpleNamespace

import pytest

from musicvae.cli.corrections import described_correction, told_foreign_bars
from musicvae.compose.judging.events.corrections import PieceCorrection


def model_of(bars, yardstick=True):
    return SimpleNamespace(yardstick=yardstick or None, score=lambda music: SimpleNamespace(odd_bars=lambda: bars))


@pytest.mark.parametrize(
    ("bars", "line"),
    [
        ([5, 6, 7, 8, 10], "foreign to the rest: bars 9-12, 14 (--mask 9-12,14 writes anew)"),
        ([1], "foreign to the rest: bar 5 (--mask 5 writes anew)"),
    ],
)
def test_foreign_bars_are_counted_as_in_the_file_and_can_be_masked(bars, line):
    lines = []
    assert told_foreign_bars(model_of(bars), None, 5, SimpleNamespace(line=lines.append)) == [bar + 4 for bar in bars]
    assert lines == [line]


def test_nothing_is_told_where_nothing_is_foreign_or_known():
    lines = []
    for model in (model_of([]), model_of([3], yardstick=False)):
        assert told_foreign_bars(model, None, 1, SimpleNamespace(line=lines.append)) == []
    assert lines == []


def test_a_correction_is_told_by_place_and_name():
    piece = SimpleNamespace(drum_map="nine")
    late = described_correction(PieceCorrection("drums", 22, 0, 20, 0, 2.0), piece, 3)
    assert {name: late[name] for name in ("at", "line", "note", "better")} == {
        "at": "4:2.5", "line": "drums", "note": "kick", "better": "at 4:2.0",
    }  # fmt: skip
    assert described_correction(PieceCorrection("drums", 22, 0, None, 0, 2.0), piece)["better"] == "gone"
    assert described_correction(PieceCorrection("bass", 0, 45, 0, 43, 2.0), piece)["better"] == "G2"
