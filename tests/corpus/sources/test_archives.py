import gzip
import io
import json
import os
import struct
import tarfile
import zipfile

import pytest

from musicvae.corpus.sources import archives
from musicvae.corpus.sources.archives import archive_stem, is_archive, unpack
from musicvae.corpus.sources.skipped import Skipped

MUSIC = {"set/a.mid": b"MThd" + bytes(300), "set/deep/b.abc": b"X:1\nK:C\nCDEF|\n", "set/info.csv": b"a,b\n1,2\n"}


def zip_of(path, members, **options):
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED, **options) as file:
        for name, data in members.items():
            file.writestr(name, data)
    return path


def tar_of(path, members, mode="w:gz", **kinds):
    """kinds: attributes of a TarInfo for each member that is no plain file, by its name with / as __."""
    with tarfile.open(path, mode) as file:
        for name, data in members.items():
            info = tarfile.TarInfo(name)
            info.size = len(data)
            for key, value in kinds.get(name.replace("/", "__").replace(".", "_"), {}).items():
                setattr(info, key, value)
            file.addfile(info, io.BytesIO(data))
    return path


def files_in(folder):
    return {p.relative_to(folder).as_posix(): p.read_bytes() for p in folder.rglob("*") if p.is_file()}


def refused(path, tmp_path, message):
    with pytest.raises(ValueError, match=message) as caught:
        unpack(path, tmp_path / "out")
    assert str(caught.value).count("\n") == 0
    assert not (tmp_path / "out").exists()
    assert not (tmp_path / "out.partial").exists()


KINDS = [("zip", None), ("tar", "w"), ("tar.gz", "w:gz"), ("tgz", "w:gz"), ("tar.bz2", "w:bz2"), ("tar.xz", "w:xz")]


def archive_of(folder, kind, members):
    suffix, mode = kind
    path = folder / f"music.{suffix}"
    return zip_of(path, members) if mode is None else tar_of(path, members, mode)


@pytest.mark.parametrize("kind", KINDS, ids=[name for name, _ in KINDS])
def test_music_and_what_is_read_beside_it_is_unpacked(tmp_path, kind):
    others = {"set/cover.jpg": b"x", "set/._a.mid": b"x", "__MACOSX/a.mid": b"x", "set/more.zip": b"x", "README": b"x"}
    path = archive_of(tmp_path, kind, {**MUSIC, **others})
    skipped = Skipped()
    folder = unpack(path, tmp_path / "out", skipped=skipped)
    assert files_in(folder) == MUSIC
    assert skipped.counts == {"no music (.jpg)": 1, "hidden file": 2, "archive inside an archive": 1, "no music (no suffix)": 1}
    assert is_archive(path)
    assert archive_stem(path) == "music"


def test_an_archive_is_unpacked_once(tmp_path):
    path = zip_of(tmp_path / "a.zip", {**MUSIC, "x.txt": b"-"})
    first, again = Skipped(), Skipped()
    folder = unpack(path, tmp_path / "out", skipped=first)
    times = {p: p.stat().st_mtime_ns for p in folder.rglob("*")}
    assert unpack(path, tmp_path / "out", skipped=again) == folder
    assert {p: p.stat().st_mtime_ns for p in folder.rglob("*")} == times
    assert first.to_dict() == again.to_dict()


def test_other_things_in_the_folder_stay(tmp_path):
    path = zip_of(tmp_path / "a.zip", MUSIC)
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "mine.txt").write_text("mine")
    with pytest.raises(FileExistsError, match="does not hold a.zip as it is now; remove it or choose another folder"):
        unpack(path, tmp_path / "out")
    assert files_in(tmp_path / "out") == {"mine.txt": b"mine"}


