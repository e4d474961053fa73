"""From a model and one to fifty files to a model of one's own, in a minute or so.

What is learned is where in the latent space one's own pieces lie: the learned prior leans towards them (`train.adapter`), each kind of
meter by the files in it, while the networks stay as they are. What comes out is a whole model file of the same family, which every
command takes. Its header says which base it came from, in which meter and at which tempo most files are, so that generating goes by
them, and how much of what it draws is copied. Styles of the base stay true, since z means the same, and are written beside it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from musicvae.compose.examples import Examples
from musicvae.compose.library import find_model, model_header
from musicvae.compose.limits import check_seed
from musicvae.compose.personalising.copying import Copying, measure_copying
from musicvae.compose.personalising.lessons import Marks, Window, marks_of_columns, tunes_by_kind, usual_of, windows_of
from musicvae.compose.personalising.telling import leaning_notices
from musicvae.compose.pieces.intake import PieceExamples
from musicvae.compose.styles import load_styles, save_styles
from musicvae.model.noise import piece_seed

if TYPE_CHECKING:
    from musicvae.model.weights import Bundle, PieceBundle
    from musicvae.train.adapter import AdapterOptions, Leaning

    OwnBundle = Bundle | PieceBundle

__all__ = ["MAX_FILES", "Personalised", "personalise"]

MAX_FILES = 50
_DRAWN = 24
_ALONE = ("prior", "description", "name")
MarksByKind = dict[int, dict[int, Marks]]


@dataclass(frozen=True)
class Personalised:
    """The new model. path: of its file; styles: of the base's styles for it, if there are any; leanings: of each kind of meter.

    seconds: of learning.
    """

    path: Path
    styles: Path | None
    copying: Copying
    leanings: tuple[Leaning, ...]
    seconds: float
    notices: tuple[str, ...]


def personalise(
    base: str | Path | None, examples: Examples | PieceExamples, path: str | Path, *, seed: int = 0, options: AdapterOptions | None = None,
    description: str = "", threads: int | None = None, force: bool = False, progress: Callable[[str], None] | None = None,
) -> Personalised:  # fmt: skip
    """Write a model like `base` (a name or path) that composes like examples of its material; the same file for the same seed.

    options: all numbers of the learning, in place of the seed. ValueError for a base whose prior is not a learned one of this project, for
    examples of another material, and for more than `MAX_FILES`, which are enough to train on; FileExistsError where the file is there and
    `force` is off.
    """
    from musicvae.model.tilt import TiltedPrior
    from musicvae.model.weights import save_model
    from musicvae.train.adapter import AdapterOptions, adapt_prior

    if Path(path).exists() and not force:
        raise FileExistsError(f"{path} exists; give another name, or force=True to replace it")
    music: Sequence[Any] = examples.melodies if isinstance(examples, Examples) else examples.pieces
    if len(music) > MAX_FILES:
        raise ValueError(
            f"{len(music)} {'melodies' if isinstance(examples, Examples) else 'pieces'} were given, and at most {MAX_FILES} are taken: "
            "so many are enough to train on (musicvae train DIR -o MINE.safetensors --init-from MODEL)"
        )
    tell = progress or (lambda text: None)
    name, base_path = find_model(base)
    bundle, notices = _bundle_of(base_path, name, examples)
    asked = options or AdapterOptions(seed=check_seed(seed))
    marks = _marks_of(bundle, examples)
    tell("encoding")
    lessons = list(_lessons(bundle, examples, marks))
    if not lessons:
        raise ValueError("the pieces are too sparse to learn from: they hold less than a note every two bars")
    assert bundle.prior is not None
    base_prior = bundle.prior.base if isinstance(bundle.prior, TiltedPrior) else bundle.prior
    adapted = adapt_prior(base_prior, lessons, asked, drawing=_drawing(bundle), threads=threads, report=tell)
    tell("measuring copies")
    copying = _copying(bundle, [replace(bundle, prior=prior) for prior in (adapted.prior, base_prior)], marks, asked.seed)
    about = {
        **{key: value for key, value in bundle.metadata.items() if key not in (*_ALONE, "format", "network", "config", "personalised")},
        "description": description or f"{name}, personalised with {len(music)} files", "name": Path(path).stem,
        "usual": usual_of([(str(piece.meter), piece.tempo_qpm) for piece in music]),
        "personalised": {"base": name, "hash": bundle.hash, "files": len(music), "options": asdict(asked), "copying": asdict(copying),
                         "leanings": [asdict(leaning) for leaning in adapted.leanings]},
    }  # fmt: skip
    written: Path = save_model(path, bundle.vae, adapted.prior, metadata=about)
    told = (*examples.notices, *notices, *leaning_notices(adapted.leanings, name, _kinds(bundle)), *copying.notices())
    return Personalised(written, _styles_for(base_path, written), copying, adapted.leanings, adapted.seconds, told)


def _bundle_of(path: Path, name: str, examples: Examples | PieceExamples) -> tuple[OwnBundle, tuple[str, ...]]:
    """The base, and what is to be said of it."""
    from musicvae.model.tilt import TiltedPrior
    from musicvae.model.weights import Bundle, PieceBundle, load_melody_model, load_model

    of_pieces = isinstance(examples, PieceExamples)
    bundle = load_model(path) if of_pieces else load_melody_model(path)
    if not isinstance(bundle, PieceBundle if of_pieces else Bundle):
        raise ValueError(f"{path} is no model of drums or trios of our own, and one is needed here")
    if bundle.prior is None or (isinstance(bundle, PieceBundle) and bundle.config.told):
        raise ValueError(f"{name} plays what it is given and has no pieces of its own to lean: personalise melody, drums or trio")
    if isinstance(bundle, PieceBundle):
        others = {piece.material for piece in examples.pieces if piece.material != bundle.config.material}  # type: ignore[union-attr]
        if others:
            raise ValueError(f"{name} is a model of {bundle.config.material}, and pieces of {', '.join(sorted(others))} were given")
    if isinstance(bundle.prior, TiltedPrior):
        return bundle, (f"{name} is personalised already: this begins anew from what it came from",)
    return bundle, ()


def _marks_of(bundle: OwnBundle, examples: Examples | PieceExamples) -> MarksByKind:
    """Marks of the files by kind of meter and file."""
    if isinstance(examples, Examples):
        return tunes_by_kind(examples, bundle.config)  # type: ignore[arg-type]  # of melodies
    config: Any = bundle.config
    return {0: {file: marks_of_columns(piece.columns, config.material, config.drums) for file, piece in enumerate(examples.pieces)}}


def _lessons(bundle: OwnBundle, examples: Examples | PieceExamples, marks: MarksByKind) -> Iterator[Any]:
    """The codes of windows of all lengths, each kind of meter by itself."""
    from musicvae.train.adapter import Examples as Lesson
    from musicvae.train.adapter import melody_code, pieces_code

    vae: Any = bundle.vae
    for kind, own in marks.items():
        for bars in range(1, bundle.config.max_bars + 1):
            windows = windows_of(own, bars)
            if not windows:
                continue
            if isinstance(examples, Examples):
                code = melody_code(vae, np.stack([_cut(own[window.file], window) for window in windows]), kind)
            else:
                names = [name for name in examples.pieces[0].columns if name != "chords"]
                code = pieces_code(
                    vae,
                    {name: np.stack([_cut(examples.pieces[window.file].columns[name], window) for window in windows]) for name in names},
                )
            yield Lesson(code, np.array([window.file for window in windows]))


def _cut(rows: Any, window: Window) -> Any:
    return rows[window.start : window.start + window.bars]


def _drawing(bundle: OwnBundle) -> Any:
    """How an engine draws from the prior of the model."""
    from musicvae.train.adapter import Drawing

    scale, first = (bundle.metadata.get(name) for name in ("prior_scale", "first_scale"))
    return Drawing(1.0 if scale is None else float(scale), None if first is None else float(first))


def _kinds(bundle: OwnBundle) -> int:
    """How many kinds of meter the model knows."""
    kinds: Sequence[int] = getattr(bundle.config, "kinds", (0,))
    return len(kinds)


def _copying(bundle: OwnBundle, models: Sequence[OwnBundle], marks: MarksByKind, seed: int) -> Copying:
    """How much both models copy, in pieces drawn for the kinds of meter that the files have, as often as they have them."""
    total = sum(map(len, marks.values()))
    counts = {kind: max(1, round(_DRAWN * len(own) / total)) for kind, own in marks.items()}
    drawn, before = (_drawn(model, counts, seed) for model in models)
    return measure_copying({kind: list(own.values()) for kind, own in marks.items()}, drawn, before)


def _drawn(bundle: OwnBundle, counts: Mapping[int, int], seed: int) -> dict[int, list[Marks]]:
    from musicvae.model.engine import Engine
    from musicvae.model.pieces.engine import PiecesEngine
    from musicvae.model.weights import Bundle

    bars, found = bundle.config.max_bars, {}
    for kind, count in counts.items():
        seeds = [piece_seed(seed, k) for k in range(count)]
        if isinstance(bundle, Bundle):
            engine = Engine(bundle)
            z = engine.sample_prior(seeds, bars=bars, kind=kind)
            found[kind] = list(engine.decode(z, bars=bars, kind=kind, temperature=1.0, seeds=seeds))
        else:
            pieces = PiecesEngine(bundle)
            columns = pieces.decode(pieces.sample_prior(seeds, bars=bars), bars=bars, temperature=1.0, seeds=seeds)
            found[kind] = list(marks_of_columns(columns, bundle.config.material, bundle.config.drums))
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
