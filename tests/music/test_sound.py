import wave
from dataclasses import replace

import numpy as np
import pytest

from musicvae.music.melody import Melody, Note
from musicvae.music.meter import Meter
from musicvae.music.sound import SAMPLE_RATE, render, write_wav

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
