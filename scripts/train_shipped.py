"""Train the model that ships with the package: network and prior, from a corpus folder to one file.

Needs torch, lightning, numpy and safetensors only; run it from the root of the project, as in

    PYTHONPATH=. python scripts/train_shipped.py CORPUS_DIR -o melody.safetensors --minutes 30

A run that was killed goes on with --resume.
"""

from __future__ import annotations

import argparse
from dataclasses import replace
from pathlib import Path

from musicvae.corpus.store import Corpus
from musicvae.model.config import PRESETS
from musicvae.train.options import MachineOptions, TrainOptions
from musicvae.train.run import train

RECIPE = TrainOptions(
    seed=1, target_bits=226.0, beta=0.15, beta_warmup_steps=300, batch_size=64, lr=2e-3, warmup_steps=300, max_steps=None, max_minutes=58.0,
    patience=None, validate_every_steps=500, prior_steps=4000,
)  # fmt: skip


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("corpus", type=Path, help="folder of a built corpus")
    parser.add_argument("-o", "--output", type=Path, required=True, help="the model file to write")
    parser.add_argument("--preset", default="melody", choices=sorted(PRESETS))
    parser.add_argument("--minutes", type=float, default=RECIPE.max_minutes, help="time for the network alone (default: %(default)s)")
    parser.add_argument("--steps", type=int, default=RECIPE.max_steps, help="end after so many steps, if that is earlier")
    parser.add_argument("--target-bits", type=float, default=RECIPE.target_bits, help="KL of a 16-bar window (default: %(default)s)")
    parser.add_argument("--batch-size", type=int, default=RECIPE.batch_size, help="full windows on each process (default: %(default)s)")
    parser.add_argument("--lr", type=float, default=RECIPE.lr, help="highest learning rate (default: %(default)s)")
    parser.add_argument("--seed", type=int, default=RECIPE.seed)
    parser.add_argument("--prior-steps", type=int, default=RECIPE.prior_steps)
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
    options = replace(
        RECIPE, seed=args.seed, target_bits=args.target_bits, batch_size=args.batch_size, lr=args.lr, max_steps=args.steps,
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
