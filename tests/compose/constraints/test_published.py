"""Imported networks of fixed windows, for which nothing here was made: tiny ones, with weights that were thrown."""

from dataclasses import replace

import pytest
import torch

from musicvae.compose.constraints.constraints import Constraints
from musicvae.compose.model import Model
from musicvae.model.published.engine import PublishedEngine
from musicvae.model.published.melody_engine import MelodyEngine
from musicvae.model.published.presets import PUBLISHED
from musicvae.model.published.vae import PublishedVAE
from musicvae.model.weights import PublishedBundle
from musicvae.music.melody import Melody
from musicvae.music.meter import Meter

FOUR = Meter(4, 4)


def made(name, **numbers):
    config = PUBLISHED[name].config
    sizes = {part: tuple(8 for _ in getattr(config, part)) for part in ("encoder_sizes", "conductor_sizes", "decoder_sizes")}
    config = replace(config, **sizes, z_size=6, **numbers)
    with torch.random.fork_rng():
        torch.manual_seed(0)
        vae = PublishedVAE(config).eval()
        with torch.no_grad():
            for parameter in vae.parameters():
                parameter.copy_(torch.randn(parameter.shape) * 0.3)
    return Model(MelodyEngine(PublishedEngine(PublishedBundle(vae, config, {}, "0123456789ab"))), name=name)


@pytest.mark.parametrize("name", ["cat-mel_2bar_small", "hierdec-mel_16bar", "cat-mel_2bar_med_chords"])
def test_every_exact_demand_holds_across_windows(name):
    rhythm = Melody.from_beats([(60, 0, 1.5), (60, 1.5, 2), (60, 6, 4), (60, 11, 0.5)], num_bars=3)
    asked = Constraints.of(scale="D", range="C4-D5", rhythm=rhythm, notes="1:1:F#4:1.5 5:3:A4")
    model = made(name)
    piece = model.generate(20, seed=2, chords="D G A7 D", constraints=asked)
    assert asked.over(FOUR, 20).broken(piece) == ()
    assert model.generate(20, seed=2, chords="D G A7 D", constraints=asked).notes == piece.notes
    if not model.engine.config.takes_chords:
        keyed = model.generate(6, seed=2, key="E", constraints=Constraints.of(longest=0.5))
        assert {note.pitch % 12 for note in keyed.notes} <= {4, 6, 8, 9, 11, 1, 3}
        assert max(note.duration for note in keyed.notes) <= 0.5


@pytest.mark.parametrize("asked", [{"range": "C6-C7"}, {"scale": "C#"}, {"rhythm": Melody.from_beats([(60, 0.5, 1)], num_bars=1)}])
def test_repairs_keep_to_every_exact_demand(asked):
    melody = Melody.from_beats([(60 + beat % 5, beat, 1) for beat in range(32)], num_bars=8)
    constraints = Constraints.of(**asked)
    mended = made("hierdec-mel_16bar").repair(melody, "3-4", constraints=constraints)
    inside = [note for note in mended.notes if 32 <= note.onset_steps < 64]
    assert inside
    assert [note for note in mended.notes if note not in inside] == [n for n in melody.notes if not 32 <= n.onset_steps < 64]
    part = replace(mended, notes=tuple(inside)).cut(2, 2)
    assert constraints.over(FOUR, 2).broken(part) == ()


def test_what_a_narrow_network_cannot_write_is_refused():
    model = made("cat-mel_2bar_small", outputs=(38,), input_depth=38, min_pitch=48)
    for asked in ({"range": "C2-B2"}, {"notes": "1:1:C6"}):
        with pytest.raises(ValueError, match="(every note that is allowed|the note C6 that must be there) lies outside C3 to B5"):
            model.generate(2, seed=1, constraints=Constraints.of(**asked))
    piece = model.generate(2, seed=1, constraints=Constraints.of(range="B2-D3", rhythm=Melody.from_beats([(60, 0, 4)], num_bars=1)))
    assert {note.pitch for note in piece.notes} <= {48, 49, 50}
