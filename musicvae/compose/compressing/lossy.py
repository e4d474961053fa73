"""The idea of a melody and nothing else: its latent code in as few bits as are wanted, decoded greedily in whole numbers.

Conventions: z of every window is rounded to whole steps (`compressing.latent`), all windows with the same step, the finest whose code takes
no more bits than are given. With it go meter, bars, tempo, program, shift and one velocity for all notes; no bits are counted for these.
"""

from __future__ import annotations

import zlib
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from musicvae.compose.canonical import from_coordinates
from musicvae.compose.code import Code
from musicvae.compose.compressing import container
from musicvae.compose.compressing.coder import BitCoder, Costs, Reader, Writer
from musicvae.compose.compressing.latent import REACH, code_block
from musicvae.compose.compressing.mixing import Mixer
from musicvae.compose.compressing.numbers import code_class, code_natural, code_signed
from musicvae.model.integer.layers import FINE, Integers
from musicvae.model.integer.network import IntegerNetwork
from musicvae.music.melody import Melody
from musicvae.music.meter import SUPPORTED, Meter
from musicvae.music.vocabulary import FIRST_PITCH_TOKEN, Tokens, canonical_tokens

__all__ = ["Sketch", "checksum_of", "pack_sketch", "sketch_of", "unpack_sketch"]

_STEPS = tuple(round((1 << FINE) / 4 * 2 ** (quarter / 4)) for quarter in range(25))
"""Steps of z from 1/4 to 16, in activations."""
_MOST_WINDOWS = 500
_MICROSECONDS = 60_000_000

Blocks = tuple[tuple[int, ...], ...]


@dataclass(frozen=True)
class Sketch:
    """windows: of each its bars, then its blocks of z in steps, that of the tune first; step: index of its size."""

    meter: Meter
    num_bars: int
    tempo_microseconds: int
    program: int
    shift_semitones: int
    velocity: int
    step: int
    windows: tuple[Blocks, ...]

    def melody(self, network: IntegerNetwork) -> Melody:
        """What the network makes of it."""
        tokens = np.concatenate([_decoded(network, blocks, self.meter.kind_index, _STEPS[self.step]) for blocks in self.windows])
        melody = from_coordinates(canonical_tokens(tokens), self.meter, shift_semitones=self.shift_semitones, num_bars=self.num_bars)
        notes = tuple(replace(note, velocity=self.velocity) for note in melody.notes)
        return replace(melody, notes=notes, tempo_qpm=_MICROSECONDS / self.tempo_microseconds, program=self.program)


def _decoded(network: IntegerNetwork, blocks: Blocks, kind: int, step: int) -> Tokens:
    """Tokens (bars, S) of a window, the likeliest event at every step."""
    bars, size = len(blocks) - 1, network.config.z_global
    conducted = network.conductor.begin(bars, kind)
    tune = np.array(blocks[0][:size], np.float64) * step
    embeddings = [conducted.add(np.concatenate([tune, np.array(block, np.float64) * step])[None])[0] for block in blocks[1:]]
    started, found = network.decoder.begin(np.stack(embeddings), kind), list[Integers]()
    for _ in range(16 if kind == 0 else 12):
        scores = started.scores(found[-1].astype(np.int64) if found else None)
        decision, pitch = scores[:, : FIRST_PITCH_TOKEN + 1].argmax(-1), scores[:, FIRST_PITCH_TOKEN + 1 :].argmax(-1)
        found.append(np.where(decision == FIRST_PITCH_TOKEN, FIRST_PITCH_TOKEN + pitch, decision).astype(np.float64))
    return np.stack(found, 1).astype(np.uint8)


def sketch_of(code: Code, network: IntegerNetwork, bits: int) -> tuple[Sketch, int]:
    """The finest sketch of a melody whose code takes at most so many bits, and how many it takes; ValueError where none is so small."""
    velocity = round(float(code.played[:, 2].mean())) if len(code.played) else 64
    about = Sketch(code.meter, code.num_bars, round(_MICROSECONDS / code.tempo_qpm), code.program, code.shift_semitones, velocity, 0, ())
    low, high = 0, len(_STEPS) - 1
    windows, spent = _rounded(code, network, _STEPS[high])
    if spent > bits:
        raise ValueError(f"the code of this melody takes at least {spent} bits, and {bits} are given: allow more, or take fewer bars")
    while low < high:
        middle = low + high >> 1
        tried = _rounded(code, network, _STEPS[middle])
        if tried[1] <= bits:
            high, (windows, spent) = middle, tried
        else:
            low = middle + 1
    return replace(about, step=high, windows=windows), spent


