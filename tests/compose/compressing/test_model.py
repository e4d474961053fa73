"""Through the public functions, with a tiny untrained network."""

import numpy as np
import pytest
import torch

import musicvae
from musicvae.compose.compressing import container
from musicvae.compose.compressing import model as compressing
from musicvae.compose.compressing.lossy import Sketch
from musicvae.compose.compressing.packing import pack, unpack
from musicvae.compose.intake import take
from musicvae.model.config import PRESETS
from musicvae.model.integer.network import IntegerNetwork
from musicvae.model.prior import BarPrior
from musicvae.model.vae import MelodyVAE
from musicvae.model.weights import save_model
from musicvae.music.melody import Melody
from musicvae.music.meter import Meter
from musicvae.music.midi import midi_bytes
from musicvae.music.vocabulary import canonical_tokens, from_tokens

ABC = "X:1\nT:Scale\nM:3/4\nL:1/8\nK:G\nGABcde|f2g4|GABcde|g6|\n"


@pytest.fixture(scope="module")
def path(tmp_path_factory):
    with torch.random.fork_rng():
        torch.manual_seed(0)
        networks = MelodyVAE(PRESETS["tiny"]), BarPrior(PRESETS["tiny"])
    return save_model(tmp_path_factory.mktemp("model") / "tiny.safetensors", *networks, metadata={})


@pytest.fixture(scope="module")
def tune():
    notes = [(60 + (i * 7 + i // 5) % 13, i, 1, 80) for i in range(32)]
    return Melody.from_beats(notes, num_bars=8, meter=Meter(4, 4), tempo_qpm=96, program=24)


def test_a_melody_comes_back_as_the_file_that_it_would_be(path, tune):
    data = musicvae.compress(tune, model=path)
    assert musicvae.expand(data, model=path) == midi_bytes([tune])


def test_a_loaded_model_has_the_same_answer(path, tune):
    model = musicvae.load(path)
    data = model.compress(tune)
    assert data == musicvae.compress(tune, model=path)
    assert model.expand(data) == midi_bytes([tune])


def test_other_music_is_made_midi_first(path, tmp_path):
    (tmp_path / "scale.abc").write_text(ABC)
    data = musicvae.expand(musicvae.compress(tmp_path / "scale.abc", model=path))
    (tmp_path / "scale.mid").write_bytes(data)
    assert [n.pitch for n in take(tmp_path / "scale.mid").melody.notes] == [n.pitch for n in take(tmp_path / "scale.abc").melody.notes]


def test_models_are_found_by_hash(path, tune, monkeypatch):
    network = IntegerNetwork.load(path)
    data = pack(midi_bytes([tune]), network, way=container.WITH_MODEL).data
    with pytest.raises(ValueError, match=f"packed with model {network.hash[:6]}, which is not installed"):
        musicvae.expand(data)
    monkeypatch.setattr(compressing, "available_models", lambda: [musicvae.compose.model.ModelInfo("tiny", path, "")])
    assert musicvae.expand(data) == midi_bytes([tune])


def test_another_model_is_refused(path, tune, tmp_path):
    other = tmp_path / "other.safetensors"
    with torch.random.fork_rng():
        torch.manual_seed(1)
        save_model(other, MelodyVAE(PRESETS["tiny"]), BarPrior(PRESETS["tiny"]), metadata={})
    data = pack(midi_bytes([tune]), IntegerNetwork.load(path), way=container.WITH_MODEL).data
    with pytest.raises(ValueError, match="give the one that packed it"):
        musicvae.expand(data, model=other)
    # Under its name, as if two models had one hash: what comes out is noticed not to be what went in.
    with pytest.raises(ValueError, match=r"not what was packed|makes no sense"):
        unpack(data, lambda digest: IntegerNetwork.load(other))


@pytest.mark.parametrize("bits", [5000, 60])
def test_few_bits_keep_an_idea(path, tune, bits):
    data = musicvae.compress(tune, model=path, bits=bits)
    assert len(data) <= bits / 8 + 40
    (path.parent / "sketch.mid").write_bytes(musicvae.expand(data, model=path))
    sketch = take(path.parent / "sketch.mid").melody if bits > 1000 else None
    assert sketch is None or (sketch.tempo_qpm, sketch.meter) == (96, Meter(4, 4))


def test_a_sketch_is_decoded_as_torch_would(path):
    network, engine = IntegerNetwork.load(path), musicvae.load(path).engine
    config, bars, step = engine.config, 6, 8  # of 1
    chance = np.random.default_rng(0)
    sizes = [config.z_global, *[config.z_bar] * bars]
    blocks = tuple(tuple(chance.integers(-2, 3, size).tolist()) for size in sizes)
    z = np.zeros((1, config.z_size))
    z[0, : config.z_used(bars)] = [number for block in blocks for number in block]
    expected = from_tokens(canonical_tokens(engine.decode(z, bars=bars, kind=0, temperature=0)[0]), Meter(4, 4)).notes
    found = Sketch(Meter(4, 4), bars, 500_000, 0, 0, 90, step, (blocks,)).melody(network).notes
    assert len(expected) > 2
    same = {(n.pitch, n.onset_steps) for n in expected} & {(n.pitch, n.onset_steps) for n in found}
    assert len(same) > 0.9 * max(len(expected), len(found))


@pytest.mark.parametrize(("bits", "said"), [(0, "at least"), (-1, "whole number"), (True, "whole number"), (1.5, "whole number")])
def test_bits_that_cannot_be(path, tune, bits, said):
    with pytest.raises(ValueError, match=said):
        musicvae.compress(tune, model=path, bits=bits)


def test_a_way_that_cannot_be(path):
    with pytest.raises(ValueError, match="no melody"):
        pack(b"no MIDI", IntegerNetwork.load(path), way=container.WITH_MODEL)


def test_a_damaged_sketch_is_refused(path, tune):
    data = musicvae.compress(tune, model=path, bits=200)
    for place in range(len(data)):
        damaged = bytearray(data)
        damaged[place] ^= 4
        with pytest.raises(ValueError, match=r"^[^\n]+$"):
            musicvae.expand(bytes(damaged), model=path)