def test_unpacking_goes_on_where_it_was_cut_short(tmp_path, monkeypatch):
    path = tar_of(tmp_path / "a.tar.gz", MUSIC)
    taken, whole = [], archives._copy

    def dies(source, file, size):
        if len(taken) == 1:
            raise KeyboardInterrupt
        taken.append(size)
        return whole(source, file, size)

    monkeypatch.setattr(archives, "_copy", dies)
    with pytest.raises(KeyboardInterrupt):
        unpack(path, tmp_path / "out")
    assert not (tmp_path / "out").exists()
    copied = []
    monkeypatch.setattr(archives, "_copy", lambda source, file, size: copied.append(size) or whole(source, file, size))
    folder = unpack(path, tmp_path / "out")
    assert files_in(folder) == MUSIC
    assert len(copied) == len(MUSIC) - 1
    assert not (tmp_path / "out.partial").exists()


def test_what_another_archive_left_half_done_is_not_taken(tmp_path):
    path = zip_of(tmp_path / "a.zip", MUSIC)
    left = tmp_path / "out.partial" / "files" / "set"
    left.mkdir(parents=True)
    (left / "other.mid").write_bytes(b"MThd")
    (tmp_path / "out.partial" / "unpacked.json").write_text(json.dumps({"archive": {"name": "b.zip"}}))
    assert files_in(unpack(path, tmp_path / "out")) == MUSIC


@pytest.mark.parametrize("name", ["../x.mid", "a/../../x.mid", "a\\..\\..\\x.mid", "..", "/etc/x.mid", "C:\\x.mid", "c:x.mid", "\\x.mid"])
@pytest.mark.parametrize("kind", KINDS[:2], ids=["zip", "tar"])
def test_paths_that_leave_the_archive_are_refused(tmp_path, kind, name):
    refused(archive_of(tmp_path, kind, {**MUSIC, name: b"MThd"}), tmp_path, "climbs out of it|an absolute path")
    assert not list(tmp_path.parent.glob("x.mid"))


@pytest.mark.parametrize("type_", [tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.CHRTYPE, tarfile.BLKTYPE, tarfile.FIFOTYPE])
def test_links_and_devices_are_refused(tmp_path, type_):
    path = tar_of(tmp_path / "a.tar", {**MUSIC, "l.mid": b""}, "w", l_mid={"type": type_, "linkname": "/etc/passwd"})
    refused(path, tmp_path, r"a.tar holds a (link|device or special file) \(l.mid\): it is refused; unpack it yourself")


def test_links_in_zip_files_are_refused(tmp_path):
    info = zipfile.ZipInfo("l.mid")
    info.external_attr = (0o120777 << 16) & 0xFFFFFFFF
    refused(zip_of(tmp_path / "a.zip", {info: b"/etc/passwd"}), tmp_path, r"holds a link \(l.mid\)")


def test_encrypted_members_are_refused(tmp_path):
    path = zip_of(tmp_path / "a.zip", MUSIC)
    data = bytearray(path.read_bytes())
    at = data.index(b"PK\x01\x02")
    data[at + 8] |= 1  # the flags of the first entry of the directory
    path.write_bytes(data)
    refused(path, tmp_path, r"a.zip is encrypted \(set/a.mid\): unpack it with its password and give the folder")


@pytest.mark.parametrize("kind", KINDS[2:], ids=[name for name, _ in KINDS[2:]])
def test_what_unpacks_to_a_hundred_times_its_size_is_refused(tmp_path, kind):
    path = archive_of(tmp_path, kind, {"a.mid": bytes(1_000_000)})
    assert 100 * path.stat().st_size < 1_000_000
    refused(path, tmp_path, "unpacks to more than 100 times its size")


def test_zip_bombs_are_refused(tmp_path):
    path = zip_of(tmp_path / "a.zip", {f"{i}.mid": bytes(100_000) for i in range(30)})
    refused(path, tmp_path, "unpacks to more than 100 times its size")
    assert files_in(unpack(zip_of(tmp_path / "b.zip", {"a.mid": os.urandom(1000) + bytes(50_000)}), tmp_path / "fine"))


