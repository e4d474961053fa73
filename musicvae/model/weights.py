"""A model on disk: one safetensors file with tensors, configuration and history, and no code.

Own networks: tensors in half precision under ``vae.`` and, where the prior of z is learned, ``prior.``; what it leans by (`model.tilt`),
if it does, in single precision under ``tilt.``. Published ones: in single
precision (or half, where so imported) under ``vae.``; their prior is the standard normal distribution. The header's metadata holds,
under ``musicvae``, JSON: the format, which family the network is of, the configuration, and what `save_model` was given. A model is
known by its hash, the first 12 hexadecimal digits of the file's SHA-256.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, overload

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode

from musicvae.model.config import ModelConfig
from musicvae.model.headers import (
    FORMAT,
    HEADER,
    PIECES_NETWORK,
    PUBLISHED_NETWORK,
    AnyConfig,
    check_header,
    pieces_header,
    published_header,
)
from musicvae.model.pieces.config import PieceConfig
from musicvae.model.pieces.vae import PieceVAE
from musicvae.model.prior import BarPrior
from musicvae.model.published.config import PublishedConfig
from musicvae.model.published.vae import PublishedVAE
from musicvae.model.tilt import TILT_TENSORS, Prior, TiltedPrior
from musicvae.model.vae import MelodyVAE
from musicvae.music.files import atomic_path

__all__ = [
    "FORMAT", "Bundle", "PieceBundle", "PublishedBundle", "add_metadata", "config_of", "load_melody_model", "load_model",
    "load_piece_model", "load_published", "read_metadata", "save_model",
]  # fmt: skip

_TILT = "tilt"


@dataclass(frozen=True)
class Bundle:
    """A loaded model of melodies of our own: networks in evaluation mode and single precision, and the file's story."""

    vae: MelodyVAE
    prior: Prior
    config: ModelConfig
    metadata: Mapping[str, Any]
    hash: str


@dataclass(frozen=True)
class PieceBundle:
    """A loaded model of drums, grooves or trios of our own, likewise; prior: None where that of z is N(0, I)."""

    vae: PieceVAE
    prior: Prior | None
    config: PieceConfig
    metadata: Mapping[str, Any]
    hash: str


@dataclass(frozen=True)
class PublishedBundle:
    """A loaded model of the published family: its network in evaluation mode and single precision, and the file's story."""

    vae: PublishedVAE
    config: PublishedConfig
    metadata: Mapping[str, Any]
    hash: str


@overload
def save_model(path: str | Path, vae: MelodyVAE, prior: Prior, *, metadata: Mapping[str, Any]) -> Path: ...
@overload
def save_model(path: str | Path, vae: PieceVAE, prior: Prior | None, *, metadata: Mapping[str, Any]) -> Path: ...
@overload
def save_model(path: str | Path, vae: PublishedVAE, prior: None = None, *, metadata: Mapping[str, Any], half: bool = False) -> Path: ...
def save_model(
    path: str | Path, vae: MelodyVAE | PieceVAE | PublishedVAE, prior: Prior | None = None, *, metadata: Mapping[str, Any],
    half: bool = False,
) -> Path:  # fmt: skip
    """Write a model file, replacing what is there only once the new one is whole; returns the path.

    metadata: anything JSON can hold; the keys "format", "network" and "config" are set here. half: of a published network, whether
    its numbers are kept in half precision; our own always are. A learned prior belongs to our own networks only.
    """
    path = Path(path)
    if isinstance(vae, PublishedVAE):
        header = published_header(vae.config, metadata)
        tensors = _tensors("vae", vae, torch.float16 if half else torch.float32)
    else:
        if (prior is not None) != (not isinstance(vae, PieceVAE) or vae.config.has_prior):
            raise ValueError("a network of our own is saved with its prior, one of grooves, whose prior is N(0, I), without")
        plain = {**metadata, "format": 1, "config": vae.config.to_dict()}
        header = pieces_header(vae.config, metadata) if isinstance(vae, PieceVAE) else plain
        tensors = _tensors("vae", vae, torch.float16)
        if prior is not None:
            tensors |= _tensors("prior", prior.base if isinstance(prior, TiltedPrior) else prior, torch.float16)
        if isinstance(prior, TiltedPrior):
            header = {**header, "format": FORMAT}
            tensors |= {f"{_TILT}.{name}": getattr(prior, name).to("cpu", torch.float32).contiguous() for name in TILT_TENSORS}
    with atomic_path(path, force=True) as temporary:
        # One entry, since the order of several is not fixed and the same model must give the same file.
        save_file(tensors, temporary, {HEADER: json.dumps(header, sort_keys=True)})
    return path


def _tensors(part: str, network: nn.Module, dtype: torch.dtype) -> dict[str, Tensor]:
    return {f"{part}.{name}": x.detach().to("cpu", dtype).contiguous() for name, x in network.state_dict().items()}


def read_metadata(path: str | Path) -> dict[str, Any]:
    """The header of a model file; ValueError where it is damaged or of a newer format."""
    path = Path(path)
    if not path.is_file():
        raise FileNotFoundError(f"no model file {path}")
    try:
        with safe_open(path, framework="pt") as file:
            header: Any = json.loads((file.metadata() or {}).get(HEADER, "{}"))
    except (SafetensorError, ValueError, RecursionError) as error:
        raise ValueError(f"{path} is no model file, or it is damaged ({error}): was the download or copy cut short?") from error
    return check_header(path, header)


