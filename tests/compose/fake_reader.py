"""A reader of damaged music without weights: bars are thought to be copies of their nearest known neighbours, one in ten events not.

Of a note whose pitch is unknown it thinks that it is the one most often heard at its step in other bars.
"""

from dataclasses import dataclass, field

import numpy as np


@dataclass
class FakeReader:
    """asked: what `draw` was given, gaps and temperature."""

    sure: float = 0.9
    asked: list = field(default_factory=list)

    def draw(self, tokens, gaps, kind, *, bars, temperature=1.0, seeds, bias=None, doubtful=False):
        self.asked.append((gaps.copy(), temperature))
        out = []
        for row, (own, unknown, bar, seed) in enumerate(zip(tokens, gaps, bars.tolist(), seeds, strict=True)):
            rng = np.random.default_rng(seed)
            known = [other for other in range(len(own)) if other != bar and not unknown[other].any()]
            model = own[min(known, key=lambda other: (abs(other - bar), other))] if known else np.zeros_like(own[bar])
            strange = rng.random(len(model)) >= self.sure
            chosen = np.where(strange, 50, model).astype(np.uint8)
            if bias is not None:
                scores = bias[row].copy()
                scores[np.arange(len(model)), chosen] += 1
                chosen = scores.argmax(axis=1).astype(np.uint8)
            out.append(np.where(unknown[bar] > 0, chosen, own[bar]).astype(np.uint8))
        return np.stack(out)

    def bar_log_probs(self, tokens, gaps, kind, *, bars, doubtful=False):
        """Each event is that of its step in one of the known bars or in a bar of holds, or with a tenth of the chance any other."""
        found = np.zeros((len(tokens), tokens.shape[2]))
        for row, (own, unknown, bar) in enumerate(zip(tokens, gaps, bars.tolist(), strict=True)):
            known = np.concatenate([own[~unknown.any(axis=1)], np.zeros((1, own.shape[1]), own.dtype)])
            assert unknown[bar].all()
            found[row] = np.log(self.sure * (known == own[bar]).mean(axis=0) + (1 - self.sure) / 90)
        return found

    def step_log_probs(self, tokens, gaps, kind, *, bars, steps, doubtful=False):
        assert doubtful
        found = np.full((len(tokens), 90), np.log(1e-3))
        for row, (own, unknown, bar, step) in enumerate(zip(tokens, gaps, bars.tolist(), steps.tolist(), strict=True)):
            assert unknown.sum() == unknown[bar, step] == 2
            others = np.delete(own[:, step], bar)
            found[row] += 3.0 * np.bincount(others, minlength=90)
        return found - np.logaddexp.reduce(found, axis=1)[:, None]
