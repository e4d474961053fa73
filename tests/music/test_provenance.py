import hashlib
import io
import json
from dataclasses import replace
from pathlib import Path

import mido
import numpy as np
import pytest

from musicvae.music.extract import read_melody
from musicvae.music.key import Key
from musicvae.music.melody import Melody, Note
from musicvae.music.meter import Meter
from musicvae.music.midi import midi_bytes, score_from_bytes, write_midi
from musicvae.music.provenance import fingerprint, inputs_of, provenance_of

SONG = Melody((Note(62, 0, 4), Note(65, 4, 8)), meter=Meter(3, 4), num_bars=2, key=Key.parse("D dorian"), name="Tune")


def test_unusual_provenance():
    melody = replace(SONG, provenance={"a": np.float64(0.5), "b": np.arange(2), "c": {"d": Path("x")}, "melody": "lost"})
    (entry,) = provenance_of(score_from_bytes(midi_bytes([melody])))
    assert entry == {"a": 0.5, "b": [0, 1], "c": {"d": "x"}, "melody": {"bars": 2, "key": "D dorian"}}
    with pytest.raises(ValueError, match="provenance of 'Tune' cannot be kept as JSON"):
        midi_bytes([replace(SONG, provenance={"x": float("nan")})])


@pytest.mark.parametrize(
    "text", ["musicvae ", "musicvae 3", "musicvae {", 'musicvae {"melody": 3}', 'musicvae {"melody": {"key": 3}}', "musicvae " + "[" * 9999]
)
def test_foreign_text_that_looks_like_ours(text):
    file = mido.MidiFile(tracks=[mido.MidiTrack([mido.MetaMessage("text", text=text), mido.MetaMessage("key_signature", key="Am")])])
    buffer = io.BytesIO()
    file.save(file=buffer)
    score = score_from_bytes(buffer.getvalue())
    assert [str(change.key) for change in score.keys] == ["A minor"]
    assert score.texts == (text.strip(),)
    assert [entry for entry in provenance_of(score) if not isinstance(entry, dict)] == []


def test_a_fingerprint_is_of_the_music_alone():
    text = '[[[62, 0, 4, 90], [65, 4, 8, 90]], "3/4", 2, 120.0, "D dorian", 0]'
    assert fingerprint(SONG) == hashlib.sha256(text.encode()).hexdigest()[:12]
    assert fingerprint(replace(SONG, name="Other", provenance={"seed": 1}, tempo_qpm=120)) == fingerprint(SONG)
    same_numbers = tuple(Note(*map(np.int64, (n.pitch, n.onset_steps, n.duration_steps, n.velocity))) for n in SONG.notes)
    assert fingerprint(replace(SONG, notes=same_numbers)) == fingerprint(SONG)
    others = [
        replace(SONG, notes=SONG.notes[:1]), replace(SONG, meter=Meter(6, 8)), replace(SONG, num_bars=3), replace(SONG, tempo_qpm=121),
        replace(SONG, key=None), replace(SONG, program=1),
    ]  # fmt: skip
    assert len({fingerprint(melody) for melody in (SONG, *others)}) == 7
    assert inputs_of(SONG) == [{"name": "Tune", "fingerprint": fingerprint(SONG)}]


def test_json_is_compact_sorted_ascii():
    score = score_from_bytes(midi_bytes([replace(SONG, name="Ü", provenance={"z": "é", "a": 1})]))
    text = score.texts[0].removeprefix("musicvae ")
    assert text.isascii()
    assert text == json.dumps(json.loads(text), sort_keys=True, separators=(",", ":"))


def test_silent_bars_at_the_end_come_back(tmp_path: Path) -> None:
    melody = Melody.from_beats([(60, 0, 1)], num_bars=5, meter=Meter(3, 4))
    assert read_melody(write_midi([melody], tmp_path / "rests.mid"))[0].num_bars == 5
