"""Make a trained model of drums, grooves, beats from taps or trios ready to ship: settle its form, learn its styles, measure it.

    python scripts/ship_pieces.py MODEL CORPUS -o FOLDER --name drums [--seen FILE] [--quick] [--no-evaluation] [--threshold-only]

Writes NAME.safetensors, NAME.styles.safetensors, NAME.json (the measured figures) and NAME.md (the card) into FOLDER. The form is settled
on validation pieces; styles are learnt from training and validation pieces; test pieces are only measured on. FILE: what pictures of
samples show, in words, for the card. With --threshold-only a model that was shipped gets a new threshold of expected hits, and its style
vectors, which it does not touch, are bound to the file that makes.
"""

from __future__ import annotations

import argparse
from dataclasses import replace
from pathlib import Path
from typing import Any

from musicvae.compose.grooving.expecting import settle_threshold
from musicvae.compose.learning import Lesson
from musicvae.compose.pieces.form import settle_form
from musicvae.compose.pieces.groups import GroupStyles, LabelledPassages, corpus_passages, learn_groups
from musicvae.compose.pieces.learning import learn_from_attribute
from musicvae.compose.pieces.model import PieceModel
from musicvae.compose.pieces.passages import Passages
from musicvae.compose.styles import StyleVector, load_styles, save_styles
from musicvae.corpus.store import Corpus
from musicvae.evaluate.pieces.windows import PieceCodec, select_pieces, told_of
from musicvae.model.pieces.engine import PiecesEngine
from musicvae.model.weights import add_metadata

MOST_BYTES = 16 * 2**20
FORM_BARS, USUAL_BARS, THRESHOLD_BARS = 16, 4, 4
FIRST_SCALE = 1.0
"""Of beats: their first bar is drawn as the prior has learnt it, and only how closely the others follow is settled."""
STYLE_SPLITS = ("train", "validation")
ATTRIBUTES = {
    ("drums", ""): ("density", "offbeat", "kick", "snare", "hats", "toms", "cymbals"),
    ("drums", "taps"): ("kick", "snare", "hats", "toms", "cymbals"),
    ("groove", "hits"): ("loudness", "dynamics", "lateness", "swing"),
    ("trio", ""): ("density", "offbeat", "melody", "bass", "kick", "snare", "hats"),
}
"""What vectors are learnt for, by material and what is told."""
LEAST_EFFECT = 0.5
"""Of what is wanted at strength 1: a vector that moves less is not shipped."""
WITHOUT_GROUPS = ("trio",)  # labels of its corpora are of collections, not of styles


def say(text: str) -> None:
    print(f"  {text}", flush=True)


def form_of(engine: PiecesEngine, corpus: Corpus, pieces: int) -> dict[str, Any]:
    """Entries of the header on how new pieces hang together; {} for grooves: their prior is N(0, I), their bars never return."""
    if engine.material == "groove":
        return {}
    found = corpus_passages(engine, corpus, ("validation",), at_most=20_000).passages
    longest = max(found.bars)
    real = found.take([row for row, bars in enumerate(found.bars) if bars == min(FORM_BARS, longest)]).some(pieces)
    usual, first = None, dict[str, float]()
    if engine.material == "drums" and not engine.guide:
        engine.first_scale = FIRST_SCALE
        first = {"first_scale": FIRST_SCALE}
        # Most new beats are as short, and held-out ones of 16 bars are few.
        usual = found.take([row for row, bars in enumerate(found.bars) if bars == min(USUAL_BARS, longest)]).some(pieces)
    form = settle_form(engine, real, usual=usual, tell=say)
    shares = {
        "different_bars_validation": round(form.real, 4), "different_bars_generated": round(form.drawn, 4),
        "changed_steps_validation": round(form.real_changes, 4), "changed_steps_generated": round(form.drawn_changes, 4),
        "pieces": len(real),
    }  # fmt: skip
    settled = {"prior_scale": form.prior_scale, "return_threshold": form.return_threshold, "usual_spread": form.usual_spread}
    return {**first, **settled, "form": shares}


def threshold_of(engine: PiecesEngine, corpus: Corpus, windows: int | None) -> dict[str, Any]:
    """The entry of the header on which hits are to be expected of taps; {} for networks of another kind."""
    if engine.guide != "taps":
        return {}
    real = select_pieces(corpus, "validation", bars=THRESHOLD_BARS, limit=windows)
    told = told_of(engine, real.columns)
    assert told is not None
    threshold, scores = settle_threshold(engine, PieceCodec(engine).hits(real.columns), told)
    say(f"hits are expected above {threshold:g}: hit F1 {scores[threshold]:.3f}, at most {max(scores.values()):.3f}")
    return {"hit_threshold": threshold, "hit_threshold_f1_validation": round(scores[threshold], 4)}


