"""From a checkpoint on disk to a network in memory, for every published configuration."""

import gzip
import io
import math
import tarfile

import numpy as np
import pytest
import torch
from model.imports.maker import entry, field, state_of, table, tiny, variables, with_training_state, write_checkpoint, write_magenta_js
from safetensors.numpy import load_file

from musicvae.model.imports.importing import import_model
from musicvae.model.imports.layout import layout
from musicvae.model.published.presets import PUBLISHED
from musicvae.model.published.vae import PublishedVAE
from musicvae.model.weights import load_published, read_metadata, save_model

MELODY = "cat-mel_2bar_small"


@pytest.fixture
def out(tmp_path):
    return tmp_path / "model.safetensors"


@pytest.fixture
def checkpoint(tmp_path):
    """A tiny melody network with its optimiser's slots."""
    return write_checkpoint(tmp_path / "run", with_training_state(variables(tiny(MELODY))))


def same_state(bundle, config, tensors):
    expected = state_of(config, tensors)
    state = bundle.vae.state_dict()
    assert set(state) == set(expected)
    for name, values in expected.items():
        np.testing.assert_array_equal(state[name].numpy(), np.asarray(values, np.float64).astype(np.float32), err_msg=name)


@pytest.mark.parametrize("preset", PUBLISHED)
def test_every_preset_from_tensorflow(preset, tmp_path, out):
    config = tiny(preset)
    tensors = variables(config)
    done = import_model(write_checkpoint(tmp_path, with_training_state(tensors), shards=2), out, preset=preset)
    bundle = load_published(out)
    assert bundle.config == done.config == config
    assert done.parameters == sum(p.numel() for p in bundle.vae.parameters())
    assert done.skipped == {"optimiser slots": 2 * len(tensors) + 2, "counters": 1}
    same_state(bundle, config, tensors)


@pytest.mark.parametrize("preset", PUBLISHED)
def test_the_plan_names_every_tensor_of_the_network(preset):
    """At the published sizes too, where nothing is allocated."""
    config = PUBLISHED[preset].config
    with torch.device("meta"):
        state = PublishedVAE(config).state_dict()
    targets = [target for move in layout(config) for target in move.targets]
    assert dict(targets) == {name: tuple(values.shape) for name, values in state.items()}
    assert len(targets) == len(state)


def test_the_same_checkpoint_gives_the_same_file(checkpoint, tmp_path, out):
    import_model(checkpoint, out, preset=MELODY)
    again = import_model(checkpoint, tmp_path / "again.safetensors", preset=MELODY).path
    assert out.read_bytes() == again.read_bytes()
    bundle = load_published(out)
    assert save_model(tmp_path / "saved.safetensors", bundle.vae, metadata=bundle.metadata).read_bytes() == out.read_bytes()


def test_the_header_tells_the_story(checkpoint, out):
    import_model(checkpoint, out, preset=MELODY)
    header = read_metadata(out)
    assert header["network"] == "published"
    assert header["description"] == "2-bar melodies (cat-mel_2bar_small, imported)"
    assert header["source"] == {"format": "TensorFlow checkpoint", "file": "model.ckpt.index", "trained_steps": 25_000}
    assert str(out.parent) not in str(header)


def test_half_precision(checkpoint, tmp_path, out):
    import_model(checkpoint, out, preset=MELODY)
    half = import_model(checkpoint, tmp_path / "half.safetensors", preset=MELODY, half=True).path
    whole = load_file(out)
    for name, values in load_file(half).items():
        assert values.dtype == np.float16
        np.testing.assert_array_equal(values, whole[name].astype(np.float16))
    assert load_published(half).vae.encoder.mu.weight.dtype == torch.float32


def test_numbers_too_large_for_half_precision(tmp_path, out):
    tensors = variables(tiny(MELODY))
    tensors["encoder/mu/bias"][0] = 70_000
    with pytest.raises(ValueError, match=r"encoder\.mu\.bias holds numbers too large for half precision"):
        import_model(write_checkpoint(tmp_path / "run", tensors), out, preset=MELODY, half=True)
    assert not list(tmp_path.glob("*.safetensors"))
    assert not list(tmp_path.glob(".musicvae*"))


# -- where the path leads


@pytest.mark.parametrize("name", ["model.ckpt", "model.ckpt.index", "model.ckpt.data-00000-of-00001", ""])
def test_a_prefix_a_file_or_the_folder(checkpoint, out, name):
    assert import_model(checkpoint.parent / name, out, preset=MELODY).config == tiny(MELODY)


