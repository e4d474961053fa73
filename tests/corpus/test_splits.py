import json

import numpy as np
import pytest
from corpus.made import made_tune

from musicvae.corpus.disk.layout import SPLITS
from musicvae.corpus.disk.shards import ShardWriter
from musicvae.corpus.splits import Splits


def test_a_division_names_tunes_and_may_say_where_the_rest_goes(tmp_path):
    path = tmp_path / "splits.json"
    path.write_text(json.dumps({"test": ["b", "é"], "validation": ["c"]}), encoding="utf-8")
    splits = Splits.load(path)
    assert [splits.of(name) for name in ("a", "b", "c", "é")] == ["", "test", "validation", "test"]
    assert len(splits) == 3
    path.write_text(json.dumps({"others": "train", "validation": ["c"], "test": ["é", "b"]}), encoding="utf-8")
    rest = Splits.load(path)
    assert [rest.of(name) for name in ("a", "b")] == ["train", "test"]
    assert rest.digest != splits.digest


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ('{"dev": ["a"]}', "unknown split 'dev'; allowed are train, validation, test"),
        ('{"test": ["a"], "others": "rest"}', "unknown split 'rest' of the others"),
        ('{"test": ["a"], "train": ["a"]}', "the tune 'a' is in two splits, train and test"),
        ('["a"]', "holds no splits"),
        ("{", "holds no splits"),
        ('{"test": 3}', "holds no splits"),
    ],
)
def test_what_is_no_division_is_refused(tmp_path, words, message):
    (tmp_path / "splits.json").write_text(words)
    with pytest.raises(ValueError, match=message):
        Splits.load(tmp_path / "splits.json")


def test_a_division_must_be_there(tmp_path):
    with pytest.raises(FileNotFoundError, match="an earlier corpus or a JSON file of splits is needed"):
        Splits.load(tmp_path / "no")
    with pytest.raises(ValueError, match="is neither a corpus nor a JSON file of splits"):
        Splits.load(tmp_path)


def test_an_earlier_corpus_is_a_division(tmp_path):
    tunes = [made_tune(n) for n in range(6)]
    with ShardWriter(tmp_path / "old", "melody") as writer:
        for n, tune in enumerate(tunes):
            writer.append(tune, split=n % 3, family=n)
        writer.finish({}, {})
    splits = Splits.load(tmp_path / "old")
    assert [splits.of(tune.tune_id) for tune in tunes] == [SPLITS[n % 3] for n in range(6)]
    assert np.all(np.diff(splits.hashes.astype(object)) > 0)
