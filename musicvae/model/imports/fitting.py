"""Which network a set of tensors is: sizes read off their shapes, and in plain words what does not fit."""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from musicvae.model.imports.layout import CORE, core_prefixes, layout
from musicvae.model.published.config import PublishedConfig
from musicvae.model.published.presets import PUBLISHED

__all__ = ["Misfits", "fitted", "likely_presets", "misfits"]

Shapes = Mapping[str, tuple[int, ...]]
_SHOWN = 2
_MOST_LAYERS = 64


@dataclass(frozen=True)
class Misfits:
    """Tensors that a configuration needs and a file has not, that the file has beyond those, and those of another shape."""

    missing: Sequence[str]
    unknown: Sequence[str]
    wrong: Sequence[str]

    def __bool__(self) -> bool:
        return bool(self.missing or self.unknown or self.wrong)

    def __str__(self) -> str:
        parts = []
        for title, names in (("missing", self.missing), ("unknown", self.unknown), ("of another shape", self.wrong)):
            if names:
                more = f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else ""
                parts.append(f"{title}: {', '.join(names[:_SHOWN])}{more}")
        return "; ".join(parts)


def fitted(shapes: Shapes, start: PublishedConfig) -> PublishedConfig:
    """`start` with every width that these tensors show; what a tensor does not show stays as it is.

    Only widths of hidden layers and of z change: the alphabet, the length and the parts are those of `start`.
    """
    decoder = f"{core_prefixes(start)[0]}{CORE}"
    level = "hierarchical_level_0/" if start.encoder_levels else ""
    encoder = f"encoder/{level}cell_{{}}/{_FORWARD}"
    sizes = {
        "encoder_sizes": _widths(shapes, encoder),
        "decoder_sizes": _widths(shapes, f"{decoder}multi_rnn_cell/cell_{{}}/lstm_cell/bias"),
        "conductor_sizes": _widths(shapes, "decoder/hierarchical_level_0/cell_{}/lstm_cell/bias") if start.conductor_sizes else (),
        "control_sizes": _widths(shapes, f"control_preprocessing/cell_{{}}/{_FORWARD}") if start.control_depth else (),
    }
    if start.encoder_levels:  # one layer a level; more of them are unknown tensors
        sizes["encoder_sizes"] = sizes["encoder_sizes"][:1]
    changes: dict[str, int | tuple[int, ...]] = {name: widths for name, widths in sizes.items() if widths}
    z_shape, nade_shape = shapes.get("encoder/mu/bias", ()), shapes.get(f"{decoder}nade/w_enc", ())
    if len(z_shape) == 1 and z_shape[0] > 0:
        changes["z_size"] = z_shape[0]
    if start.head == "nade" and len(nade_shape) == 3 and nade_shape[2] > 0:
        changes["nade_size"] = nade_shape[2]
    return replace(start, **changes)  # type: ignore[arg-type]  # mypy takes no mapping of several types


_FORWARD = "bidirectional_rnn/fw/multi_rnn_cell/cell_0/lstm_cell/bias"


def _widths(shapes: Shapes, pattern: str) -> tuple[int, ...]:
    """Width of each layer, by the shapes of its bias (4 gates each); layers are numbered from 0 without a gap."""
    found = []
    for layer in itertools.islice(itertools.count(), _MOST_LAYERS):
        shape = shapes.get(pattern.format(layer), ())
        if len(shape) != 1 or shape[0] < 4 or shape[0] % 4:
            break
        found.append(shape[0] // 4)
    return tuple(found)


def misfits(shapes: Shapes, config: PublishedConfig) -> Misfits:
    """What keeps these tensors from being a network of this configuration; falsy where nothing does."""
    needed = {move.source: move.shape for move in layout(config)}
    return Misfits(
        missing=[name for name in needed if name not in shapes],
        unknown=[name for name in shapes if name not in needed],
        wrong=[
            f"{name} ({_by(shapes[name])} instead of {_by(shape)})"
            for name, shape in needed.items()
            if name in shapes and shapes[name] != shape
        ],
    )


def likely_presets(shapes: Shapes) -> tuple[list[str], bool]:
    """Published presets that these tensors could be: those of the very sizes, else of as many layers, else all that fit.

    And whether they are of the very sizes.
    """
    found = [(name, preset.config, fitted(shapes, preset.config)) for name, preset in PUBLISHED.items()]
    fits = [(name, config, ours) for name, config, ours in found if not misfits(shapes, ours)]
    exact = [name for name, config, ours in fits if config == ours]
    as_deep = [name for name, config, ours in fits if _depths(config) == _depths(ours)]
    return exact or as_deep or [name for name, _, _ in fits], bool(exact)


def _depths(config: PublishedConfig) -> tuple[int, ...]:
    return len(config.encoder_sizes), len(config.decoder_sizes), len(config.conductor_sizes)


def _by(shape: tuple[int, ...]) -> str:
    return " x ".join(map(str, shape)) or "a single number"
