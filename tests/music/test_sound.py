import wave
from dataclasses import replace

import numpy as np
import pytest

from musicvae.music.melody import Melody, Note
from musicvae.music.meter import Meter
from musicvae.music.percussion import strike
from musicvae.music.piece import Piece
from musicvae.music.score import Score, ScoreNote, TempoChange, Track
from musicvae.music.sound import SAMPLE_RATE, render, write_wav
from musicvae.music.vocabulary import from_tokens

TUNE = Melody((Note(69, 0, 4), Note(81, 8, 4, 40), Note(60, 14, 2)), num_bars=1, tempo_qpm=120)


def read_wav(path):
    with wave.open(str(path), "rb") as file:
        assert (file.getnchannels(), file.getsampwidth(), file.getframerate()) == (1, 2, 44_100)
        return np.frombuffer(file.readframes(file.getnframes()), "<i2")


def test_the_file_holds_the_rendered_samples(tmp_path):
    path = write_wav(TUNE, tmp_path / "a.wav")
    samples = read_wav(path)
    assert path == tmp_path / "a.wav"
    assert np.abs(samples / 32767 - render(TUNE)).max() <= 0.5 / 32767 + 1e-12
    # 4 beats at 120 are 2 seconds, and a little for the last note to end
    assert 2 <= len(samples) / SAMPLE_RATE <= 2.5
    assert np.abs(samples).max() == round(0.8 * 32767)


@pytest.mark.parametrize(("pitch", "hertz"), [(69, 440.0), (60, 261.6256), (21, 27.5), (108, 4186.009), (45, 110.0)])
def test_the_pitch_is_the_one_of_equal_temperament(pitch, hertz):
    samples = render(Melody((Note(pitch, 0, 16),), num_bars=1, tempo_qpm=60))
    spectrum = np.abs(np.fft.rfft(samples * np.hanning(len(samples))))
    frequencies = np.fft.rfftfreq(len(samples), 1 / SAMPLE_RATE)
    assert frequencies[spectrum.argmax()] == pytest.approx(hertz, abs=0.4)


def test_nothing_above_half_the_sample_rate_folds_back():
    samples = render(Melody((Note(127, 0, 16),), num_bars=1))
    spectrum = np.abs(np.fft.rfft(samples * np.hanning(len(samples))))
    frequencies = np.fft.rfftfreq(len(samples), 1 / SAMPLE_RATE)
    # of 12,543.9 Hz only the fundamental fits below 22,050 Hz
    assert spectrum[frequencies < 12_000].max() < 1e-3 * spectrum.max()


def test_notes_sound_when_they_should_and_rests_are_silent():
    samples = render(TUNE)
    step = SAMPLE_RATE // 8
    loud = [np.abs(samples[i * step : (i + 1) * step]).max() > 0.01 for i in range(16)]
    # step 4 and 12 hold the short release of the note before
    assert [heard for i, heard in enumerate(loud) if i not in (4, 12)] == [
        i < 4 or 8 <= i < 12 or i >= 14 for i in range(16) if i not in (4, 12)
    ]
    assert np.abs(samples[-100:]).max() == 0
    assert np.abs(np.diff(samples)).max() < 0.2  # nothing clicks