def _rounded(code: Code, network: IntegerNetwork, step: int) -> tuple[tuple[Blocks, ...], int]:
    """The windows of a code in whole steps, and how many bits they take."""
    coder = Costs()
    windows = tuple(_blocks(z, bars, network, step) for z, bars in zip(code.mu, code.bars.tolist(), strict=True))
    for blocks in windows:
        _code_window(coder, blocks, len(blocks) - 1, code.meter.kind_index, network, step)
    return windows, int(np.ceil(coder.bits))


def _blocks(z: Integers, bars: int, network: IntegerNetwork, step: int) -> Blocks:
    """A row of z (Z,) in whole steps, block by block."""
    start, size = network.config.z_global, network.config.z_bar
    whole = np.clip(np.rint(z * ((1 << FINE) / step)), -REACH, REACH - 1).astype(np.int64).tolist()
    return (tuple(whole[:start]), *(tuple(whole[start + bar * size : start + (bar + 1) * size]) for bar in range(bars)))


def _code_window(coder: BitCoder, blocks: Blocks | None, bars: int, kind: int, network: IntegerNetwork, step: int) -> Blocks:
    """Code the blocks of a window with the learned prior (None: they are read)."""
    prior, found = network.prior.begin(bars, kind), list[tuple[int, ...]]()
    for number in range(bars + 1):
        size = network.config.z_bar if number else network.config.z_global
        prior.listen()
        found.append(tuple(code_block(coder, None if blocks is None else blocks[number], prior.mixture(0), size, step)))
        padded = np.zeros((1, network.prior.width))
        padded[0, :size] = np.array(found[-1], np.float64) * step
        prior.add(padded, 0)
    return tuple(found)


def _code_sketch(mixer: Mixer, sketch: Sketch | None, network: IntegerNetwork) -> Sketch:
    """Code a sketch (None: it is read)."""

    def given(value: int) -> int | None:
        return None if sketch is None else value

    s = sketch or Sketch(Meter(4, 4), 1, 500_000, 0, 0, 90, 0, ())
    meter = code_class(mixer, given(SUPPORTED.index(str(s.meter))), "sketch meter", [()], width=3)
    numbers = [
        code_natural(mixer, given(value), f"sketch {name}", [()])
        for name, value in (("bars", s.num_bars), ("tempo", s.tempo_microseconds), ("windows", len(s.windows)))
    ]
    program, velocity = (
        code_class(mixer, given(value), f"sketch {name}", [()], width=7)
        for name, value in (("program", s.program), ("velocity", s.velocity))
    )
    shift = code_signed(mixer, given(s.shift_semitones), "sketch shift", [()])
    step = code_class(mixer, given(s.step), "sketch step", [()], width=5)
    if meter >= len(SUPPORTED) or step >= len(_STEPS) or numbers[2] > _MOST_WINDOWS or not numbers[1] or not numbers[0]:
        raise ValueError("the numbers of its sketch make no sense")
    found, windows = Meter.parse(SUPPORTED[meter]), list[Blocks]()
    for number in range(numbers[2]):
        bars = 1 + code_class(mixer, given(len(s.windows[number]) - 2 if sketch else 0), "sketch window", [()], width=6)
        if bars > network.config.max_bars:
            raise ValueError("the numbers of its sketch make no sense")
        blocks = s.windows[number] if sketch else None
        windows.append(_code_window(mixer.coder, blocks, bars, found.kind_index, network, _STEPS[step]))
    return Sketch(found, numbers[0], numbers[1], program, shift, velocity, step, tuple(windows))


def pack_sketch(sketch: Sketch, network: IntegerNetwork) -> bytes:
    """The bytes of a .mvz file."""
    writer = Writer()
    _code_sketch(Mixer(writer), sketch, network)
    box = container.Container.of(container.LOSSY, network.hash, checksum_of(sketch.melody(network)), writer.finish())
    return box.to_bytes()


def unpack_sketch(payload: bytes, network: IntegerNetwork) -> Melody:
    """The melody of the sketch in these bytes."""
    return _code_sketch(Mixer(Reader(payload)), None, network).melody(network)


def checksum_of(melody: Melody) -> int:
    """CRC-32 of the notes: pitch, onset and duration."""
    columns: Sequence[tuple[int, int, int]] = [(note.pitch, note.onset_steps, note.duration_steps) for note in melody.notes]
    return zlib.crc32(np.array(columns, "<i4").tobytes())
