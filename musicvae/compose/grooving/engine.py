"""Which networks can play given hits, and which can find hits for given taps."""

from __future__ import annotations

from typing import Any

__all__ = ["require_kind"]

_WORDS = {
    "hits": "plays given hits with a feel, such as the shipped 'groove'",
    "taps": "makes beats of taps, such as the shipped 'drumify'",
}


def require_kind(engine: Any, guide: str, name: str, work: str) -> None:
    """ValueError unless the engine is told "hits" or "taps", as `guide` says; name: of the model; work: what was asked of it."""
    told = getattr(engine, "guide", "")
    fits = told == guide and engine.material == ("groove" if guide == "hits" else "drums")
    if not fits:
        what = getattr(engine, "material", "melody")
        raise ValueError(f"{name} (a model of {what}) cannot {work}: that needs a model that {_WORDS[guide]}; leave the model out?")
