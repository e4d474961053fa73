import os

import pytest
import torch

from musicvae.train.checkpoints import checkpoints, load_plain, newest_checkpoint, save_plain


def test_plain_content_survives(tmp_path):
    content = {"step": 3, "words": ["a"], "weights": {"w": torch.arange(3.0)}, "none": None}
    save_plain(tmp_path / "x.ckpt", content)
    found = load_plain(tmp_path / "x.ckpt")
    assert torch.equal(found["weights"].pop("w"), torch.arange(3.0))
    assert found == {**content, "weights": {}}
    assert [path.name for path in tmp_path.iterdir()] == ["x.ckpt"]


def test_a_failed_save_leaves_the_older_file(tmp_path, monkeypatch):
    path = tmp_path / "x.ckpt"
    save_plain(path, {"step": 1})

    def full(*_):
        raise OSError("no space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="no space left"):
        save_plain(path, {"step": 2})
    assert load_plain(path) == {"step": 1}


class Code:
    def __reduce__(self):
        return print, ("run",)


def test_a_file_with_code_is_refused_and_not_run(tmp_path, capsys):
    torch.save({"x": Code()}, tmp_path / "x.ckpt")
    with pytest.raises(ValueError, match="is no checkpoint of this library"):
        load_plain(tmp_path / "x.ckpt")
    assert capsys.readouterr().out == ""


def test_newest_checkpoint_that_is_whole_is_taken(tmp_path, caplog):
    assert newest_checkpoint(tmp_path) is None
    for step in (90, 1000, 200):
        save_plain(tmp_path / f"step-{step:09d}.ckpt", {"step": step})
    (tmp_path / "step-000009999.ckpt.partial").write_bytes(b"killed here")
    assert [int(path.stem[5:]) for path in checkpoints(tmp_path)] == [1000, 200, 90]
    whole = (tmp_path / "step-000001000.ckpt").read_bytes()
    (tmp_path / "step-000001000.ckpt").write_bytes(whole[: len(whole) // 2])
    path, content = newest_checkpoint(tmp_path)
    assert content == {"step": 200}
    assert path.name == "step-000000200.ckpt"
    assert "damaged" in caplog.text
    for path in checkpoints(tmp_path):
        path.write_bytes(b"")
    with pytest.raises(ValueError, match="none of the 3 checkpoints"):
        newest_checkpoint(tmp_path)
