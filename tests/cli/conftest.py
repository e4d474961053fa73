"""A stand-in for the model, so that the command line is tested without a network."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import pytest

from musicvae.cli.main import main
from musicvae.compose import model as compose_model
from musicvae.compose.code import Code
from musicvae.compose.intake import Taken, take
from musicvae.compose.varying.results import Blends, Variations
from musicvae.compose.windows import Window
from musicvae.music.melody import Melody
from musicvae.music.meter import Meter

SCALE = (60, 62, 64, 65, 67, 69, 71, 72)
COMMON_TIME = Meter(4, 4)


def make_tune(shift: int = 0, *, bars: int = 4, meter: Meter = COMMON_TIME, **fields: Any) -> Melody:
    """A scale of quarter notes."""
    beats = int(bars * meter.beats_per_bar)
    return Melody.from_beats([(SCALE[i % 8] + shift, i, 1) for i in range(beats)], num_bars=bars, meter=meter, **fields)


@dataclass
class StandIn:
    """Answers every call with a plain melody and remembers the calls."""

    calls: list[tuple[str, dict[str, Any]]] = field(default_factory=list)
    material = "melody"

    def called(self, what: str) -> dict[str, Any]:
        """The keywords of the only call of this kind."""
        found = [options for name, options in self.calls if name == what]
        assert len(found) == 1, self.calls
        return found[0]

    def load(self, name: str | None = None, *, device: str = "cpu", threads: int | None = None) -> StandIn:
        self.calls.append(("load", {"name": name, "device": device, "threads": threads}))
        if name == "nope":
            raise ValueError("no model is named 'nope'")
        return self

    def take(self, source: str, **where: Any) -> Taken:
        return take(source, **where)

    def generate_many(
        self, n: int, *, bars: int, seed: int, meter: Meter | None = None, tempo_qpm: float | None = None, **options: Any
    ) -> list[Melody]:
        self.calls.append(("generate_many", {"n": n, "bars": bars, "seed": seed, "meter": meter, "tempo_qpm": tempo_qpm, **options}))
        plain = make_tune(bars=bars, meter=meter or Meter(4, 4), tempo_qpm=tempo_qpm or 120.0)
        return [replace(plain.transposed(k % 12), provenance={"seed": seed + 1000 * k}) for k in range(n)]

    def interpolate(self, a: Melody, b: Melody, *, steps: int, **options: Any) -> Any:
        self.calls.append(("interpolate", {"a": a, "b": b, "steps": steps, **options}))
        return Pieces([a, *[a] * (steps - 2), b])

    def path_through(self, sources: list[Melody], steps: int, **options: Any) -> Any:
        return self._blends("path_through", sources, [(1.0, *[0.0] * (len(sources) - 1))] * steps, steps=steps, **options)

    def grid(self, corners: list[Melody], rows: int, columns: int, **options: Any) -> Any:
        return self._blends("grid", corners, [(0.0, 0.0, 1.0, 0.0)] * (rows * columns), rows=rows, columns=columns, **options)

    def mix(self, sources: list[Melody], weights: list[float], **options: Any) -> Any:
        return self._blends("mix", sources, [tuple(weights)], shares=weights, **options)

    def morph(self, sources: list[Melody], rounds: int, **options: Any) -> Any:
        return replace(self._blends("morph", sources, [(1.0, 0.0)], rounds=rounds, **options), weights=((1.0, 0.0),) * 8)

    def _blends(self, what: str, sources: list[Melody], weights: list[tuple[float, ...]], **options: Any) -> Any:
        self.calls.append((what, {"sources": sources, **options}))
        return Blends(tuple([sources[0]] * len(weights)), ("B was transposed",), tuple(weights), tuple(sources))

    def vary(self, melody: Melody, amount: list[float], n: int, **options: Any) -> Any:
        self.calls.append(("vary", {"melody": melody, "amount": amount, "n": n, **options}))
        pieces = tuple(replace(melody, provenance={"seed": 70 + k}) for k in range(n) for _ in amount)
        return Variations(pieces, ("the key is not stated",), tuple(amount) * n, tuple(amount) * n)

    def encode(self, melody: Melody, *, refine: int = 0, chords: str | None = None) -> Code:
        self.calls.append(("encode", {"melody": melody, "refine": refine, "chords": chords}))
        return Code(
            mu=np.zeros((1, 3)), sigma=np.ones((1, 3)), windows=(Window(0, melody.num_bars),), held=(False,), meter=melody.meter,
            num_bars=melody.num_bars, tempo_qpm=melody.tempo_qpm, key=None, shift_semitones=0, program=0, name="Melody",
            played=np.zeros((0, 3), np.int64), model_hash="abc", refine=refine,
        )  # fmt: skip

    def decode(self, code: Code, *, temperature: float, seed: int, chords: str | None = None) -> Melody:
        self.calls.append(("decode", {"temperature": temperature, "seed": seed, "chords": chords}))
        return make_tune(bars=code.num_bars)

    def reconstruct(self, melody: Melody, *, refine: int, temperature: float, seed: int, chords: str | None = None) -> Melody:
        self.calls.append(("reconstruct", {"refine": refine, "temperature": temperature, "seed": seed, "chords": chords}))
        return melody


class Pieces(list[Melody]):
    notices = ("B was transposed", "B was played 2 times")


@pytest.fixture
def model(monkeypatch):
    """The stand-in, which is what every name loads."""
    stand_in = StandIn()
    for name in ("load", "load_melodic"):
        monkeypatch.setattr(compose_model, name, stand_in.load)
    return stand_in


@pytest.fixture
def tune():
    """Makes scales."""
    return make_tune


@pytest.fixture
def run(capsys, monkeypatch, tmp_path):
    """Run the command line in an empty folder: exit code, standard output, standard error."""
    monkeypatch.chdir(tmp_path)

    def call(*words: str) -> tuple[int, str, str]:
        code = main(list(words))
        captured = capsys.readouterr()
        return code, captured.out, captured.err

    return call


@pytest.fixture
def two_tunes(tmp_path):
    """a.mid (4 bars) and b.mid (8 bars, a second track named Bass)."""
    from musicvae.music.midi import write_midi

    write_midi([make_tune(name="Song")], tmp_path / "a.mid")
    write_midi([make_tune(5, bars=8, name="Song"), make_tune(-12, bars=8, name="Bass")], tmp_path / "b.mid")
    return tmp_path


@pytest.fixture
def fails(run):
    """Run the command line and check that it fails with one line on standard error that holds these parts."""

    def call(words: str | list[str], *parts: str, code: int = 2) -> None:
        got, out, err = run(*(words.split() if isinstance(words, str) else words))
        assert got == code, (got, out, err)
        assert out == ""
        assert err.startswith("musicvae: "), err
        assert err.endswith("\n"), err
        assert err.count("\n") == 1, err
        for part in parts:
            assert part in err, (part, err)

    return call
