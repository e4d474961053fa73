"""An engine of any material without weights: z is a linear code of the columns, so that it loses nothing unless told to.

Every cell (a class of drums at a step, velocity, offset, event) has a number of z, small where nothing is; a chord or hit
that conditions the network is written into the pieces where it can be seen. lossy: how many cells, at the end of each window,
the code does not have, which then come out as nothing.
"""

from dataclasses import dataclass, field, replace

import numpy as np

from musicvae.model.noise import generator
from musicvae.model.published.piece_engine import fills_in, guide_of, network_controls
from musicvae.model.published.presets import PUBLISHED
from musicvae.music.converters import converter
from musicvae.music.piece import PIECE_COLUMNS, Piece

PRESETS = {
    "drums": "cat-drums_2bar_small", "full": "nade-drums_2bar_full", "groove": "groovae_4bar", "humanize": "groovae_2bar_humanize",
    "hits": "groovae_2bar_hits_control_tfds", "tap": "groovae_2bar_tap_fixed_velocity",
    "trio": "hierdec-trio_16bar", "performance": "hier-multiperf_vel_1bar_med",
    "performance-chords": "hier-multiperf_vel_1bar_med_chords",
}  # fmt: skip


@dataclass
class FakePieceEngine:
    preset: str = "cat-drums_2bar_small"
    lossy: int = 0
    hash: str = "fake"
    metadata: dict = field(default_factory=dict)
    told: list = field(default_factory=list)

    def __post_init__(self):
        self.config = PUBLISHED[self.preset].config
        self.converter = converter(self.config.converter)
        self.material = self.converter.material
        self.title, self.fixed_window, self.hears_tempo = self.preset, True, False
        self.guide, self.fills_in = guide_of(self.config, self.material), fills_in(self.converter)
        self.any_rhythm, self.drum_map = self.converter.name == "groove-tap", self.converter.drum_map or "nine"
        self.bars = self.converter.bars(self.config.steps) if self.material != "performance" else 1
        self.rows = {name: (dtype, (self.bars, *row)) for name, (dtype, row) in PIECE_COLUMNS[self.material].items()}
        self.classes = {"drums": len_of_map(self.converter.drum_map)} if self.converter.drum_map else {}
        self.config = replace(self.config, z_size=sum(self._size(name) for name in self.rows))

    def z_used(self, bars):
        return self.config.z_size

    def losses(self, columns):
        return self.converter.losses(columns)

    def _size(self, name):
        dtype, shape = self.rows[name]
        return int(np.prod(shape)) * (self.classes["drums"] if dtype == "uint64" else 1)

    def _clean(self, columns):
        parts = []
        for name, (dtype, shape) in self.rows.items():
            column = columns[name]
            assert column.shape[1:] == shape, (name, column.shape, shape)
            assert column.dtype == dtype, (name, column.dtype)
            if dtype == "uint64":
                column = (column[..., None] >> np.arange(self.classes["drums"], dtype=np.uint64)) & np.uint64(1)
                parts.append((column.astype(float) * 2 - 1).reshape(len(column), -1))
            else:
                parts.append((column.astype(float) / SCALE[dtype]).reshape(len(column), -1))
        return np.concatenate(parts, axis=1)

    def encode(self, columns):
        mu = self._clean(columns)
        if self.lossy:
            empty = {name: np.zeros((1, *shape), dtype) for name, (dtype, shape) in self.rows.items()}
            mu[:, -self.lossy :] = self._clean(empty)[:, -self.lossy :]
        return mu, np.full_like(mu, 0.1)

    def sample_prior(self, seeds, *, bars, temperature=1.0, given=None, given_bars=0, told=None):
        assert (bars, given) == (self.bars, None)
        return temperature * np.stack([generator(seed, "z").standard_normal(self.config.z_size) for seed in seeds])

    def decode(self, z, *, bars, temperature, seeds=None, told=None, given=None):
        assert (bars, given) == (self.bars, None)
        controls = network_controls(self.converter, self.guide, told)
        assert z.shape == (len(z), self.config.z_size)
        assert (controls is not None) == bool(self.config.control_depth)
        if controls is not None:
            assert controls.shape == (len(z), self.config.steps, self.config.control_depth)
            self.told.append(controls)
        if temperature > 0:
            assert len(seeds) == len(z)
            z = z + 0.3 * temperature * np.stack([generator(seed, "events").standard_normal(self.config.z_size) for seed in seeds])
        columns, start = {}, 0
        for name, (dtype, shape) in self.rows.items():
            part = z[:, start : start + self._size(name)]
            start += self._size(name)
            columns[name] = self._column(part, dtype, shape)
        if self.material == "groove":
            struck = controls.reshape(columns["bars"].shape) > 0 if controls is not None else columns["bars"] > 0
            columns["bars"] = np.where(struck, np.clip(columns["bars"], 1, 127), 0).astype(np.uint8)
            columns["offsets"] = np.where(struck, columns["offsets"], 0).astype(np.float16)
        return columns

    def _column(self, part, dtype, shape):
        if dtype == "uint64":
            bits = (part.reshape(len(part), *shape, -1) > 0).astype(np.uint64) << np.arange(self.classes["drums"], dtype=np.uint64)
            return np.bitwise_or.reduce(bits, axis=-1)
        values = part.reshape(len(part), *shape) * SCALE[dtype]
        low, high = {"uint8": (0, 127 if self.material == "groove" else 89), "float16": (-0.5, 0.5), "int16": (-1, 489)}[dtype]
        clipped = np.clip(values, low, high)
        return clipped.astype(dtype) if dtype == "float16" else np.rint(clipped).astype(dtype)

    def refine(self, z, columns, steps):
        return z + (1 - 0.5**steps) * (self._clean(columns) - z)


