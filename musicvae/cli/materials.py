"""What to take from files: options that ``musicvae corpus build`` and ``inspect`` share."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from musicvae.cli.parsing import number_list, positive_int, word_list

if TYPE_CHECKING:
    import argparse

    from musicvae.corpus.options import BuildOptions

__all__ = ["add_material_options", "build_options"]


def add_material_options(group: Any) -> None:
    """``--kind``, ``--bars``, ``--hop``, ``--meters`` and ``--drum-map``, as `build_options` takes them."""
    group.add_argument(
        "--kind", choices=("melody", "drums", "groove", "trio", "performance"), default="melody",
        help="melody; drums; groove (drums with velocity and timing); trio (melody, bass, drums); "
        "performance (bars of up to 8 instruments) (default: melody)",
    )  # fmt: skip
    group.add_argument("--bars", type=number_list, metavar="N,N", help="lengths of windows in bars (default: 2,4,8,16; 1 for performances)")
    group.add_argument(
        "--hop", type=positive_int, metavar="N",
        help="bars from one window's start to the next, of shorter ones their own length (default: 4)",
    )  # fmt: skip
    group.add_argument("--meters", type=word_list, metavar="M,M", help="meters taken; 2/4 and 2/2 count as 4/4 (default: 4/4,3/4,6/8)")
    group.add_argument("--drum-map", metavar="NAME", help="classes of drums: nine, nine-old, sixty-one or roland (default: nine)")


def build_options(args: argparse.Namespace) -> BuildOptions:
    """The options that the words on the command line ask for."""
    from musicvae.corpus.options import BuildOptions

    given: dict[str, Any] = {
        "material": args.kind, "bars": args.bars or ((1,) if args.kind == "performance" else None),
        "meters": args.meters, "drum_map": args.drum_map, "hop_bars": args.hop,
        "split_seed": getattr(args, "seed", None), "keep_duplicates": getattr(args, "keep_duplicates", None),
        "max_off_grid": getattr(args, "max_off_grid", None),
        "max_seconds": getattr(args, "max_seconds", None), "max_memory_mib": getattr(args, "max_memory", None),
    }  # fmt: skip
    return BuildOptions(**{name: value for name, value in given.items() if value is not None})