@pytest.mark.parametrize("packed", [False, True])
@pytest.mark.parametrize("folder", ["", "deep/er/", "../../"])
def test_an_archive(checkpoint, tmp_path, out, packed, folder):
    path = tmp_path / "weights.tar"
    with tarfile.open(path, "w") as archive:
        archive.add(checkpoint.parent / "model.ckpt.index", f"{folder}._model.ckpt.index")
        for file in sorted(checkpoint.parent.iterdir()):
            archive.add(file, f"{folder}{file.name}")
        link = tarfile.TarInfo(f"{folder}other.index")
        link.type, link.linkname = tarfile.SYMTYPE, "/etc/passwd"
        archive.addfile(link)
    if packed:
        path.write_bytes(gzip.compress(path.read_bytes()))
    before = {entry for entry in tmp_path.rglob("*")}
    import_model(path, out, preset=MELODY)
    same_state(load_published(out), tiny(MELODY), variables(tiny(MELODY)))
    assert {entry for entry in tmp_path.rglob("*")} == before | {out}


def test_the_last_of_several_checkpoints(tmp_path, out):
    config = tiny(MELODY)
    for step in (900, 1000, 2000):
        write_checkpoint(tmp_path / "run", variables(config, step), name=f"model.ckpt-{step}")
    done = import_model(tmp_path / "run", out, preset=MELODY)
    assert "holds 3 checkpoints; the last, model.ckpt-2000, was taken" in done.notices[0]
    same_state(load_published(out), config, variables(config, 2000))
    (tmp_path / "run" / "checkpoint").write_text('model_checkpoint_path: "/elsewhere/model.ckpt-900"\nall_model_checkpoint_paths: "x"\n')
    assert import_model(tmp_path / "run", out, preset=MELODY, force=True).metadata["source"]["file"] == "model.ckpt-900.index"
    write_checkpoint(tmp_path / "run", variables(config), name="other.ckpt")
    (tmp_path / "run" / "checkpoint").unlink()
    with pytest.raises(ValueError, match=r"holds several checkpoints .* name one, such as model\.ckpt-1000\.index"):
        import_model(tmp_path / "run", out, preset=MELODY, force=True)


@pytest.mark.parametrize(
    ("make", "error", "message"),
    [
        (lambda path: None, FileNotFoundError, r"thing does not exist, nor does thing\.index"),
        (lambda path: path.mkdir(), FileNotFoundError, r"holds no checkpoint: no \.index file and no weights_manifest\.json"),
        (lambda path: path.write_bytes(b""), ValueError, "is no checkpoint and no readable tar archive"),
        (lambda path: path.write_bytes(b"PK\x03\x04"), ValueError, "is a zip archive: unpack it"),
        (lambda path: path.write_bytes(b"\x1f\x8b\x08"), ValueError, "thing is damaged"),
        (lambda path: path.write_bytes(bytes(40) + b"\x57\xfb\x80\x8b\x24\x75\x47\xdb"), ValueError, "in one file, the format before 2017"),
        (lambda path: tarfile.open(path, "w").close(), ValueError, "holds no checkpoint: none of its 0 files"),
    ],
)  # fmt: skip
def test_paths_that_lead_nowhere(tmp_path, out, make, error, message):
    make(tmp_path / "thing")
    with pytest.raises(error, match=message):
        import_model(tmp_path / "thing", out, preset=MELODY)
    assert not out.exists()


def test_a_model_needs_no_import(checkpoint, out, tmp_path):
    import_model(checkpoint, out, preset=MELODY)
    with pytest.raises(ValueError, match="a model of musicvae needs no import"):
        import_model(out, tmp_path / "other.safetensors", preset=MELODY)


def test_an_archive_of_two_folders(tmp_path, out):
    path = tmp_path / "both.tar"
    with tarfile.open(path, "w") as archive:
        for name in ("a/x.index", "b/x.index"):
            archive.addfile(tarfile.TarInfo(name), io.BytesIO())
    with pytest.raises(ValueError, match=r"holds checkpoints in 2 folders \(a, b\)"):
        import_model(path, out, preset=MELODY)


def test_what_is_there_is_replaced_only_when_asked_to(checkpoint, out):
    out.write_bytes(b"precious")
    with pytest.raises(FileExistsError):
        import_model(checkpoint, out, preset=MELODY)
    assert out.read_bytes() == b"precious"
    shard = checkpoint.with_name("model.ckpt.data-00000-of-00001")
    shard.write_bytes(shard.read_bytes()[::-1])
    with pytest.raises(ValueError, match="does not match its checksum"):
        import_model(checkpoint, out, preset=MELODY, force=True)
    assert out.read_bytes() == b"precious"
    assert [path.name for path in out.parent.iterdir() if path.is_file()] == [out.name]


# -- what does not fit


