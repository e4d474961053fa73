from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import numpy as np
import pytest
from compose.fake_engine import FakeEngine, same_music, tune

from musicvae.compose.code import Code
from musicvae.compose.intake import read
from musicvae.compose.model import Model
from musicvae.compose.styles import StyleVector, save_styles
from musicvae.model.noise import piece_seed
from musicvae.music.key import Key
from musicvae.music.meter import Meter
from musicvae.music.midi import midi_bytes
from musicvae.music.provenance import fingerprint

ENGINE = FakeEngine(lossy=0.5)


def vector(name, index=1, **fields):
    direction = np.zeros(516)
    direction[index] = 0.25
    return StyleVector(name=name, direction=direction, model_hash="fake", **fields)


@pytest.fixture
def model(tmp_path):
    vectors = [
        vector("jig", meter=Meter(6, 8), tempo_qpm=110.0),
        vector("waltz", meter=Meter(3, 4)),
        vector("march", 3, meter=Meter(2, 2)),
        vector("high", attribute="pitch-mean"),
    ]
    save_styles(vectors, tmp_path / "melody.styles.safetensors")
    return Model(ENGINE, name="melody", path=tmp_path / "melody.safetensors", styles_folder=tmp_path / "own")


def test_one_call_makes_a_melody(model):
    melody = model.generate(seed=1)
    assert melody.num_bars == 16
    assert melody.tempo_qpm == 120
    assert str(melody.meter) == "4/4"
    assert melody.key is not None
    assert melody.provenance == {
        "made_by": "generate", "model": "melody", "hash": "fake", "seed": 1, "bars": 16, "temperature": 1.0, "meter": "4/4",
        "tempo_qpm": 120.0,
    }  # fmt: skip


def test_a_result_can_be_made_again_from_its_provenance(model):
    options = {"bars": 20, "temperature": 0.8, "style": {"jig": 0.5, "high": -1.0}, "key": "D dorian", "tempo_qpm": 96}
    for piece in model.generate_many(3, **options, seed=9):
        said = {k: piece.provenance[k] for k in ("bars", "temperature", "style", "key", "tempo_qpm", "meter", "seed")}
        assert model.generate(**said) == piece
    drawn = model.generate()
    assert model.generate(seed=drawn.provenance["seed"]) == drawn


def test_bytes_do_not_depend_on_how_many_are_made(model):
    many = model.generate_many(70, 4, seed=3)
    assert [m.provenance["seed"] for m in many] == [piece_seed(3, k) for k in range(70)]
    for k in (0, 1, 69):
        assert midi_bytes([model.generate(4, seed=piece_seed(3, k))]) == midi_bytes([many[k]])


def test_key_and_tempo_are_met(model):
    melody = model.generate(8, seed=2, key="Bb", tempo_qpm=96)
    assert (melody.key, melody.tempo_qpm) == (Key.parse("Bb"), 96)


def test_a_style_brings_its_meter_and_tempo(model):
    jig = model.generate(8, seed=2, style="jig")
    assert (str(jig.meter), jig.tempo_qpm) == ("6/8", 110)
    assert model.generate(8, seed=2, style="jig", tempo_qpm=90).tempo_qpm == 90
    assert str(model.generate(8, seed=2, style="march").meter) == "2/2"
    assert str(model.generate(8, seed=2, style="march", meter="2/4").meter) == "2/4"
    assert str(model.generate(8, seed=2, style={"jig": -1.0}).meter) == "4/4"
    plain, high = (model.generate(8, seed=2, style=s, temperature=0) for s in (None, "high"))
    assert [n.pitch for n in high.notes] == [n.pitch + 3 for n in plain.notes]


def test_contradictions_say_so(model):
    with pytest.raises(ValueError, match="style 'jig' is in 6/8, but meter 3/4 was asked for: leave the meter out"):
        model.generate(style="jig", meter="3/4")
    with pytest.raises(ValueError, match=r"contradict each other \(jig in 6/8, waltz in 3/4\)"):
        model.generate(style={"jig": 1, "waltz": 0.5})


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"bars": 0}, "bars must be"), ({"bars": 10_001}, "bars must be"), ({"temperature": 11}, "temperature must be"),
        ({"tempo_qpm": 0}, "tempo must be"), ({"meter": "5/4"}, "has no grid"), ({"key": "H"}, "is no key"), ({"seed": -1}, "seed must be"),
        ({"style": "gigue"}, "unknown style 'gigue'.*known are high, jig"), ({"style": {"jig": float("nan")}}, "strength of style 'jig'"),
        ({"prior_temperature": -1}, "prior_temperature must be"),
    ],
)  # fmt: skip
def test_bad_wishes_are_refused(model, options, message):
    with pytest.raises(ValueError, match=message):
        model.generate(**options)
    with pytest.raises(ValueError, match="n must be"):
        model.generate_many(0)


