"""Train a model that ships with the package: network and prior, from a corpus folder to one file.

Needs torch, lightning, numpy and safetensors only; run it from the root of the project, as in

    PYTHONPATH=. python scripts/train_shipped.py CORPUS_DIR -o drums.safetensors --preset drums --minutes 30

Corpora are built by scripts/build_corpus.py (melody) and scripts/build_pieces_corpora.py (all others). A run that was killed goes on
with --resume.
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from musicvae.corpus.store import Corpus
from musicvae.model.config import PRESETS
from musicvae.model.pieces.config import PIECE_PRESETS
from musicvae.train.options import MachineOptions, TrainOptions
from musicvae.train.recipes import piece_options_for
from musicvae.train.run import train

COMMON: dict[str, Any] = {
    "seed": 1, "beta": 0.15, "beta_warmup_steps": 300, "batch_size": 64, "lr": 2e-3, "warmup_steps": 300, "max_steps": None,
    "patience": None, "validate_every_steps": 500, "prior_steps": 4000,
}  # fmt: skip
RATES_AND_MINUTES = {
    "melody": (226.0, 58.0), "drums": (800.0, 50.0), "groove": (None, 40.0), "drumify": (None, 30.0), "trio": (None, 120.0),
    "trio-melody": (None, 30.0), "trio-bass": (None, 30.0), "trio-drums": (None, 30.0),
}  # fmt: skip
"""KL of a 16-bar window in bits (None: as the preset's recipe has it), and minutes for the network alone."""


def recipe(preset: str, **asked: Any) -> TrainOptions:
    """The options of a shipped model, those that are asked for changed."""
    bits, minutes = RATES_AND_MINUTES[preset]
    changes = {**COMMON, "max_minutes": minutes, **({} if bits is None else {"target_bits": bits})}
    changes |= {name: value for name, value in asked.items() if value is not None}
    return TrainOptions(**changes) if preset in PRESETS else piece_options_for(PIECE_PRESETS[preset], **changes)


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("corpus", type=Path, help="folder of a built corpus")
    parser.add_argument("-o", "--output", type=Path, required=True, help="the model file to write")
    parser.add_argument("--preset", default="melody", choices=RATES_AND_MINUTES)
    parser.add_argument("--minutes", type=float, help="time for the network alone (default: that of the shipped model)")
    parser.add_argument("--steps", type=int, help="end after so many steps, if that is earlier")
    parser.add_argument("--target-bits", type=float, help="KL of a 16-bar window (default: that of the shipped model)")
    parser.add_argument("--batch-size", type=int, help=f"full windows on each process (default: {COMMON['batch_size']})")
    parser.add_argument("--lr", type=float, help=f"highest learning rate (default: {COMMON['lr']})")
    parser.add_argument("--seed", type=int, help=f"decides all chance (default: {COMMON['seed']})")
    parser.add_argument("--prior-steps", type=int, help=f"longest fit of the prior (default: {COMMON['prior_steps']})")
    parser.add_argument("--init-from", type=Path, help="model file to start from")
    parser.add_argument("--resume", action="store_true", help="go on with a run that was killed")
    parser.add_argument("--force", action="store_true", help="begin anew, and replace the output")
    parser.add_argument("--run-dir", type=Path, help="folder of checkpoints and logs (default: OUTPUT.run)")
    parser.add_argument("--accelerator", default="auto")
    parser.add_argument("--devices", type=int, default=1)
    parser.add_argument("--strategy", default="auto")
    parser.add_argument("--precision", default="bf16-mixed", help="bf16-mixed or 32-true (default: %(default)s)")
    parser.add_argument("--threads", type=int)
    parser.add_argument("--checkpoint-minutes", type=float, default=2.0)
    return parser.parse_args()


def main() -> None:
    args = arguments()
    options = recipe(
        args.preset, seed=args.seed, target_bits=args.target_bits, batch_size=args.batch_size, lr=args.lr, max_steps=args.steps,
        max_minutes=args.minutes, prior_steps=args.prior_steps,
    )  # fmt: skip
    machine = MachineOptions(
        accelerator=args.accelerator, devices=args.devices, strategy=args.strategy, precision=args.precision, threads=args.threads,
        run_dir=args.run_dir, checkpoint_minutes=args.checkpoint_minutes,
    )  # fmt: skip
    result = train(
        Corpus.load(args.corpus), args.output, config=args.preset, options=options, machine=machine, resume=args.resume, force=args.force,
        init_from=args.init_from,
    )  # fmt: skip
    if result.rank:
        return
    print(f"{result.path}: {result.steps} steps in {result.seconds / 60:.1f} minutes")
    for name, value in {**result.figures, **{f"prior {name}": value for name, value in result.prior.items()}}.items():
        print(f"  {name:42} {value:10.3f}")


if __name__ == "__main__":
    main()