def test_tensors_that_are_missing_unknown_or_of_another_shape(tmp_path, out):
    tensors = variables(tiny(MELODY))
    del tensors["encoder/sigma/bias"]
    tensors["encoder/extra"] = np.zeros(3, np.float32)
    tensors["decoder/output_projection/kernel"] = np.zeros((3, 90), np.float32)
    with pytest.raises(
        ValueError, match=r"does not fit cat-mel_2bar_small: missing: encoder/sigma/bias; unknown: encoder/extra; "
    ) as caught:
        import_model(write_checkpoint(tmp_path, tensors), out, preset=MELODY)
    assert "decoder/output_projection/kernel (3 x 90 instead of 6 x 90)" in str(caught.value)
    assert "no published configuration" in str(caught.value)


@pytest.mark.parametrize(
    ("made", "named"),
    [
        ("hier-mel_16bar", "hierdec-mel_16bar"), ("hierdec-mel_16bar", "hier-mel_16bar"), ("hierdec-trio_16bar", "flat-trio_16bar"),
        ("cat-mel_2bar_med_chords", "cat-mel_2bar_small"), ("nade-drums_2bar_full", "nade-drums_2bar_reduced"),
        ("cat-drums_2bar_small", "nade-drums_2bar_reduced"), ("groovae_2bar_hits_control_tfds", "groovae_4bar"),
        ("hier-multiperf_vel_1bar_med_chords", "hier-multiperf_vel_1bar_med"), ("flat-mel_16bar", "hierdec-mel_16bar"),
    ],
)  # fmt: skip
def test_a_wrong_preset_is_named_with_the_likely_one(tmp_path, out, made, named):
    prefix = write_checkpoint(tmp_path, variables(tiny(made)))
    with pytest.raises(ValueError, match=rf"does not fit {named}: .*(encoder|decoder)/.*; these look like (.* or )?{made}"):
        import_model(prefix, out, preset=named)
    with pytest.raises(ValueError, match=rf"say it with --preset .*; these look like (.* or )?{made}"):
        import_model(prefix, out)


def test_other_layers_than_the_presets_are_remarked(tmp_path, out):
    prefix = write_checkpoint(tmp_path, variables(tiny("flat-mel_16bar")))
    (notice,) = import_model(prefix, out, preset=MELODY).notices
    assert "encoder_sizes 6 x 7" in notice
    assert "in layers they are like flat-mel_16bar: is the preset right?" in notice


def test_the_very_sizes_of_another_preset_are_an_error(tmp_path, out):
    """Only names and shapes are read before it is told."""
    entries, end = [(b"", field(1, 1))], 0
    for move in layout(PUBLISHED[MELODY].config):
        raw = bytes(4 * math.prod(move.shape))
        entries.append((move.source.encode(), entry("float32", move.shape, 0, end, raw, crc=0)))
        end += len(raw)
    (tmp_path / "x.index").write_bytes(table(entries))
    with (tmp_path / "x.data-00000-of-00001").open("wb") as file:
        file.truncate(end)
    with pytest.raises(
        ValueError, match=r"does not fit cat-mel_2bar_big: missing: decoder/.*cell_2.*; these look like cat-mel_2bar_small$"
    ):
        import_model(tmp_path / "x", out, preset="cat-mel_2bar_big")
    with pytest.raises(ValueError, match="does not match its checksum"):
        import_model(tmp_path / "x", out, preset=MELODY)


def test_an_unknown_preset(checkpoint, out):
    with pytest.raises(ValueError, match="unknown preset 'cat-mel'; published are cat-mel_2bar_small, "):
        import_model(checkpoint, out, preset="cat-mel")


@pytest.mark.parametrize(("preset", "bars"), [("hier-trio_16bar", 4), ("cat-mel_2bar_big", 8), ("groovae_4bar", 1)])
def test_another_number_of_bars(tmp_path, out, preset, bars):
    tensors = variables(tiny(preset))
    config = import_model(write_checkpoint(tmp_path, tensors), out, preset=preset, bars=bars).config
    assert config.steps == 16 * bars
    assert config.steps_per_segment == (16 if config.segments > 1 else 16 * bars)
    same_state(load_published(out), tiny(preset), tensors)


@pytest.mark.parametrize(
    ("preset", "bars", "message"),
    [
        ("hier-multiperf_vel_1bar_med", 2, "is of one bar always"),
        ("hier-trio_16bar", 1, "over several bars"),
        (MELODY, 0, "at least 1 bar"),
    ],
)
def test_numbers_of_bars_that_cannot_be(tmp_path, out, preset, bars, message):
    with pytest.raises(ValueError, match=message):
        import_model(write_checkpoint(tmp_path, variables(tiny(preset))), out, preset=preset, bars=bars)


# -- magenta.js