def test_melodies_survive_a_file(model, tmp_path):
    piece = model.generate(8, seed=4)
    path = piece.write(tmp_path / "x.mid")
    assert same_music(model.reconstruct(path, refine=30), piece)


def test_encoding_and_decoding(model, tmp_path):
    melody = tune(1, 20, shift=4, program=7, tempo_qpm=88.0)
    code = model.encode(melody, refine=30)
    again = model.decode(Code.load(code.save(tmp_path / "x.npz")))
    assert replace(again, provenance={}) == melody
    heard = model.reconstruct(melody, refine=30)
    assert replace(heard, provenance={}) == melody
    assert heard.provenance["inputs"] == [{"name": melody.name, "fingerprint": fingerprint(melody)}]
    assert again.provenance["refine"] == 30
    assert code.notices


def test_blending_takes_files_and_tells_about_them(model, tmp_path):
    a, b = tune(1).write(tmp_path / "a.mid"), tune(2, 8, shift=5)
    path = model.interpolate(a, b, steps=3, seed=4)
    assert len(path) == 3
    assert path.notices[0].startswith("a.mid: track 1")
    assert "B was played 2 times to fill 16 bars" in path.notices
    assert same_music(path[0], model.reconstruct(tune(1)))
    assert path[1].provenance["seed"] == 4
    assert path[1].provenance["step"] == 2
    given = [{"name": "Melody", "fingerprint": fingerprint(x)} for x in (read(a), b)]
    assert [piece.provenance["inputs"] for piece in path] == [given] * 3


def test_styles_are_applied(model):
    melody = tune(1)
    assert model.style("high").apply(melody, 0) is melody
    assert model.restyle(melody, {"high": 0.0, "jig": 0}) is melody
    moved = model.style("high").apply(melody, 1.0, refine=30)
    assert [n.pitch for n in moved.notes] == [n.pitch + 3 for n in melody.notes]
    assert moved.provenance["style"] == {"high": 1.0}
    assert moved.provenance["inputs"] == [{"name": "Melody", "fingerprint": fingerprint(melody)}]
    assert replace(model.restyle(melody, {"high": 1.0}, refine=30), provenance={}) == replace(moved, provenance={})
    with pytest.raises(ValueError, match="did you mean 'high'"):
        model.restyle(melody, "higher")
    with pytest.raises(ValueError, match="no style was given"):
        model.restyle(melody, {})


def test_styles_are_learnt_kept_and_found(model, tmp_path):
    style = model.learn_style("busy", [tune(s, 8, rate=0.6) for s in range(6)], versus=[tune(s, 8, rate=0.2) for s in range(6)])
    assert style.path == tmp_path / "own" / "fake" / "busy.safetensors"
    assert {s.name for s in model.styles()} == {"high", "jig", "march", "waltz", "busy"}
    np.testing.assert_array_equal(model.style("busy").vector.direction, style.vector.direction)
    np.testing.assert_array_equal(model.style(style.path).vector.direction, style.vector.direction)
    effects = model.style("busy").report["effects"]["density"]["moves"]
    assert effects[1] < effects[2] < effects[3]
    assert style.notices == ("learnt from 6 passages only: too few to tell the style from the tunes; give it thirty",)
    away = model.learn_style("busy", [tune(3)], path=tmp_path / "busy.safetensors")
    assert away.path == tmp_path / "busy.safetensors"
    assert model.learn_style("gone", [tune(3)], keep=False).path is None


def test_an_attribute_is_learnt_from_a_folder(model, tmp_path):
    (tmp_path / "tunes").mkdir()
    for seed in range(9):
        tune(seed, 8).write(tmp_path / "tunes" / f"{seed}.mid")
    told = []
    style = model.learn_style("higher", tmp_path / "tunes", attribute="pitch-mean", method="difference", progress=told.append)
    assert style.notices == (f"9 melodies were found in {tmp_path / 'tunes'}",)
    assert told[:2] == ["reading melodies", "encoding 9 melodies"]
    assert told[2].startswith("calibrating on ")
    assert style.name == "higher"
    assert style.vector.attribute == "pitch-mean"


def test_learning_says_what_it_needs(model, tmp_path):
    with pytest.raises(ValueError, match="say what to learn from"):
        model.learn_style("x")
    with pytest.raises(ValueError, match="leave versus out, or the attribute"):
        model.learn_style("x", [tune(1)], versus=[tune(2)], attribute="density")
    with pytest.raises(ValueError, match="style name 'a/b'"):
        model.learn_style("a/b", [tune(1)])


def test_threads_share_a_model(model):
    def work(seed):
        return model.generate(8, seed=seed, style="high"), model.interpolate(tune(seed), tune(seed + 1), steps=3).melodies

    expected = [work(seed) for seed in range(6)]
    with ThreadPoolExecutor(4) as pool:
        assert list(pool.map(work, range(6))) == expected
