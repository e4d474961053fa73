"""Whether an imported network computes what the original program computed: the largest error of each stored array.

    python scripts/verify_import.py PATH [--preset NAME] --expected expected.npz [--precision float64]

PATH is what `musicvae import` takes (a TensorFlow checkpoint, a magenta.js folder), or an imported model. expected.npz holds, for N
examples of T steps, x (N, T, input depth), y and greedy (N, T, output depth), z (N, Z), mu, sigma, r_loss (N,), and where they exist
controls (N, T, C), teacher_logits (N, T, width) and lengths (N, segments). The errors of mu, sigma and teacher_logits are differences,
that of r_loss, a sum of thousands of terms, is relative. greedy was sampled at a temperature near 0, all of it with the controls of the
first example: fed those very frames, the network's likeliest frame must be the stored one wherever the decision was clear. Exit code 1
where an error exceeds the tolerance or a clear decision differs.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any, cast

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from musicvae.model.heads import Nade
from musicvae.model.imports.importing import import_model
from musicvae.model.published.config import PublishedConfig
from musicvae.model.published.decoder import LstmDecoder
from musicvae.model.published.vae import PublishedVAE
from musicvae.model.weights import load_published

TOLERANCE = 1e-5
CLEAR_LOGITS = 1e-3
Arrays = Mapping[str, NDArray[Any]]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("path", help="checkpoint, magenta.js folder, or imported model")
    parser.add_argument("--preset", help="published configuration, for a TensorFlow checkpoint")
    parser.add_argument("--bars", type=int, help="length of the network's pieces, if not the configuration's")
    parser.add_argument("--expected", required=True, type=Path, help=".npz file with what the original computed")
    parser.add_argument("--precision", choices=("float32", "float64"), default="float32", help="of the computation here (default: float32)")
    parser.add_argument("--tolerance", type=float, default=TOLERANCE, help=f"largest error allowed (default: {TOLERANCE:g})")
    args = parser.parse_args()
    try:
        vae = network(args.path, args.preset, args.bars).to(getattr(torch, args.precision))
        expected = arrays(args.expected, vae.config)
        with torch.no_grad():
            rows = [*errors(vae, expected), *decisions(vae, expected)]
    except (ValueError, OSError) as error:
        print(f"{sys.argv[0]}: {error}", file=sys.stderr)
        return 2
    print(f"{vae.config.preset}, {args.precision}, {len(expected['z'])} examples of {vae.config.steps} steps")
    print(f"{'array':16} {'error':>10} {'absolute':>10} {'relative':>10}  ")
    for name, judged, absolute, relative, remark in rows:
        verdict = "" if judged <= args.tolerance else f"  above {args.tolerance:g}"
        print(f"{name:16} {judged:10.2e} {absolute:10.2e} {relative:10.2e}  {remark}{verdict}")
    return int(any(not judged <= args.tolerance for _, judged, *_ in rows))


def network(path: str, preset: str | None, bars: int | None) -> PublishedVAE:
    """The network at a path, imported by way of a file as a user would."""
    if path.endswith(".safetensors"):
        return load_published(path).vae
    with tempfile.TemporaryDirectory() as folder:
        return load_published(import_model(path, Path(folder, "model.safetensors"), preset=preset, bars=bars).path).vae


def arrays(path: Path, config: PublishedConfig) -> Arrays:
    """What is stored, its shapes checked."""
    try:
        with path.open("rb") as raw, np.load(raw, allow_pickle=False) as file:
            stored = {name: file[name] for name in file.files}
    except (zipfile.BadZipFile, EOFError, KeyError) as error:
        raise ValueError(f"{path} is no .npz file ({error})") from error
    if missing := {"x", "y", "z", "mu", "sigma", "r_loss"} - set(stored):
        raise ValueError(f"{path} has no {', '.join(sorted(missing))}")
    steps, depth = config.steps, sum(config.outputs)
    shapes = {"x": (steps, config.input_depth), "y": (steps, depth), "greedy": (steps, depth), "z": (config.z_size,),
              "mu": (config.z_size,), "controls": (steps, config.control_depth)}  # fmt: skip
    for name, shape in shapes.items():
        if name in stored and stored[name].shape[1:] != shape:
            raise ValueError(f"{path}: {name} has shape {stored[name].shape}, {config.preset} needs (N, {', '.join(map(str, shape))})")
    if bool(config.control_depth) != ("controls" in stored):
        raise ValueError(
            f"{path}: {config.preset} has controls of width {config.control_depth}, the file {'some' if 'controls' in stored else 'none'}"
        )
    return stored


def errors(vae: PublishedVAE, expected: Arrays) -> list[tuple[str, float, float, float, str]]:
    """Name, error judged, largest difference and largest relative difference of each array."""
    controls, z = floats(vae, expected.get("controls")), floats(vae, expected["z"])
    lengths = None if "lengths" not in expected else torch.as_tensor(expected["lengths"].astype(np.int64))
    y = frames(vae, expected["y"])
    mu, sigma = vae.encode(cast(Tensor, floats(vae, expected["x"])), controls, lengths)
    computed = {"mu": mu, "sigma": sigma, "r_loss": -vae.log_probs(cast(Tensor, z), y, controls).sum(-1)}
    if "teacher_logits" in expected:
        computed["teacher_logits"] = torch.cat(vae.decode(cast(Tensor, z), y, controls), -1)
    return [compared(name, values.double().numpy(), expected[name]) for name, values in computed.items()]


def compared(name: str, ours: NDArray[Any], theirs: NDArray[Any]) -> tuple[str, float, float, float, str]:
    if ours.shape != theirs.shape:
        raise ValueError(f"{name} is {ours.shape} here and {theirs.shape} in the file")
    difference = np.abs(ours - theirs.astype(np.float64))
    absolute, relative = float(difference.max()), float((difference / np.maximum(np.abs(theirs), 1e-30)).max())
    largest = float(np.abs(theirs).max())
    return name, relative if name == "r_loss" else absolute, absolute, relative, f"values up to {largest:.4g}"


def decisions(vae: PublishedVAE, expected: Arrays) -> list[tuple[str, float, float, float, str]]:
    """How the stored greedy frames agree with the likeliest ones, given themselves; the error judged is the share that does not."""
    if "greedy" not in expected:
        return []
    stored = expected["greedy"]
    controls = floats(vae, expected.get("controls"))
    if controls is not None:
        controls = controls[:1].expand_as(controls).contiguous()
    fed = frames(vae, stored)
    outputs = vae.decode(cast(Tensor, floats(vae, expected["z"])), fed, controls)
    if vae.config.head == "groove":
        logits, velocities, offsets = (part.double().numpy() for part in outputs[0].chunk(3, -1))
        hits, true_velocities, true_offsets = np.split(stored, 3, -1)
        return [
            struck(logits, hits),
            compared("greedy velocity", 1 / (1 + np.exp(-velocities)), true_velocities),
            compared("greedy timing", np.tanh(offsets), true_offsets),
        ]
    if vae.config.head == "nade":
        nade = cast(Nade, cast(LstmDecoder, vae.cores[0]).head)
        return [struck(nade.logits(outputs[0], fed).double().numpy(), stored)]
    classes = fed.numpy()
    clear, agreed = [], []
    for stream, part in enumerate(outputs):
        best = part.topk(2, -1)
        clear.append(((best.values[..., 0] - best.values[..., 1]) > CLEAR_LOGITS).numpy() & (classes[..., stream] >= 0))
        agreed.append(best.indices[..., 0].numpy() == classes[..., stream])
    return [counted(np.stack(clear, -1), np.stack(agreed, -1), classes >= 0)]


def struck(logits: NDArray[Any], hits: NDArray[Any]) -> tuple[str, float, float, float, str]:
    return counted(np.abs(logits) > CLEAR_LOGITS, (logits > 0) == (hits > 0.5), np.ones(hits.shape, bool))


def counted(clear: NDArray[Any], agreed: NDArray[Any], there: NDArray[Any]) -> tuple[str, float, float, float, str]:
    """clear: decisions that were not a near tie; agreed: those like the stored; there: those that were stored at all."""
    differing = int((clear & ~agreed).sum())
    share = differing / max(1, int(clear.sum()))
    remark = f"{int(clear.sum())} clear decisions of {int(there.sum())}, {differing} differ; of all, {int((there & ~agreed).sum())}"
    return "greedy", float("inf") if differing else 0.0, share, share, remark


def floats(vae: PublishedVAE, values: NDArray[Any] | None) -> Tensor | None:
    return None if values is None else torch.as_tensor(np.asarray(values, np.float64)).to(next(vae.parameters()).dtype)


def frames(vae: PublishedVAE, one_hot: NDArray[Any]) -> Tensor:
    """Stored frames in the form of the network's targets: classes of each stream, -1 where nothing is; else as they are."""
    if vae.config.head != "categorical":
        return cast(Tensor, floats(vae, one_hot))
    ends = np.cumsum(vae.config.outputs)[:-1]
    parts = np.split(one_hot, ends, -1)
    if not all(((part.sum(-1) == 1) | (part.sum(-1) == 0)).all() and np.isin(part, (0, 1)).all() for part in parts):
        raise ValueError("the frames of a categorical network are not one-hot in each of its streams")
    return torch.as_tensor(np.stack([np.where(part.any(-1), part.argmax(-1), -1) for part in parts], -1))


if __name__ == "__main__":
    sys.exit(main())