SPECS = {
    "cat-mel_2bar_small": ("MelodyConverter", {"numSteps": 32, "minPitch": 21, "maxPitch": 108}),
    "cat-mel_2bar_med_chords": ("MelodyConverter", {"numSteps": 32, "minPitch": 21, "maxPitch": 108}),
    "hier-mel_16bar": ("MelodyConverter", {"numSteps": 256, "numSegments": 16, "minPitch": 21, "maxPitch": 108}),
    "cat-drums_2bar_small": ("DrumsConverter", {"numSteps": 32}),
    "nade-drums_2bar_reduced": ("DrumRollConverter", {"numSteps": 32}),
    "hier-trio_16bar": (
        "TrioConverter",
        {"numSteps": 256, "numSegments": 16, "melArgs": {"minPitch": 21, "maxPitch": 108}, "bassArgs": {"minPitch": 21, "maxPitch": 108},
         "drumsArgs": {}},
    ),
    "hier-multiperf_vel_1bar_med": (
        "MultitrackConverter", {"numSteps": 512, "numSegments": 8, "stepsPerQuarter": 24, "totalSteps": 96, "numVelocityBins": 8},
    ),
    "hier-multiperf_vel_1bar_med_chords": (
        "MultitrackConverter", {"numSteps": 512, "numSegments": 8, "stepsPerQuarter": 24, "totalSteps": 96, "numVelocityBins": 8},
    ),
    "groovae_4bar": ("GrooveConverter", {"numSteps": 64}),
    "groovae_2bar_humanize": ("GrooveConverter", {"numSteps": 32, "humanize": True}),
    "groovae_2bar_tap_fixed_velocity": ("GrooveConverter", {"numSteps": 32, "tapify": True}),
}  # fmt: skip


def spec_of(preset):
    kind, args = SPECS[preset]
    chords = {"chordEncoder": "TriadChordEncoder"} if preset.endswith("chords") else {}
    return {"type": "MusicVAE", "dataConverter": {"type": kind, "args": args}, **chords}


PACKINGS = ("uint8", "uint16", "float16")


@pytest.mark.parametrize(
    ("preset", "kind"),
    [*((preset, None) for preset in SPECS), *((p, kind) for p in ("hier-mel_16bar", "groovae_4bar") for kind in PACKINGS)],
)
def test_every_magenta_js_network_and_packing(preset, kind, tmp_path, out):
    config = tiny(preset)
    folder = tmp_path / "js"
    values = write_magenta_js(folder, variables(config), spec_of(preset), kind=kind, shard_bytes=20_000)
    done = import_model(folder, out)
    assert done.config == config
    assert done.metadata["source"] == {"format": "magenta.js", "quantised": kind or "no"}
    same_state(load_published(out), config, values)


def test_a_magenta_js_folder_with_a_preset_too(tmp_path, out):
    folder = tmp_path / "js"
    write_magenta_js(folder, variables(tiny("groovae_2bar_humanize")), spec_of("groovae_2bar_humanize"))
    assert import_model(folder / "config.json", out, preset="groovae_2bar_humanize").config == tiny("groovae_2bar_humanize")
    with pytest.raises(ValueError, match=r"config\.json says converter 'groove-humanize' \(not 'groove'\), .*leave --preset away"):
        import_model(folder, out, preset="groovae_4bar", force=True)


def test_a_manifest_alone_needs_a_preset(tmp_path, out):
    folder = tmp_path / "js"
    write_magenta_js(folder, variables(tiny(MELODY)), None)
    with pytest.raises(FileNotFoundError, match=r"config\.json is missing beside weights_manifest\.json.*give --preset"):
        import_model(folder, out)
    assert import_model(folder / "weights_manifest.json", out, preset=MELODY).config == tiny(MELODY)


def test_a_magenta_js_folder_that_holds_a_checkpoint_too(tmp_path, out):
    folder = tmp_path / "js"
    write_magenta_js(folder, variables(tiny(MELODY)), spec_of(MELODY))
    write_checkpoint(folder, variables(tiny(MELODY), 1))
    assert (
        import_model(folder, out).notices[0].endswith("holds a TensorFlow checkpoint too (model.ckpt); the magenta.js weights were taken")
    )
    assert import_model(folder / "model.ckpt", out, preset=MELODY, force=True).metadata["source"]["format"] == "TensorFlow checkpoint"


def test_a_damaged_tensor_of_a_magenta_js_folder_is_named(tmp_path, out):
    tensors = variables(tiny(MELODY))
    tensors["encoder/mu/bias"][1] = np.nan
    write_magenta_js(tmp_path / "js", tensors, spec_of(MELODY))
    with pytest.raises(ValueError, match=r"weights_manifest\.json: encoder/mu/bias holds numbers that are infinite"):
        import_model(tmp_path / "js", out)