def config_of(header: Mapping[str, Any]) -> AnyConfig:
    """The configuration in a header, of its family; ValueError for options that make no sense or that this version does not know."""
    try:
        if header.get("network") == PUBLISHED_NETWORK:
            return PublishedConfig.from_dict(header["config"])
        if header.get("network") == PIECES_NETWORK:
            return PieceConfig.from_dict(header["config"])
        return ModelConfig.from_dict(header["config"])
    except TypeError as error:
        raise ValueError(f"the configuration in the model's header is malformed ({error}): is the file damaged?") from error


def load_model(path: str | Path) -> Bundle | PieceBundle | PublishedBundle:
    """Read a model file of any family; FileNotFoundError, or ValueError where it is damaged, newer or another thing."""
    path = Path(path)
    header = read_metadata(path)
    config = config_of(header)
    try:
        with torch.device("meta"), _NothingDrawn():
            networks = _networks(config)
        with safe_open(path, framework="pt") as file:
            tensors = {name: file.get_tensor(name).to(torch.float32) for name in file.keys()}  # noqa: SIM118  # safe_open is no mapping
        for part, network in networks.items():
            state = {name.removeprefix(f"{part}."): x for name, x in tensors.items() if name.startswith(f"{part}.")}
            network.load_state_dict(state, assign=True)
            network.eval()
        vae, prior = networks["vae"], networks.get("prior")
        if leaning := {name: tensors[key] for name in TILT_TENSORS if (key := f"{_TILT}.{name}") in tensors}:
            assert isinstance(prior, BarPrior)
            prior = TiltedPrior(prior, leaning).eval()
    except (SafetensorError, RuntimeError, KeyError) as error:
        reason = str(error).strip().splitlines()[-1].strip()
        raise ValueError(f"{path} does not fit the network of this version ({reason}): is it another version's, or damaged?") from error
    with path.open("rb") as data:
        digest = hashlib.file_digest(data, "sha256").hexdigest()[:12]
    if isinstance(config, PublishedConfig):
        assert isinstance(vae, PublishedVAE)
        return PublishedBundle(vae, config, header, digest)
    assert prior is None or isinstance(prior, BarPrior | TiltedPrior)
    if isinstance(config, PieceConfig):
        assert isinstance(vae, PieceVAE)
        return PieceBundle(vae, prior, config, header, digest)
    assert isinstance(vae, MelodyVAE)
    assert prior is not None
    return Bundle(vae, prior, config, header, digest)


class _NothingDrawn(TorchFunctionMode):
    """Leaves weights that are about to be replaced as they are: even to draw nothing on no device, torch imports its compiler."""

    _FILLS = frozenset(
        {"normal_", "uniform_", "kaiming_uniform_", "xavier_uniform_", "orthogonal_", "zeros_", "constant_", "zero_", "fill_", "copy_"}
    )

    def __torch_function__(
        self, func: Callable[..., Any], types: Any, args: tuple[Any, ...] = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        if getattr(func, "__name__", "") in self._FILLS:
            return args[0] if args else (kwargs or {})["tensor"]
        return func(*args, **(kwargs or {}))


def _networks(config: AnyConfig) -> dict[str, nn.Module]:
    if isinstance(config, PublishedConfig):
        return {"vae": PublishedVAE(config)}
    if isinstance(config, PieceConfig):
        return {"vae": PieceVAE(config), **({"prior": BarPrior(config)} if config.has_prior else {})}
    return {"vae": MelodyVAE(config), "prior": BarPrior(config)}


def load_melody_model(path: str | Path) -> Bundle:
    """Read a model of melodies of our own; errors as `load_model`, ValueError for one of another family."""
    bundle = load_model(path)
    if not isinstance(bundle, Bundle):
        raise ValueError(f"{path} holds {_described(bundle)}; one of our own is needed here, of melodies")
    return bundle


def load_piece_model(path: str | Path) -> PieceBundle:
    """Read a model of drums, grooves or trios of our own; errors as `load_model`, ValueError for one of another family."""
    bundle = load_model(path)
    if not isinstance(bundle, PieceBundle):
        raise ValueError(f"{path} holds {_described(bundle)}; one of our own is needed here, of drums, grooves or trios")
    return bundle


def load_published(path: str | Path) -> PublishedBundle:
    """Read a model of the published family; errors as `load_model`, ValueError for one of our own."""
    bundle = load_model(path)
    if not isinstance(bundle, PublishedBundle):
        raise ValueError(f"{path} holds {_described(bundle)}; one of the published family is needed here")
    return bundle


def _described(bundle: Bundle | PieceBundle | PublishedBundle) -> str:
    if isinstance(bundle, PublishedBundle):
        return f"the published network {bundle.config.preset}"
    return f"a network of our own, of {bundle.config.material if isinstance(bundle, PieceBundle) else 'melodies'}"


def add_metadata(path: str | Path, out: str | Path, entries: Mapping[str, Any]) -> Path:
    """Write the model of `path` to `out` with further entries in its header; its tensors stay as they are."""
    path, out = Path(path), Path(out)
    header = {**read_metadata(path), **entries}
    with safe_open(path, framework="pt") as file:
        tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118  # safe_open is no mapping
    with atomic_path(out, force=True) as temporary:
        save_file(tensors, temporary, {HEADER: json.dumps(header, sort_keys=True)})
    return out
