"""From a model and one to fifty files to a model of one's own, in a minute or two.

What is learned is where in the latent space one's own pieces lie: a copy of the learned prior is moved there (`train.adapter`), while
encoder and decoder stay as they are. What comes out is a whole model file of the same family, which every command takes, a copy of the
base model in all but its prior. Its header says which base it came from, in which meter and at which tempo most files are, so that
generating goes by them, and how much of what it draws is copied. Styles of the base stay true, since z means the same, and are written
beside it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING, Any

import numpy as np

from musicvae.compose.canonical import to_coordinates
from musicvae.compose.engine import Engine, Layout
from musicvae.compose.examples import Examples
from musicvae.compose.library import find_model, model_header
from musicvae.compose.limits import check_seed
from musicvae.compose.personalising.copying import Copying, measure_copying
from musicvae.compose.styles import load_styles, save_styles
from musicvae.model.noise import piece_seed
from musicvae.music.melody import Melody
from musicvae.music.vocabulary import FIRST_PITCH_TOKEN, Tokens, canonical_tokens

if TYPE_CHECKING:
    from musicvae.train.adapter import AdapterOptions

__all__ = ["MAX_FILES", "Personalised", "personalise", "windows_of_tunes"]

MAX_FILES = 50
_SIZES, _HOP = (16, 8), 4
_LEAST_ONSETS_PER_BAR = 0.5
_DRAWN = 24
_DROPPED = ("prior", "description", "name")


@dataclass(frozen=True)
class Personalised:
    """The new model. path: of its file; styles: of the base's styles for it, if there are any; seconds: of learning."""

    path: Path
    styles: Path | None
    copying: Copying
    seconds: float
    notices: tuple[str, ...]


def windows_of_tunes(tunes: Sequence[Tokens], max_bars: int) -> list[Tokens]:
    """Windows (B, S) of tunes (bars, S) to learn from: of 16 and 8 bars, every 4 bars; of a shorter tune the whole."""
    found = []
    for tune in tunes:
        sizes = [size for size in _SIZES if size <= min(max_bars, len(tune))] or [min(max_bars, len(tune))]
        for size in sizes:
            found += [canonical_tokens(tune[first : first + size]) for first in range(0, len(tune) - size + 1, _HOP)]
    return [part for part in found if (part >= FIRST_PITCH_TOKEN).sum() >= _LEAST_ONSETS_PER_BAR * len(part)]


def personalise(
    base: str | Path | None, examples: Examples, path: str | Path, *, seed: int = 0, options: AdapterOptions | None = None,
    description: str = "", threads: int | None = None, force: bool = False, progress: Callable[[str], None] | None = None,
) -> Personalised:  # fmt: skip
    """Write a model like `base` (a name or path) that composes like the melodies in `examples`; the same file for the same seed.

    options: all numbers of the learning, in place of the seed. ValueError for a base that is no model of melodies of this project, for
    no melodies, and for more than `MAX_FILES`, which are enough to train on; FileExistsError where the file is there and `force` is off.
    """
    from musicvae.model.weights import load_melody_model, save_model
    from musicvae.train.adapter import AdapterOptions, adapt_prior, codes_of

    if Path(path).exists() and not force:
        raise FileExistsError(f"{path} exists; give another name, or force=True to replace it")
    if len(examples.melodies) > MAX_FILES:
        raise ValueError(
            f"{len(examples.melodies)} melodies were given, and at most {MAX_FILES} are taken: so many are enough to train on "
            "(musicvae train DIR -o MINE.safetensors --init-from MODEL)"
        )
    tell = progress or (lambda text: None)
    name, base_path = find_model(base)
    bundle, asked = load_melody_model(base_path), options or AdapterOptions(seed=check_seed(seed))
    tunes = _by_kind(examples.melodies, bundle.config)
    windows = [(window, kind) for kind, own in tunes.items() for window in windows_of_tunes(own, bundle.config.max_bars)]
    if not windows:
        raise ValueError("the melodies are too sparse to learn from: they hold less than a note every two bars")
    adapted = adapt_prior(bundle.prior, codes_of(bundle.vae, windows), len(examples.melodies), asked, threads=threads, report=tell)
    tell("measuring copies")
    copying = _copying(base_path, replace(bundle, prior=adapted.prior), tunes, asked.seed)
    about = {
        **{key: value for key, value in bundle.metadata.items() if key not in (*_DROPPED, "format", "config")},
        "description": description or f"{name}, personalised with {len(examples.melodies)} files", "name": Path(path).stem,
        "usual": _usual(examples.melodies),
        "personalised": {"base": name, "hash": bundle.hash, "files": len(examples.melodies), "options": asdict(asked),
                         "effective_dreams": [round(value, 1) for value in adapted.effective], "copying": asdict(copying)},
    }  # fmt: skip
    written = save_model(path, bundle.vae, adapted.prior, metadata=about)
    notices = (*examples.notices, *copying.notices())
    return Personalised(written, _styles_for(base_path, written), copying, adapted.seconds, notices)


def _by_kind(melodies: Sequence[Melody], config: Layout) -> dict[int, list[Tokens]]:
    """Tokens (B, S) of melodies in the model's coordinates, by kind of meter."""
    found: dict[int, list[Tokens]] = {}
    for melody in melodies:
        placed = to_coordinates(melody, canonical_key=config.canonical_key, lowest=config.lowest_pitch, highest=config.highest_pitch)
        found.setdefault(melody.meter.kind_index, []).append(placed.tokens)
    return dict(sorted(found.items()))


def _usual(melodies: Sequence[Melody]) -> dict[str, Any]:
    """Meter and tempo that most melodies have."""
    meter = Counter(str(melody.meter) for melody in melodies).most_common(1)[0][0]
    return {"meter": meter, "tempo_qpm": round(median(melody.tempo_qpm for melody in melodies if str(melody.meter) == meter), 1)}


def _copying(base: Path, moved: Any, tunes: Mapping[int, Sequence[Tokens]], seed: int) -> Copying:
    """How much both models copy, in pieces drawn for the kinds of meter that the files have, as often as they have them."""
    from musicvae.model.engine import Engine as NetworkEngine

    total = sum(map(len, tunes.values()))
    counts = {kind: max(1, round(_DRAWN * len(own) / total)) for kind, own in tunes.items()}
    drawn, before = (_drawn(engine, counts, seed) for engine in (NetworkEngine(moved), NetworkEngine.load(base)))
    return measure_copying(tunes, drawn, before)


def _drawn(engine: Engine, counts: Mapping[int, int], seed: int) -> dict[int, list[Tokens]]:
    bars, found = engine.config.max_bars, {}
    for kind, count in counts.items():
        seeds = [piece_seed(seed, k) for k in range(count)]
        z = engine.sample_prior(seeds, bars=bars, kind=kind)
        found[kind] = list(np.asarray(engine.decode(z, bars=bars, kind=kind, temperature=1.0, seeds=seeds)))
    return found


def _styles_for(base: Path, path: Path) -> Path | None:
    """Write the styles that lie beside the base for the new model."""
    import hashlib

    beside = base.with_name(base.name.removesuffix(".safetensors") + ".styles.safetensors")
    target = path.with_name(path.name.removesuffix(".safetensors") + ".styles.safetensors")
    if not beside.is_file() or not model_header(path):
        target.unlink(missing_ok=True)
        return None
    with path.open("rb") as data:
        digest = hashlib.file_digest(data, "sha256").hexdigest()[:12]
    return save_styles([replace(vector, model_hash=digest) for vector in load_styles(beside).values()], target, force=True)
