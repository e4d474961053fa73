from __future__ import annotations

import os
import stat
import sys
from pathlib import Path

import pytest

from musicvae.music.files import atomic_path


def test_the_file_appears_whole_and_alone(tmp_path: Path) -> None:
    target = tmp_path / "out.mid"
    with atomic_path(target) as temporary:
        assert temporary.parent == tmp_path
        assert temporary.suffix == ".mid"
        temporary.write_bytes(b"half")
        assert not target.exists()
        temporary.write_bytes(b"whole")
    assert target.read_bytes() == b"whole"
    assert os.listdir(tmp_path) == ["out.mid"]


@pytest.mark.parametrize("failure", [OSError(28, "No space left on device"), ValueError("x"), KeyboardInterrupt()])
def test_a_failure_leaves_nothing_and_keeps_the_old_file(tmp_path: Path, failure: BaseException) -> None:
    target = tmp_path / "out.mid"
    target.write_bytes(b"old")

    def fail() -> None:
        with atomic_path(target, force=True) as temporary:
            temporary.write_bytes(b"half")
            raise failure

    with pytest.raises(type(failure)) as caught:
        fail()
    assert caught.value is failure
    assert target.read_bytes() == b"old"
    assert os.listdir(tmp_path) == ["out.mid"]


def test_nothing_is_overwritten_without_force(tmp_path: Path) -> None:
    target = tmp_path / "out.mid"
    target.write_bytes(b"old")
    with pytest.raises(FileExistsError, match=r"out\.mid exists; use --force"), atomic_path(target):
        pytest.fail("the block must not run")
    with atomic_path(target, force=True) as temporary:
        temporary.write_bytes(b"new")
    assert target.read_bytes() == b"new"


@pytest.mark.parametrize("has_hard_links", [True, False])
def test_a_file_that_appears_meanwhile_is_kept(tmp_path: Path, has_hard_links: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    def no_link(*_: object) -> None:
        raise OSError("this file system has no hard links")

    if not has_hard_links:
        monkeypatch.setattr(os, "link", no_link)
    target = tmp_path / "out.mid"

    def race() -> None:
        with atomic_path(target) as temporary:
            temporary.write_bytes(b"second")
            target.write_bytes(b"first")

    with pytest.raises(FileExistsError, match="use --force"):
        race()
    assert target.read_bytes() == b"first"
    assert os.listdir(tmp_path) == ["out.mid"]
    with atomic_path(tmp_path / "other.mid") as temporary:
        temporary.write_bytes(b"third")
    assert (tmp_path / "other.mid").read_bytes() == b"third"


def test_folders_missing_or_in_the_way_are_named(tmp_path: Path) -> None:
    with (
        pytest.raises(FileNotFoundError, match=r"none does not exist, so out\.mid cannot be written there"),
        atomic_path(tmp_path / "none" / "out.mid"),
    ):
        pass
    with pytest.raises(ValueError, match="is a folder; a file name is needed"), atomic_path(tmp_path, force=True):
        pass
    (tmp_path / "file").write_text("")
    with pytest.raises(FileNotFoundError, match="does not exist"), atomic_path(tmp_path / "file" / "out.mid"):
        pass


@pytest.mark.skipif(sys.platform == "win32", reason="POSIX modes, links and devices")
def test_modes_links_and_devices(tmp_path: Path) -> None:
    with atomic_path(tmp_path / "a") as temporary:
        temporary.write_bytes(b"a")
    (tmp_path / "plain").write_bytes(b"")
    assert stat.S_IMODE((tmp_path / "a").stat().st_mode) == stat.S_IMODE((tmp_path / "plain").stat().st_mode)

    (tmp_path / "link").symlink_to(tmp_path / "a")
    with atomic_path(tmp_path / "link", force=True) as temporary:
        temporary.write_bytes(b"through")
    assert (tmp_path / "link").is_symlink()
    assert (tmp_path / "a").read_bytes() == b"through"

    with pytest.raises(ValueError, match="no regular file"), atomic_path("/dev/null", force=True):
        pass


def test_a_path_in_the_current_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with atomic_path("out.wav") as temporary:
        temporary.write_bytes(b"x")
    assert Path("out.wav").read_bytes() == b"x"


@pytest.mark.skipif(os.name != "posix", reason="modes are of POSIX")
def test_a_file_that_a_library_put_in_place_is_as_public_as_others(tmp_path):
    (tmp_path / "plain").write_text("")
    with atomic_path(tmp_path / "a.bin") as temporary:
        private = tmp_path / "private"
        os.close(os.open(private, os.O_CREAT | os.O_WRONLY, 0o600))
        private.replace(temporary)
    assert (tmp_path / "a.bin").stat().st_mode == (tmp_path / "plain").stat().st_mode
