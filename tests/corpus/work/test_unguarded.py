import pytest

from musicvae.corpus.options import BuildOptions
from musicvae.corpus.tunes import SourceFile
from musicvae.corpus.work import guard as guarding
from musicvae.corpus.work.guard import Guard
from musicvae.corpus.work.results import pack_result
from musicvae.music.melody import Melody


@pytest.fixture
def files(tmp_path):
    for k in range(3):
        Melody.from_beats([(60 + (i * (k + 3)) % 12, i, 1) for i in range(32)], num_bars=8).write(tmp_path / f"{k}.mid")
    (tmp_path / "broken.mid").write_bytes(b"not music")
    (tmp_path / "two.abc").write_text("X:1\nT:a\nM:4/4\nL:1/4\nK:C\n" + "CDEF|" * 4 + "\n\nX:2\nT:b\nM:9/8\nL:1/8\nK:G\nGGG GGG GGG|\n")
    names = [*sorted(p.name for p in tmp_path.iterdir()), "gone.mid"]
    return [SourceFile("s", name, str(tmp_path / name)) for name in names]


def told(results):
    return [(words, {name: array.tolist() for name, array in arrays.items()}) for words, arrays in map(pack_result, results)]


def test_without_a_guard_well_behaved_readers_give_the_same(files, monkeypatch, caplog):
    with Guard() as guard:
        guarded = told(guard.read_all(files, BuildOptions()))
    monkeypatch.setattr(guarding, "CAN_GUARD", False)
    with Guard() as guard:
        assert told(guard.read_all(files, BuildOptions())) == guarded
    assert "files are read without a guard on this platform" in caplog.text
    assert [len(words["tunes"]) for words, _ in guarded] == [1, 1, 1, 0, 1, 0]