def with_threshold(path: Path, corpus: Corpus, out: Path, windows: int | None) -> None:
    """The model and its styles again, with a threshold; same tensors, same directions."""
    styles = load_styles(path.with_suffix(".styles.safetensors"))
    entries = threshold_of(PiecesEngine.load(path), corpus, windows)
    if not entries:
        raise SystemExit(f"{path} makes no beats of taps, so that it needs no threshold")
    made = PiecesEngine.load(add_metadata(path, out / path.name, entries))
    save_styles([replace(vector, model_hash=made.hash) for vector in styles.values()], out / f"{path.stem}.styles.safetensors", force=True)
    say(f"{path.name} is now {made.hash}")


def attribute_styles(engine: PiecesEngine, passages: Passages) -> list[StyleVector]:
    """Vectors of the attributes that vary."""
    vectors = []
    for name in ATTRIBUTES[engine.material, engine.guide]:
        hold = ("density",) if engine.material != "groove" and name != "density" and not engine.guide else ()
        try:
            vectors.append(learn_from_attribute(engine, Lesson(name), name, passages, hold=hold, tell=lambda text: None))
        except ValueError as error:
            say(f"{name}: none ({error})")
        else:
            found = vectors[-1].report["calibration"]
            weak = found["effect_at_1"] < LEAST_EFFECT * found["target"]
            say(f"{name}: {found['effect_at_1']:+.3f} at strength 1, {found['target']:.3f} wanted{': left out' if weak else ''}")
            if weak:
                vectors.pop()
    return vectors


def learn_styles(engine: PiecesEngine, corpus: Corpus, found: LabelledPassages) -> tuple[list[StyleVector], GroupStyles]:
    """Vectors of attributes and of groups."""
    vectors = attribute_styles(engine, found.passages)
    if engine.material in WITHOUT_GROUPS:
        return vectors, GroupStyles(())
    groups = learn_groups(engine, corpus, found, splits=STYLE_SPLITS, tell=say)
    for label, why in groups.left_out.items():
        say(f"{label}: too small ({why})")
    return [*vectors, *groups.vectors], groups


def measure(path: Path, corpus: Corpus, groups: GroupStyles, seen: str, *, quick: bool) -> None:
    """Write the figures and the card beside the model."""
    from musicvae.evaluate.pieces.cards import card
    from musicvae.evaluate.pieces.run import evaluate_pieces

    engine = PiecesEngine.load(path)
    name = path.name.removesuffix(".safetensors")
    result = evaluate_pieces(
        PieceModel(engine, name=name, path=path), corpus, quick=quick, progress=lambda text: say(text) if ":" not in text else None
    )
    path.with_suffix(".json").write_text(result.to_json() + "\n", encoding="utf-8")
    left_out = {label: f"too small, {why}" for label, why in groups.left_out.items()}
    text = card(name, metadata=dict(engine.metadata), corpus=corpus, evaluation=result, seen=seen, left_out=left_out)
    path.with_suffix(".md").write_text(text, encoding="utf-8")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model", type=Path)
    parser.add_argument("corpus", type=Path)
    parser.add_argument("-o", "--out", type=Path, required=True)
    parser.add_argument("--name", required=True, choices=("drums", "groove", "drumify", "trio"))
    parser.add_argument("--seen", type=Path, help="text for the card on what pictures of samples show")
    parser.add_argument("--quick", action="store_true", help="few of everything, to try the script")
    parser.add_argument("--threshold-only", action="store_true", help="settle the threshold of expected hits anew, and nothing else")
    parser.add_argument("--no-evaluation", action="store_true", help="weights and styles alone")
    args = parser.parse_args()
    seen = args.seen.read_text(encoding="utf-8") if args.seen else ""
    corpus, engine = Corpus.load(args.corpus), PiecesEngine.load(args.model)
    args.out.mkdir(parents=True, exist_ok=True)
    if args.threshold_only:
        with_threshold(args.model, corpus, args.out, 16 if args.quick else None)
        return
    print("form", flush=True)
    entries = form_of(engine, corpus, 16 if args.quick else 192)
    entries |= threshold_of(engine, corpus, 16 if args.quick else None)
    print("styles", flush=True)
    found = corpus_passages(engine, corpus, STYLE_SPLITS, at_most=300 if args.quick else 8000)
    mean = found.passages.filled(engine).mean(axis=0)
    entries |= {"mean_mu": [round(float(x), 5) for x in mean], "name": args.name}
    path = add_metadata(args.model, args.out / f"{args.name}.safetensors", entries)
    if path.stat().st_size > MOST_BYTES:
        raise SystemExit(f"{path} has {path.stat().st_size:,} bytes, more than {MOST_BYTES:,}: train a smaller network")
    vectors, groups = learn_styles(PiecesEngine.load(path), corpus, found)
    save_styles(vectors, path.with_suffix(".styles.safetensors"), force=True)
    if not args.no_evaluation:
        print("evaluation", flush=True)
        measure(path, corpus, groups, seen, quick=args.quick)


if __name__ == "__main__":
    main()
