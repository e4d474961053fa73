import gzip
import io
import tarfile

import numpy as np
import pytest

from musicvae.model.imports import files
from musicvae.model.imports.files import Region, open_files


def archive(path, members):
    with tarfile.open(path, "w") as out:
        for name, data in members.items():
            info = tarfile.TarInfo(name)
            info.size = len(data)
            out.addfile(info, io.BytesIO(data))
    return path


def test_a_region_is_read_in_parts(tmp_path):
    (tmp_path / "data").write_bytes(bytes(range(100)))
    region = Region(tmp_path / "data", 10, 50)
    np.testing.assert_array_equal(region.read(), np.arange(10, 60))
    np.testing.assert_array_equal(region.read(45, 5), np.arange(55, 60))
    for start, count in ((-1, 3), (0, 51), (50, 1), (3, -1)):
        with pytest.raises(ValueError, match="data has 50 bytes; bytes .* are not there"):
            region.read(start, count)
    (tmp_path / "data").write_bytes(bytes(20))
    with pytest.raises(ValueError, match="data became shorter"):
        region.read()


def test_members_of_an_archive_are_read_in_place(tmp_path):
    path = archive(tmp_path / "x.tar", {"run/a.index": b"index", "run/a.data": b"data", "other/readme": b"-"})
    with open_files(path) as found:
        assert sorted(found.regions) == ["a.data", "a.index"]
        assert found["a.data"].read().tobytes() == b"data"
        with pytest.raises(FileNotFoundError, match=r"b\.data is missing in .*x\.tar"):
            found["b.data"]


def test_nothing_of_a_packed_archive_stays(tmp_path, monkeypatch):
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    path = archive(tmp_path / "x.tar", {"a.index": b"index"})
    path.write_bytes(gzip.compress(path.read_bytes()))
    with open_files(path) as found:
        assert found["a.index"].read().tobytes() == b"index"
        assert len(list(tmp_path.iterdir())) == 2
    assert list(tmp_path.iterdir()) == [path]


def test_an_archive_that_unpacks_without_end(tmp_path, monkeypatch):
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    monkeypatch.setattr(files, "_MOST_UNPACKED_BYTES", 1 << 20)
    path = tmp_path / "bomb.tar.gz"
    path.write_bytes(gzip.compress(bytes(8 << 20)))
    with pytest.raises(ValueError, match="unpacks to more than 0 GiB"), open_files(path):
        pass
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize("size", [-512, -(1 << 40), 1 << 60])
def test_sizes_that_would_lead_in_circles_or_nowhere(tmp_path, size):
    path = archive(tmp_path / "x.tar", {"a.index": b"index", "b.index": b"index"})
    data = bytearray(path.read_bytes())
    # The size in base 256, as headers of large files have it, and the header's checksum.
    data[124:136] = (size & (1 << 96) - 1 | (0x80 << 88 if size > 0 else 0)).to_bytes(12, "big")
    data[148:156] = b" " * 8
    data[148:156] = b"%06o\0 " % sum(data[:512])
    path.write_bytes(data)
    with pytest.raises(ValueError, match="no readable tar archive"), open_files(path):
        pass


def test_a_member_cut_short(tmp_path):
    path = archive(tmp_path / "x.tar", {"a.index": bytes(5000)})
    path.write_bytes(path.read_bytes()[:3000])
    with pytest.raises(ValueError, match="no readable tar archive"), open_files(path):
        pass


def test_more_members_than_any_archive_of_weights_has(tmp_path, monkeypatch):
    monkeypatch.setattr(files, "_MOST_MEMBERS", 3)
    path = archive(tmp_path / "x.tar", {f"{n}.index": b"" for n in range(5)})
    with pytest.raises(ValueError, match="more than 3 files"), open_files(path):
        pass