def test_a_zip_file_that_lies_about_sizes_is_refused(tmp_path):
    path = zip_of(tmp_path / "a.zip", {"a.mid": os.urandom(5000) + bytes(20_000)})
    data = bytearray(path.read_bytes())
    at = data.index(b"PK\x01\x02")
    data[at + 24 : at + 28] = struct.pack("<I", 300)
    path.write_bytes(data)
    refused(path, tmp_path, "damaged or cut off")


def test_a_header_that_asks_for_memory_is_refused(tmp_path):
    info = tarfile.TarInfo("pax")
    info.type, info.size = tarfile.XHDTYPE, 2**40
    path = tmp_path / "a.tar.gz"
    path.write_bytes(gzip.compress(info.tobuf(tarfile.GNU_FORMAT) + os.urandom(2000)))
    refused(path, tmp_path, "a header of 1099511627776 bytes")


def test_too_many_members_are_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(archives, "MAX_MEMBERS", 3)
    for kind in KINDS[:2]:
        refused(archive_of(tmp_path, kind, dict.fromkeys("abcd", b"")), tmp_path, "more than 3 members")


@pytest.mark.parametrize("kind", KINDS, ids=[name for name, _ in KINDS])
@pytest.mark.parametrize("share", [0.0, 0.3, 0.8])
def test_archives_that_are_cut_off_are_told(tmp_path, kind, share):
    members = {f"{i}.mid": os.urandom(2000) for i in range(20)}
    path = archive_of(tmp_path, kind, members)
    path.write_bytes(path.read_bytes()[: int(share * path.stat().st_size)])
    refused(path, tmp_path, "damaged or cut off|is cut off|without its end mark|unpacks to more")


def test_a_tar_that_ends_between_two_members_is_told(tmp_path):
    path = tar_of(tmp_path / "a.tar", {"a.mid": bytes(512), "b.mid": bytes(512)}, "w")
    path.write_bytes(path.read_bytes()[: 4 * 512])
    refused(path, tmp_path, "a.tar ends without its end mark; was it copied completely")


def test_what_is_no_archive_is_told(tmp_path):
    for name in ("a.zip", "a.tar", "a.tar.gz"):
        (tmp_path / name).write_bytes(b"MThd" + os.urandom(5000))
        refused(tmp_path / name, tmp_path, f"{name} is damaged or cut off")


def test_the_first_of_two_members_of_one_name_counts(tmp_path):
    path = tmp_path / "a.tar"
    with tarfile.open(path, "w") as file:
        for data in (b"MThd first", b"MThd the second"):
            info = tarfile.TarInfo("./a.mid")
            info.size = len(data)
            file.addfile(info, io.BytesIO(data))
    skipped = Skipped()
    assert files_in(unpack(path, tmp_path / "out", skipped=skipped)) == {"a.mid": b"MThd first"}
    assert skipped.counts == {"second file of the same name in an archive": 1}


def test_a_file_that_is_a_folder_too_is_refused(tmp_path):
    refused(zip_of(tmp_path / "a.zip", {"a.mid": b"MThd", "a.mid/b.mid": b"MThd"}), tmp_path, "a.mid/b.mid is a file and a folder")


def test_huge_members_are_passed_over(tmp_path, monkeypatch):
    monkeypatch.setattr(archives, "MAX_MEMBER_BYTES", 1000)
    skipped = Skipped()
    folder = unpack(zip_of(tmp_path / "a.zip", {**MUSIC, "audio.mid": os.urandom(2000)}), tmp_path / "out", skipped=skipped)
    assert files_in(folder) == MUSIC
    assert skipped.counts == {"larger than 0 MiB": 1}


def test_a_score_is_no_archive():
    assert not is_archive("a.mxl")
    assert [archive_stem(name) for name in ("lmd_full.tar.gz", "A.ZIP", ".zip", "x.TGZ")] == ["lmd_full", "A", ".zip", "x"]