SCALE = {"uint8": 40.0, "float16": 1.0, "int16": 100.0}


def len_of_map(name):
    from musicvae.music.drum_maps import drum_map

    return len(drum_map(name))


def engine(kind="drums", **options):
    return FakePieceEngine(PRESETS[kind], **options)


def piece(kind="drums", bars=2, seed=0, **facts):
    """Something of this kind to play: a beat with a kick on one and three, a snare on two and four and what chance adds."""
    rng = np.random.default_rng([seed, bars])
    made = engine(kind)
    drums = made.drum_map
    if made.material == "performance":
        columns = {"bars": performance(rng, bars)}
    elif made.material == "groove":
        velocity = np.where(rng.random((bars, 16, 9)) < 0.15, rng.integers(30, 120, (bars, 16, 9)), 0)
        velocity[:, ::8, 0], velocity[:, 4::8, 1] = 100, 90
        offsets = np.where(velocity > 0, rng.uniform(-0.4, 0.4, velocity.shape), 0)
        columns = {"bars": velocity.astype(np.uint8), "offsets": offsets.astype(np.float16)}
    else:
        columns = {"drums" if made.material == "trio" else "bars": beat(rng, bars, len_of_map(drums))}
        if made.material == "trio":
            columns |= {"bars": line(rng, bars, 40), "bass": line(rng, bars, 12)}
    return Piece(material=made.material, columns=columns, drum_map=drums, **facts)


def beat(rng, bars, classes):
    hits = np.zeros((bars, 16), np.uint64)
    hits[:, ::8] |= np.uint64(1)
    hits[:, 4::8] |= np.uint64(2)
    extra = np.uint64(1) << rng.integers(2, classes, (bars, 16)).astype(np.uint64)
    return np.where(rng.random((bars, 16)) < 0.4, hits | extra, hits)


def line(rng, bars, low):
    """Events of a melody: an onset on some eighths, a rest here and there."""
    events = np.where(rng.random((bars, 16)) < 0.4, rng.integers(low, low + 20, (bars, 16)), 0)
    events[:, 1::2] = 0
    events[:, 15] = np.where(rng.random(bars) < 0.5, 1, 0)
    events[0, 0] = low + 2
    return events.astype(np.uint8)


def performance(rng, bars):
    rows = np.full((bars, 8, 64), -1, np.int16)
    rows[:, :, 0] = 489
    for bar in range(bars):
        for part in range(2):
            pitch = int(rng.integers(50, 70))
            events = [360 + 30 * part, 355, pitch, 256 + 47, 128 + pitch, pitch + 4, 256 + 47, 128 + pitch + 4, 489]
            rows[bar, part, : len(events)] = events
    return rows