def test_louder_notes_are_louder():
    loud, soft = (np.abs(render(TUNE)[left * SAMPLE_RATE // 8 :][: SAMPLE_RATE // 2]).max() for left in (0, 8))
    assert soft < 0.5 * loud
    alone = render(replace(TUNE, notes=(Note(69, 0, 4, 1),)))
    assert np.abs(alone).max() == pytest.approx(0.8)


def test_a_melody_without_notes_is_silence(tmp_path):
    samples = read_wav(write_wav(Melody((), Meter(6, 8), 2), tmp_path / "a.wav"))
    assert len(samples) > 3 * SAMPLE_RATE
    assert not samples.any()


def test_same_bytes_and_no_overwriting(tmp_path):
    first, second = write_wav(TUNE, tmp_path / "a.wav"), write_wav(TUNE, tmp_path / "b.wav")
    assert first.read_bytes() == second.read_bytes()
    with pytest.raises(FileExistsError, match="use --force"):
        write_wav(TUNE, first)
    write_wav(replace(TUNE, notes=()), first, force=True)
    assert not read_wav(first).any()


def test_hours_are_refused_before_any_memory_is_taken(tmp_path):
    with pytest.raises(ValueError, match="lasts 4000000 seconds; sound is made of up to 1200"):
        write_wav(Melody((), num_bars=1_000_000, tempo_qpm=60), tmp_path / "a.wav")
    assert not list(tmp_path.iterdir())


def beat(*steps, offset=0.0):
    velocity, late = np.zeros((1, 16, 9)), np.zeros((1, 16, 9))
    for step in steps:
        velocity[0, step, 0] = 100
        late[0, step, 0] = offset
    return Piece("groove", {"bars": velocity, "offsets": late}, tempo_qpm=120)


def begins(samples):
    return float(np.flatnonzero(np.abs(samples) > 1e-4)[0]) / SAMPLE_RATE


def test_a_piece_sounds_where_it_is_played():
    on_time, late, early = (render(beat(0, 4, offset=offset)) for offset in (0, 0.25, -0.25))
    assert begins(on_time) < 0.002
    assert begins(late) - begins(on_time) == pytest.approx(0.25 * 0.125, abs=1e-4)
    # An early first hit is heard at once, and so all is as long as the hit is early.
    assert begins(early) < 0.002
    assert len(early) - len(on_time) == pytest.approx(0.25 * 0.125 * SAMPLE_RATE, abs=1)
    assert np.abs(on_time).max() == pytest.approx(0.8)


def test_a_piece_of_a_melody_sounds_like_the_melody():
    tokens = np.zeros((1, 16), np.uint8)
    tokens[0, [0, 4, 6]] = 60 - 19, 1, 72 - 19
    np.testing.assert_allclose(render(Piece("melody", {"bars": tokens})), render(from_tokens(tokens, Meter(4, 4))), atol=1e-12)


def test_a_band_is_its_parts_together(tmp_path):
    melody, bass = np.zeros((1, 16), np.uint8), np.zeros((1, 16), np.uint8)
    melody[0, 0], bass[0, 8] = 50, 20
    trio = Piece("trio", {"bars": melody, "bass": bass, "drums": np.full((1, 16), 3)})
    samples = render(trio)
    assert 2 <= len(samples) / SAMPLE_RATE <= 2.5
    written = read_wav(write_wav(trio, tmp_path / "trio.wav"))
    assert np.abs(written / 32767 - samples).max() <= 0.5 / 32767 + 1e-12
    assert not render(Piece("drums", {"bars": np.zeros((1, 16))})).any()
    with pytest.raises(ValueError, match="the piece lasts 24000 seconds"):
        render(Piece("drums", {"bars": np.zeros((1, 16))}, tempo_qpm=0.01))


@pytest.mark.parametrize("pitch", [36, 38, 42, 46, 45, 48, 50, 49, 51, 60, 0, 127])
def test_every_drum_has_a_sound_that_fades_and_is_always_the_same(pitch):
    sound = strike(pitch, SAMPLE_RATE)
    assert np.abs(sound).max() <= 1.5
    assert np.abs(sound[:2000]).max() > 0.05
    assert np.abs(sound[-100:]).max() < 0.1 * np.abs(sound).max()
    np.testing.assert_array_equal(sound, strike(pitch, SAMPLE_RATE))


def test_a_kick_is_low_and_a_hi_hat_high():
    def middle(pitch):
        sound = strike(pitch, SAMPLE_RATE)
        power = np.abs(np.fft.rfft(sound)) ** 2
        return float((np.fft.rfftfreq(len(sound), 1 / SAMPLE_RATE) * power).sum() / power.sum())

    assert middle(36) < 200 < 2000 < middle(38) < middle(42)


def test_a_score_sounds_through_its_changes_of_tempo():
    notes = tuple(ScoreNote(tick, 60, 50, 100) for tick in (0, 100, 200))
    score = Score(100, (Track(notes), Track((ScoreNote(200, 36, 10, 100),), is_drum=True)), (TempoChange(0, 60.0), TempoChange(100, 120.0)))
    samples = render(score)
    assert len(samples) == round((1 + 0.75 + 0.25) * SAMPLE_RATE)
    alone = render(Score(100, (Track(notes[:1]),), (TempoChange(0, 60.0),)))
    first = samples[: round(0.5 * SAMPLE_RATE)]
    assert first / np.abs(first).max() == pytest.approx(alone[: len(first)] / np.abs(alone[: len(first)]).max())
    quiet = samples[round(0.9 * SAMPLE_RATE) : round(0.99 * SAMPLE_RATE)]
    assert np.abs(quiet).max() < 0.01 * np.abs(samples).max()
    assert np.abs(samples[round(1.5 * SAMPLE_RATE) :][: SAMPLE_RATE // 20]).max() > 0.3
