"""A player and a drummer without weights: each bar is played by itself, from its hits or taps, its own block of z and the piece's."""

from dataclasses import dataclass, field
from types import SimpleNamespace

import numpy as np

from musicvae.model.noise import generator

GLOBAL, BAR = 2, 3


@dataclass
class FakePlayer:
    """Late by 0.3 x the first number of the bar's z, louder by 20 x the second; steps and drums have their own ways.

    What encodes is told exactly: the mean offset and loudness of each bar. wild: how strange the ways are.
    """

    bars: int = 16
    wild: float = 0.2
    hash: str = "fake-player"
    title: str = "fake"
    material: str = "groove"
    guide: str = "hits"
    fixed_window: bool = False
    metadata: dict = field(default_factory=dict)
    calls: list = field(default_factory=list)

    def __post_init__(self):
        self.config = SimpleNamespace(z_size=GLOBAL + BAR * self.bars, z_global=GLOBAL, z_bar=BAR, max_bars=self.bars)

    def z_used(self, bars):
        return GLOBAL + BAR * bars

    def encode(self, columns):
        struck = columns["bars"] > 0
        count = np.maximum(struck.sum((2, 3)), 1)
        late = (columns["offsets"].astype(float) * struck).sum((2, 3)) / count
        loud = (columns["bars"] * struck).sum((2, 3)) / count
        z = np.zeros((len(struck), self.config.z_size))
        for bar in range(struck.shape[1]):
            z[:, GLOBAL + BAR * bar], z[:, GLOBAL + BAR * bar + 1] = late[:, bar] / 0.3, (loud[:, bar] - 80) / 20
        return z, np.ones_like(z)

    def sample_prior(self, seeds, *, bars, temperature=1.0, given=None, given_bars=0, told=None):
        z = temperature * np.stack([generator(seed, "z").standard_normal(self.config.z_size) for seed in seeds])
        z[:, self.z_used(bars) :] = 0
        if given is not None:
            z[:, : self.z_used(given_bars)] = given[:, : self.z_used(given_bars)]
        return z

    def decode(self, z, *, bars, temperature, seeds=None, told=None, given=None):
        assert z.shape == (len(z), self.config.z_size)
        assert not z[:, self.z_used(bars) :].any()
        assert told["hits"].shape == (len(z), bars, 16)
        assert told["tempo"].shape == (len(z), bars)
        self.calls.append((z, told))
        struck = ((told["hits"][..., None] >> np.arange(9, dtype=np.uint64)) & np.uint64(1)) > 0
        block = z[:, GLOBAL : self.z_used(bars)].reshape(len(z), bars, BAR)
        step, drum = np.arange(16)[:, None], np.arange(9)[None, :]
        late = 0.3 * block[..., 0, None, None] + self.wild * np.sin(1.3 * step + 2.1 * drum) + z[:, 0, None, None, None] * 0.01
        loud = 80 + 20 * block[..., 1, None, None] + 15 * np.cos(0.7 * step + drum) + told["tempo"][..., None, None] / 100
        if temperature > 0:
            noise = np.stack([generator(seed, "feel").standard_normal((2, bars, 16, 9)) for seed in seeds])
            late, loud = late + 0.05 * temperature * noise[:, 0], loud + 4 * temperature * noise[:, 1]
        velocity = np.where(struck, np.clip(np.rint(loud), 1, 127), 0).astype(np.uint8)
        return {"bars": velocity, "offsets": np.where(struck, np.clip(late, -0.5, 0.5), 0).astype(np.float16)}


@dataclass
class FakeDrummer(FakePlayer):
    """A kick or, on two and four, a snare at each tap; hi-hats on eighths where the bar's z is above 0."""

    hash: str = "fake-drummer"
    material: str = "drums"
    guide: str = "taps"

    def decode(self, z, *, bars, temperature, seeds=None, told=None, given=None):
        assert z.shape == (len(z), self.config.z_size)
        assert {name: column.shape[:2] for name, column in told.items()} == dict.fromkeys(("taps", "tap_offsets", "tempo"), (len(z), bars))
        self.calls.append((z, told))
        step = np.arange(16)
        main = np.where(step % 8 == 4, np.uint64(2), np.uint64(1))
        hats = np.where(step % 2 == 0, np.uint64(4), np.uint64(0))
        wants = z[:, GLOBAL : self.z_used(bars)].reshape(len(z), bars, BAR)[..., 0] > 0
        return {"bars": told["taps"].astype(np.uint64) * main | wants[..., None].astype(np.uint64) * hats}
