"""What a listing of sources passed over, counted by reason."""

from __future__ import annotations

from collections import Counter
from typing import Any

__all__ = ["Skipped"]

_EXAMPLES = 5


class Skipped:
    """Reason -> how many, with the names of the first five."""

    def __init__(self) -> None:
        self.counts: Counter[str] = Counter()
        self.examples: dict[str, list[str]] = {}

    def add(self, reason: str, name: str) -> None:
        """Count one thing that was passed over."""
        self.counts[reason] += 1
        known = self.examples.setdefault(reason, [])
        if len(known) < _EXAMPLES:
            known.append(name)

    def update(self, words: dict[str, Any]) -> None:
        """Add what `to_dict` of another one gave."""
        for reason, entry in words.items():
            self.counts[reason] += int(entry["count"])
            known = self.examples.setdefault(reason, [])
            known += entry["examples"][: _EXAMPLES - len(known)]

    def to_dict(self) -> dict[str, Any]:
        """``{reason: {"count": n, "examples": [name, ...]}}``, sorted by reason."""
        return {reason: {"count": count, "examples": list(self.examples[reason])} for reason, count in sorted(self.counts.items())}

    def __len__(self) -> int:
        return self.counts.total()

    def __repr__(self) -> str:
        return f"Skipped({dict(sorted(self.counts.items()))})"
