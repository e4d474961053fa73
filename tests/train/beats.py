"""A band to learn from: eight beats of two bars with their loudness and timing, a melody and a bass over them."""

from pathlib import Path

import mido

TICKS = 480
STEP = TICKS // 4
PITCHES = {"k": 36, "s": 38, "h": 42, "o": 46, "l": 45, "m": 48, "t": 50, "c": 49, "r": 51}
LOUD = {".": 0, "-": 38, "x": 82, "X": 112}

# Sixteen steps a bar: X accented, x played, - ghosted. late: by how many ticks each drum is behind the grid.
BEATS = (
    {  # rock
        "k": ("X.......X.x.....", "X.......X.x....."), "s": ("....X.......X...", "....X.......X..x"),
        "h": ("x.-.x.-.x.-.x.-.", "x.-.x.-.x.-.x..."), "c": ("X...............", "................"), "late": {"s": 9, "h": -4},
    },
    {  # funk
        "k": ("X..x......x..x..", "X.x.......x....."), "s": ("....X..-.-..X..-", "....X..-.-..X.--"),
        "h": ("xxxxxxxxxxxxxx.x", "xxxxxxxxxxxxxx.x"), "o": ("..............x.", "..............x."), "late": {"s": 14, "h": -8, "k": 3},
    },
    {  # bossa nova
        "k": ("X..xX..xX..xX..x", "X..xX..xX..xX..x"), "s": ("x..x..x...x..x..", "x..x..x...x..x.."),
        "h": ("x-x-x-x-x-x-x-x-", "x-x-x-x-x-x-x-x-"), "late": {"s": -6, "k": 5},
    },
    {  # four to the floor
        "k": ("X...X...X...X...", "X...X...X...X..x"), "s": ("....x.......x...", "....x.......x..."),
        "o": ("..x...x...x...x.", "..x...x...x...x."), "late": {"o": 7},
    },
    {  # half time
        "k": ("X.....x.........", "X..x......x....."), "s": ("........X.......", "........X.....-."),
        "r": ("x...x...x...x...", "x...x...x...x..."), "late": {"s": 22, "r": 6},
    },
    {  # surf
        "k": ("X.......X.......", "X.......X......."), "s": ("....X.x.....X...", "....X.x.....X..."),
        "r": ("x.x.x.x.x.x.x.x.", "x.x.x.x.x.x.x.x."), "c": ("................", "X..............."), "late": {"r": -10},
    },
    {  # soca
        "k": ("X...X...X...X...", "X...X...X...X..."), "s": ("...x..x....x..x.", "...x..x....x..x-"),
        "h": ("x...x...x...x...", "x...x...x...x..."), "o": ("..x...x...x...x.", "..x...x...x....."), "late": {"s": 4, "o": -3},
    },
    {  # toms, and a fill to end with
        "k": ("X.....X...X.....", "X.....X........."), "s": ("....-.......-...", "....-...XxX....."),
        "l": ("x..x..x.x..x..x.", "x..x..x........x"), "m": ("..............x.", "............xx.."),
        "t": ("................", "..........xX...."), "late": {"l": 11, "m": 5},
    },
)  # fmt: skip

MELODY = (
    "E5 2 G5 2 A5 4 G5 2 E5 2 D5 4", "C5 4 D5 2 E5 2 G5 6 - 2", "A5 3 A5 1 G5 4 E5 4 C5 4", "D5 8 - 4 E5 2 D5 2",
    "C5 2 E5 2 G5 2 C6 2 B5 4 G5 4", "A5 6 B5 2 C6 8", "B5 2 A5 2 G5 4 F5 2 E5 2 D5 4", "C5 12 - 4",
    "F5 3 F5 3 F5 2 A5 4 C6 4", "B5 4 A5 4 G5 8", "E5 3 F5 3 G5 2 E5 8", "D5 1 E5 1 F5 2 E5 4 D5 4 B4 4",
    "C5 4 E5 4 A5 4 E5 4", "F5 6 E5 2 D5 4 F5 4", "G5 3 F5 1 E5 3 D5 1 C5 4 B4 4", "C5 16",
)  # fmt: skip
BASS = (
    "C2 4 C2 2 G2 2 C3 4 G2 4", "A1 4 A1 4 E2 4 A2 4", "F2 3 F2 3 F2 2 C3 4 A2 4", "G2 4 F2 4 E2 4 D2 4",
    "C2 6 G2 2 C2 6 G2 2", "F2 6 C3 2 F2 6 A2 2", "G2 2 G2 2 G2 2 G2 2 G2 4 B1 4", "C2 4 E2 4 G2 4 C3 4",
    "F2 8 C3 8", "G2 8 D2 8", "C2 3 C2 3 C2 10", "G2 4 G2 4 G2 4 G2 4",
    "A1 2 - 2 A1 2 - 2 E2 2 - 2 A2 2 - 2", "D2 6 D2 2 A2 8", "G2 4 A2 4 B2 4 G2 4", "C2 12 - 4",
)  # fmt: skip
_NOTES = {"C": 0, "D": 2, "E": 4, "F": 5, "G": 7, "A": 9, "B": 11}


def write_band(path: Path) -> Path:
    """The sixteen bars as a MIDI file of melody, bass and drums."""
    file = mido.MidiFile(ticks_per_beat=TICKS)
    head = mido.MidiTrack([mido.MetaMessage("time_signature", numerator=4, denominator=4), mido.MetaMessage("set_tempo", tempo=500_000)])
    file.tracks.append(head)
    for number, (name, program, notes) in enumerate((("Melody", 4, _sung(MELODY)), ("Bass", 33, _sung(BASS)))):
        file.tracks.append(_track(name, number, notes, program))
    file.tracks.append(_track("Drums", 9, _struck()))
    file.save(path)
    return path


def _sung(bars: tuple[str, ...]) -> list[tuple[int, int, int, int]]:
    """Notes (begin, end, pitch, velocity) in ticks."""
    notes = []
    for number, bar in enumerate(bars):
        words, step = bar.split(), 16 * number
        for name, length in zip(words[::2], map(int, words[1::2]), strict=True):
            if name != "-":
                notes.append((step * STEP, (step + length) * STEP - 10, _NOTES[name[0]] + 12 * (int(name[1]) + 1), 90))
            step += length
        assert step == 16 * (number + 1), bar
    return notes


def _struck() -> list[tuple[int, int, int, int]]:
    notes = []
    for number, beat in enumerate(BEATS):
        late = beat["late"]
        for drum in PITCHES.keys() & beat.keys():
            for step, letter in enumerate("".join(beat[drum])):
                if LOUD[letter]:
                    begin = max(0, (32 * number + step) * STEP + late.get(drum, 0) + (step * 5 % 7) - 3)
                    notes.append((begin, begin + 30, PITCHES[drum], LOUD[letter] + step * 3 % 8))
    return notes


def _track(name: str, channel: int, notes: list[tuple[int, int, int, int]], program: int = 0) -> mido.MidiTrack:
    events = [(begin, 1, pitch, velocity) for begin, _, pitch, velocity in notes] + [(end, 0, pitch, 0) for _, end, pitch, _ in notes]
    track = mido.MidiTrack([mido.MetaMessage("track_name", name=name), mido.Message("program_change", channel=channel, program=program)])
    now = 0
    for tick, _, pitch, velocity in sorted(events):
        track.append(mido.Message("note_on", channel=channel, note=pitch, velocity=velocity, time=tick - now))
        now = tick
    return track
