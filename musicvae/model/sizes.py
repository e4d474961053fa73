"""How many numbers a network learns, told from its configuration alone, without building it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from musicvae.model.published.config import PublishedConfig

__all__ = ["OWN_PARAMETERS", "num_parameters"]

OWN_PARAMETERS: Mapping[str, int] = {
    "tiny": 238_221, "small": 2_139_845, "melody": 5_499_817, "drums": 4_503_395, "groove": 3_627_892, "drumify": 5_551_539,
    "trio": 7_889_607, "tiny-drums": 112_339, "tiny-groove": 95_360, "tiny-drumify": 135_923, "tiny-trio": 273_721,
    "trio-melody": 4_715_213, "trio-bass": 4_715_213, "trio-drums": 4_317_435,
}  # fmt: skip
"""Of the networks of `model.config.PRESETS` and `model.pieces.config.PIECE_PRESETS`, with the priors they learn."""


def num_parameters(config: PublishedConfig) -> int:
    """Weights and biases of a published network.

    The conductor's weights for its input, which is always zero, are not counted, since no network here has them.
    """
    return sum(_encoder(config)) + sum(_conductor(config)) + sum(_decoders(config)) + sum(_controls(config))


def _dense(inputs: int, outputs: int) -> int:
    return (inputs + 1) * outputs


def _lstm(inputs: int, size: int) -> int:
    return 4 * _dense(inputs + size, size)


def _stack(inputs: int, sizes: Sequence[int]) -> Iterator[int]:
    """Layers one above the other."""
    for below, size in zip((inputs, *sizes[:-1]), sizes, strict=True):
        yield _lstm(below, size)


def _both_ways(inputs: int, sizes: Sequence[int]) -> Iterator[int]:
    """Layers that read in both directions, each all that the one below says."""
    for below, size in zip((inputs, *(2 * size for size in sizes[:-1])), sizes, strict=True):
        yield 2 * _lstm(below, size)


def _encoder(config: PublishedConfig) -> Iterator[int]:
    layers = config.encoder_sizes * max(1, len(config.encoder_levels))
    yield from _both_ways(config.input_depth + config.control_depth, layers)
    yield 2 * _dense(2 * layers[-1], config.z_size)


def _conductor(config: PublishedConfig) -> Iterator[int]:
    if config.conductor_sizes:
        yield _dense(config.z_size, 2 * sum(config.conductor_sizes))
        yield from _stack(0, config.conductor_sizes)


def _decoders(config: PublishedConfig) -> Iterator[int]:
    embedding = config.conductor_sizes[-1] if config.conductor_sizes else config.z_size
    control = 2 * config.control_sizes[-1] if config.control_sizes else config.control_depth
    for fed in config.outputs if config.separate else (sum(config.outputs),):
        yield _dense(embedding, 2 * sum(config.decoder_sizes))
        yield from _stack(fed + embedding + control, config.decoder_sizes)
        yield _dense(config.decoder_sizes[-1], fed + config.nade_size)
        yield 2 * fed * config.nade_size


def _controls(config: PublishedConfig) -> Iterator[int]:
    if config.control_sizes:
        yield from _both_ways(config.control_depth, config.control_sizes)
