"""The tokens of a melody, bar by bar, in the light of the bars before them and of the mixer's experience.

Conventions: tokens as in `music.vocabulary`, canonical; a bar is coded as a repeat of an earlier one, or step by step.
"""

from __future__ import annotations

from musicvae.compose.compressing.mixing import Mixer
from musicvae.compose.compressing.numbers import code_natural
from musicvae.music.vocabulary import FIRST_PITCH_TOKEN, HOLD, NOTE_OFF, VOCABULARY_SIZE

__all__ = ["Bar", "MelodyCoder"]

Bar = tuple[int, ...]
"""The tokens of a bar."""

_PITCH_BITS = 7
_PITCHES = VOCABULARY_SIZE - FIRST_PITCH_TOKEN
_REACHES = (12, 6, 3)
_SHOWN_AGE = 24


class MelodyCoder:
    """The melodies of a file, one after another."""

    def __init__(self, mixer: Mixer) -> None:
        self._mixer = mixer
        self.bars: list[Bar] = []
        self._lag = 0
        self._events: list[tuple[int, int]] = []  # pitch and steps since the event before it
        self._flat: list[int] = []
        self._age, self._sounds = 0, False
        self._pitches = [-1, -1, -1]
        self._places: dict[tuple[object, ...], int] = {}
        self._followed, self._good = -1, 0

    def lag(self, bar: Bar | None, steps: int, number: int) -> int:
        """How many bars ago the next bar was last heard, 0 for never; number: of the bar in its melody."""
        lag = None
        if bar is not None:
            lag = next((back for back in range(1, len(self.bars) + 1) if self.bars[-back] == bar), 0)
        known = [(), self._lag, (self._lag, number % 8), number % 16]
        found = code_natural(self._mixer, lag, "lag", known, guesses=[(self._lag, 0)]) if self.bars else 0
        if found > len(self.bars) or (found and len(self.bars[-found]) != steps):
            raise ValueError("a bar returns that never was")
        self._lag = found
        return found

    def bar(self, bar: Bar | None, steps: int) -> Bar:
        """A bar that is written step by step."""
        found: list[int] = []
        for step in range(steps):
            token = self._token(None if bar is None else bar[step], step)
            found.append(token)
            self._add(token)
        self.bars.append(tuple(found))
        return self.bars[-1]

    def again(self, lag: int) -> Bar:
        """A bar that is a repeat."""
        self.bars.append(self.bars[-lag])
        for token in self.bars[-1]:
            self._add(token)
        return self.bars[-1]

    # -- a step

    def _token(self, token: int | None, step: int) -> int:
        above = [
            bar[step] if step < len(bar) else -1 for bar in (self.bars[-back] if back <= len(self.bars) else () for back in (1, 2, 4, 8))
        ]
        kinds = [min(event, FIRST_PITCH_TOKEN) for event in above]
        latest = tuple(min(event, FIRST_PITCH_TOKEN) for event in self._flat[-8:])
        guess = self._flat[self._followed] if self._followed >= 0 else -1
        sure = min(self._good, 20)
        known = [
            (step, self._sounds), (step, min(self._age, _SHOWN_AGE), self._sounds), (step, kinds[0], self._sounds), latest,
            (step, kinds[1], kinds[2], latest[-1:]), (step, latest[-4:], kinds[0]), (step, kinds[3], kinds[2], self._age),
        ]  # fmt: skip
        is_held = None if token is None else int(token == HOLD)
        hint = (sure, guess == HOLD) if guess >= 0 else None
        if self._mixer.bit(is_held, "hold", [*known, hint]):
            return HOLD
        hint = (sure, guess != NOTE_OFF) if guess > HOLD else None
        starts = None if token is None else int(token != NOTE_OFF)
        if not self._mixer.bit(starts, "onset", [*known, hint]):
            return NOTE_OFF
        return FIRST_PITCH_TOKEN + self._pitch(token, step, above, guess, sure)

    def _pitch(self, token: int | None, step: int, above: list[int], guess: int, sure: int) -> int:
        one, two, three = self._pitches[::-1]
        known = [(), one, (one, two), (one, two, three), (step, one), (above[0], one), (above[1], above[2], one), (above[3], one)]
        value = None if token is None else token - FIRST_PITCH_TOKEN
        node, low = 1, 0
        for place in range(_PITCH_BITS - 1, -1, -1):
            middle = low + (1 << place)
            if middle >= _PITCHES:
                node <<= 1
                continue
            agrees = guess >= FIRST_PITCH_TOKEN and (guess - FIRST_PITCH_TOKEN) >> place + 1 == low >> place + 1
            hint = (sure, (guess - FIRST_PITCH_TOKEN) >> place & 1) if agrees else None
            bit = None if value is None else value >> place & 1
            contexts = [*((context, node) for context in known), hint]
            bit = self._mixer.bit(bit, "pitch", contexts)
            node, low = node << 1 | bit, middle if bit else low
        return low

    def _add(self, token: int) -> None:
        if self._followed >= 0 and self._flat[self._followed] == token:
            self._followed, self._good = self._followed + 1, self._good + (token != HOLD)
        else:
            self._followed, self._good = -1, 0
        self._flat.append(token)
        self._age += 1
        if token == HOLD:
            return
        self._events.append((token, self._age))
        self._age, self._sounds = 0, token != NOTE_OFF
        if self._sounds:
            self._pitches = [*self._pitches[1:], token]
        for reach in _REACHES:
            if len(self._events) >= reach:
                key = (reach, *self._events[-reach:])
                if self._followed < 0 and key in self._places:
                    self._followed, self._good = self._places[key], 0
                self._places[key] = len(self._flat)
