"""Pieces with real networks of every published configuration that is not of melodies, tiny and untrained, loaded from files."""

from dataclasses import replace

import numpy as np
import pytest
from compose.fake_piece_engine import piece

from musicvae.compose.model import load
from musicvae.compose.pieces.model import PieceModel
from musicvae.model.published.presets import PUBLISHED

KINDS = {
    "cat-drums_2bar_small": "drums", "nade-drums_2bar_reduced": "drums", "nade-drums_2bar_full": "full", "groovae_4bar": "groove",
    "groovae_2bar_humanize": "humanize", "groovae_2bar_tap_fixed_velocity": "tap", "groovae_2bar_add_closed_hh": "humanize",
    "groovae_2bar_hits_control_tfds": "hits", "flat-trio_16bar": "trio", "hierdec-trio_16bar": "trio", "hier-trio_16bar": "trio",
    "hier-multiperf_vel_1bar_med": "performance", "hier-multiperf_vel_1bar_med_chords": "performance-chords",
}  # fmt: skip


@pytest.fixture(scope="module")
def models(tmp_path_factory):
    """A model of each configuration, by its name."""
    import torch

    from musicvae.model.published.vae import PublishedVAE
    from musicvae.model.weights import save_model

    folder = tmp_path_factory.mktemp("models")

    def made(name):
        path = folder / f"{name}.safetensors"
        if not path.exists():
            full = PUBLISHED[name].config
            layers = {key: (6,) * len(getattr(full, key)) for key in ("encoder_sizes", "decoder_sizes", "conductor_sizes")}
            with torch.random.fork_rng(devices=()):
                torch.manual_seed(0)
                vae = PublishedVAE(replace(full, z_size=5, nade_size=min(full.nade_size, 4), **layers))
                with torch.no_grad():
                    for parameter in vae.parameters():
                        parameter.normal_(0, 0.4)  # so that different codes give different music
            save_model(path, vae, metadata={})
        return load(path)

    return made


# One of each way to decode; the others are further choices of the same parts.
QUICK = ("cat-drums_2bar_small", "nade-drums_2bar_full", "groovae_2bar_hits_control_tfds", "hierdec-trio_16bar")


@pytest.mark.parametrize(
    ("name", "kind"), [pytest.param(*pair, marks=() if pair[0] in QUICK else pytest.mark.slow) for pair in KINDS.items()]
)
def test_every_method_works_and_depends_on_nothing_but_its_inputs(name, kind, models, tmp_path):
    made = models(name)
    assert isinstance(made, PieceModel)
    told = {"hits": piece(kind, 3, 5)} if kind == "hits" else {"chords": "C Am"} if kind == "performance-chords" else {}
    bars = made.max_bars + 1
    two = made.generate_many(2, bars, seed=4, **told)
    assert [drawn.num_bars for drawn in two] == [bars] * 2
    assert made.generate(bars, seed=two[1].provenance["seed"], **told) == two[1]
    assert two[0] != two[1]
    path = piece(kind, 3, 1, tempo_qpm=90.0).write(tmp_path / "own.mid")
    other = piece(kind, 2, 2)
    code = made.encode(path, refine=1)
    assert code.num_bars == 3
    assert np.isfinite(code.mu).all()
    heard = made.decode(made.encode(path))
    assert heard == made.reconstruct(path)
    way = made.interpolate(path, other, 3, spacing="latent")
    assert [step.num_bars for step in way] == [3, 3, 3]
    assert way[0] == heard
    heard.write(tmp_path / "heard.mid")


def test_hits_are_those_asked_for_and_chords_matter(models):
    made = models("groovae_2bar_hits_control_tfds")
    code = made.encode(piece("hits", 2, 1))
    one, other = (made.decode(code, hits=piece("hits", 2, seed)) for seed in (2, 3))
    assert one != other
    chordal = models("hier-multiperf_vel_1bar_med_chords")
    assert chordal.generate(1, seed=1, chords="C") != chordal.generate(1, seed=1, chords="Fdim")


def test_styles_are_learnt_applied_and_reported(models, tmp_path):
    made = replace(models("cat-drums_2bar_small"), styles_folder=tmp_path)
    style = made.learn_style("mine", [piece("drums", 8, seed) for seed in range(3)], versus=[piece("drums", 8, 9)])
    assert set(style.report["effects"]) == {"density", "offbeat", "kick", "snare", "hats", "toms", "cymbals"}
    own = piece("drums", 5)
    assert made.restyle(own, {"mine": 0.0}) is own
    assert made.restyle(own, "mine").num_bars == 5
    plain = made.generate(8, seed=1)
    assert made.generate(8, seed=1, style={"mine": 0.0}) == plain
    assert made.generate(8, seed=1, style={"mine": 10.0}) != plain
