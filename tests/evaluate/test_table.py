import json
from dataclasses import dataclass, field

import numpy as np
import pytest

from musicvae.evaluate.captions import CAPTIONS
from musicvae.evaluate.metrics import Estimate
from musicvae.evaluate.table import Evaluation, Section


@dataclass(frozen=True)
class Row:
    meter: str
    bits: float
    onset_f1: Estimate
    nats: tuple[float, ...] = ()
    shifts: dict[str, float] = field(default_factory=dict)


ROWS = [
    Row("4/4", 128.04, Estimate(0.61234, 0.59, 0.63, 900, 300), tuple(np.arange(21) / 10), {"density": 0.5}),
    Row("6/8", float("nan"), Estimate(0.7, np.nan, np.nan, 1, 1), tuple(np.arange(21) / 5), {"density": -0.25}),
]
EVALUATION = Evaluation({"model": "melody", "test windows": {"4/4": 900}}, (Section("codes", "Codes", "A note.", ROWS),))


def test_text_is_a_markdown_table_with_units_and_intervals():
    lines = EVALUATION.to_text().splitlines()
    assert "* test windows: 4/4 900" in lines
    at = lines.index("## Codes")
    assert lines[at + 4 : at + 8] == [
        "| meter | KL bits | onset F1 | density |",
        "| --- | --- | --- | --- |",
        "| 4/4 | 128.0 | 0.612 [0.590, 0.630] | 0.500 |",
        "| 6/8 | - | 0.700 | -0.250 |",
    ]


def test_long_lists_stand_below_the_table_in_full():
    text = EVALUATION.to_text()
    block = text.split("KL (nats) of each dimension, 4/4:")[1].split("```")[1]
    assert [float(number) for number in block.split()] == pytest.approx(ROWS[0].nats)


def test_json_holds_every_figure_and_null_for_what_is_undefined():
    read = json.loads(EVALUATION.to_json())
    rows = read["sections"]["codes"]["rows"]
    assert rows[0]["onset_f1"] == {"value": 0.61234, "low": 0.59, "high": 0.63, "windows": 900, "tunes": 300}
    assert rows[1]["bits"] is None
    assert rows[0]["shifts"] == {"density": 0.5}
    assert read["about"]["test windows"] == {"4/4": 900}


def test_sections_are_found_by_name_and_may_be_empty():
    assert EVALUATION.section("codes").rows is ROWS
    with pytest.raises(KeyError, match="jokes"):
        EVALUATION.section("jokes")
    assert "Nothing to measure" in Section("none", "None", "", []).to_text()


def test_captions_are_sentences():
    for title, note in CAPTIONS.values():
        assert title[0].isupper()
        assert note.endswith(".")
