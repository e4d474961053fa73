from __future__ import annotations

import json

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from musicvae.corpus.tunes import SourceFile, Tune
from musicvae.corpus.work.results import Failure, FileResult
from musicvae.corpus.work.tally import add_tally, empty_tally, tally

TUNE = Tune("folk", "a", "a.mid", {}, "", (), np.zeros(0, np.uint64))
KINDS = ("unreadable", "left out", "stopped")


@st.composite
def results(draw: st.DrawFn) -> FileResult:
    file = SourceFile(
        draw(st.sampled_from(["folk", "pop"])), draw(st.sampled_from(["a.mid", "b.mid"])), "", first_tune=draw(st.sampled_from([0, 100]))
    )
    failures = draw(
        st.lists(st.builds(Failure, st.sampled_from(["", "t1", "t2"]), st.sampled_from(["why", "so"]), st.sampled_from(KINDS)), max_size=4)
    )
    tunes = (TUNE,) * draw(st.integers(0, 2))
    losses = draw(st.dictionaries(st.sampled_from(["notes", "bars"]), st.integers(1, 9)))
    return FileResult(file, tunes, tuple(failures), losses, "", draw(st.integers(0, 99)), len(tunes) + len(failures))


@given(st.lists(results(), max_size=8))
def test_counts_are_those_of_the_results(some):
    told = tally(some)
    whole = [r for r in some if r.file.first_tune == 0]
    assert told["files"] == len(whole)
    assert told["bytes"] == sum(r.size for r in whole)
    assert told["files_read"] == sum(bool(r.tunes) for r in whole)
    assert told["tunes_found"] == sum(r.num_found for r in some)
    assert told["tunes_read"] == sum(len(r.tunes) for r in some)
    for name, kind in zip(("unreadable", "left_out", "stopped"), KINDS, strict=True):
        assert sum(entry["count"] for entry in told[name].values()) == sum(f.kind == kind for r in some for f in r.failures)
    assert sum(told["losses"].values()) == sum(sum(r.losses.values()) for r in some)
    assert told["files"] == sum(source["files"] for source in told["sources"].values())


@given(st.lists(st.lists(results(), max_size=4), max_size=4))
def test_parts_put_together_give_the_tally_of_all(parts):
    total = empty_tally()
    for part in parts:
        add_tally(total, json.loads(json.dumps(tally(part))))
    assert total == tally(result for part in parts for result in part)


def test_those_that_stopped_a_reader_are_all_named_of_others_a_few():
    failures = [*(Failure(f"s{n}", "crashed", "stopped") for n in range(50)), *(Failure(f"u{n}", "damaged") for n in range(50))]
    told = tally([FileResult(SourceFile("folk", "a.abc", ""), failures=tuple(failures), num_found=100)])
    assert told["stopped"]["crashed"] == {"count": 50, "examples": [f"s{n}" for n in range(50)]}
    assert told["unreadable"]["damaged"] == {"count": 50, "examples": ["u0", "u1", "u2", "u3", "u4"]}


def test_a_file_without_tunes_is_named_itself():
    told = tally([FileResult(SourceFile("folk", "a.abc", ""), failures=(Failure("", "gone"),))])
    assert told["unreadable"] == {"gone": {"count": 1, "examples": ["a.abc"]}}


def test_countless_reasons_are_counted_together():
    told = tally(FileResult(SourceFile("folk", f"{n}.mid", ""), failures=(Failure("", f"reason {n}"),)) for n in range(600))
    assert len(told["unreadable"]) == 501
    assert told["unreadable"]["other reasons"]["count"] == 100
