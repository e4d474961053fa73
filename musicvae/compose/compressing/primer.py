"""What MIDI files usually say, so that a short file need not teach it: small made-up files, which are counted before the first real one.

Not a note of real music is in it. A change here changes every .mvz file, so that `container` has a version.
"""

from __future__ import annotations

from functools import cache

import numpy as np

from musicvae.compose.compressing.hearing import Heard, code_heard
from musicvae.compose.compressing.lines import Line
from musicvae.compose.compressing.mixing import Counter, Experience
from musicvae.compose.compressing.syntax import META, Chunk, MidiFile, Written
from musicvae.compose.compressing.texts import TextCoder

__all__ = ["usual"]

_PROVENANCE = (
    'musicvae {"hash":"9ed1ba077c56","made_by":"generate","melody":{"bars":16,"key":"G major"},"meter":"4/4","model":"melody",'
    '"seed":1234567890,"style":{"jig":1.0},"temperature":1.0,"tempo_qpm":120.0}',
    'musicvae {"hash":"9ed1ba077c56","inputs":[{"fingerprint":"0123456789ab","name":"Melody"}],"keys":"switch","made_by":"interpolate",'
    '"melody":{"bars":32,"key":"D dorian"},"method":"slerp","model":"melody","seed":0,"steps":9,"temperature":0.0}',
    'musicvae {"melody":{"bars":16,"key":"C major"}}',
    'musicvae {"melody":{"bars":32,"key":"A minor"}}',
    'musicvae {"melody":{"bars":8,"key":"E mixolydian"}}',
    'musicvae {"amount":0.5,"bars":16,"hash":"9ed1ba077c56","made_by":"vary","melody":{"bars":24,"key":"D major"},"model":"melody"}',
    'musicvae {"hash":"9ed1ba077c56","made_by":"humanize","model":"groove","piece":{"bars":4,"drum_map":"gm","material":"drums"},"seed":1}',
)
_TEXTS = (
    "Melody", "Piano", "Bass", "Drums", "Track 1", "Track 2", "Untitled", "Acoustic Grand Piano", "Vocals", "Voice", "Violin", "Flute",
    "Strings", "Guitar", "Lead", "Chords", "MIDI out", "Copyright", "control track", "Instrument", "MELODY", "BRIDGE", "PIANO", "Soprano",
    "Alto", "Tenor", "The ", "'s Reel", "'s Jig", "Hornpipe", "Waltz", "March of the ", "Lady ", "http://www.", ".com",
)  # fmt: skip
_TITLES = (
    "The Queen of the May",
    "Lord and Lady of the Manor",
    "Jenny's Wedding",
    "The Blackbird and the Thrush",
    "Miss Brown's Fancy",
    "The Road to the Isles",
    "Captain Campbell's Delight",
    "Paddy on the Turnpike",
    "Johnny's Gone to France",
    "The Rose of Summer",
    "Bonny Mary of the Glen",
    "The Old Grey Goose",
    "Highland Laddie's Reel",
    "My Love Is But a Lassie",
    "The King's Return - Jig",
    "Round the House and Mind the Dresser",
    "The Humours of Dublin",
    "Farewell to Ireland",
    "Oh, Dear Mother, My Heart",
    "Young Roger's Hornpipe",
    "When the Lord of Glory",
    "Song of the Night",
    "An die Liebe",
    "Lied der Nacht",
    "Come, Thou God of Grace",
    "Colonel Wilson's March",
    "The Maid of the Mill",
    "The Little House Under the Hill",
    "Duke of York's Quickstep",
    "Merry Christmas Morning",
    "Sweet Nelly's Favourite",
    "A Waltz for Sally",
    "Sir John Gordon's Strathspey",
    "The Sailor's Wife",
    "Green Grow the Leaves",
    "The Bank of Scotland",
)
_FIELDS = (
    "C:Trad.",
    "C:Words: Charles Smith, 1850 Music: William Jones",
    "B:Book 1",
    "S:John Brown",
    "C:copyright: public domain.",
    "R:reel",
)
_OF_DREAMS = ("hold", "onset", "pitch")
"""Decisions of which a network's dreams tell more."""
_TEMPI = (60, 72, 80, 90, 96, 100, 108, 110, 112, 120, 120, 120, 120, 125, 126, 128, 130, 132, 138, 140, 144, 150, 160, 180, 200)
_METERS = ((4, 2, 24), (4, 2, 24), (3, 2, 24), (2, 2, 24), (6, 3, 36), (6, 3, 12), (2, 1, 48), (9, 3, 36), (12, 3, 36), (1, 2, 24))
_CONTROLS = ((7, 100), (7, 127), (10, 64), (91, 40), (93, 0), (64, 127), (64, 0), (1, 0), (11, 127), (121, 0), (0, 0), (32, 0))
_SCALE = (60, 62, 64, 65, 67, 69, 71, 72, 71, 69, 67, 65, 64, 62)
_DIVISIONS = (480, 480, 480, 480, 220, 96, 120, 192, 240, 384, 960, 1024)
_LOUD = (64, 80, 90, 95, 100, 127)


def _meta(kind: int, content: bytes) -> Written:
    return Written(0, META, bytes((kind,)) + content, False)


def _set_up(number: int) -> list[Written]:
    """The first track of many files: name, tempo, meter, key, text."""
    microseconds = 60_000_000 // _TEMPI[number % len(_TEMPI)]
    top, power, clocks = _METERS[number % len(_METERS)]
    key = (-3, -2, -1, 0, 0, 1, 2, 3, 4)[number % 9] & 0xFF
    tempo, signature = _meta(0x51, microseconds.to_bytes(3, "big")), _meta(0x59, bytes((key, number % 5 == 0)))
    meter = bytes((top, power, clocks, 8))
    if _is_abc(number):
        fields = [_meta(1, _FIELDS[number % len(_FIELDS)].encode())] if number % 2 else []
        late = Written((0, 0, 240, 480)[number % 4], META, b"\x58" + meter, False)
        return [_meta(3, _name(number)), _meta(1, b"T:" + _name(number)), *fields, tempo, signature, late]
    texts = [_meta(1, _PROVENANCE[number % len(_PROVENANCE)].encode())] if number < 2 * len(_PROVENANCE) else []
    return [_meta(3, _name(number)), tempo, _meta(0x58, meter), signature, *texts]


def _is_abc(number: int) -> bool:
    return number % 3 == 1


def _name(number: int) -> bytes:
    """Of a track; a tune's title where the file was made of ABC."""
    return (_TITLES if _is_abc(number) else _TEXTS)[number % len(_TITLES if _is_abc(number) else _TEXTS)].encode()


def _notes(number: int, division: int) -> list[Written]:
    """A scale of eighths, with a chord now and then, in the two ways of ending a note."""
    is_abc = _is_abc(number)
    channel, program = 0 if is_abc else number % 3, (0, 0, 0, 1, 24, 32, 40, 48, 52, 73)[number % 10]
    on, off = 0x90 | channel, (0x80 if number % 2 or is_abc else 0x90) | channel
    loud, ends = _LOUD[number % 6], (0, 0, 0, 64)[number % 4] if number % 2 and not is_abc else 0
    found = [_meta(3, _name(number)), Written(0, 0xC0 | channel, bytes((program,)), False)]
    if number % 3 == 0:
        found += [Written(0, 0xB0 | channel, bytes(_CONTROLS[(number + i) % len(_CONTROLS)]), False) for i in range(3)]
    for place in range(8):
        pitches = [_SCALE[(place + number) % 14]]
        if number % 4 == 3:
            pitches += [pitches[0] + 4, pitches[0] + 7]
        length = division // (2, 2, 4, 1)[number % 4]
        found += [Written(0, on, bytes((pitch, loud)), False) for pitch in pitches]
        found += [Written(0 if i else length, off, bytes((pitch, ends)), False) for i, pitch in enumerate(pitches)]
    return found


def _files() -> list[MidiFile]:
    files = []
    for number in range(30):
        division = _DIVISIONS[number % len(_DIVISIONS)]
        notes = Chunk(b"MTrk", tuple(_notes(number, division)), (0, 0, 1, division)[number % 4])
        set_up = Chunk(b"MTrk", tuple(_set_up(number)), (0, 0, division * 64)[number % 3])
        files.append(MidiFile((1, 2, division), (set_up, notes)))
    return files


def _heard(number: int) -> Heard:
    """A line whose bars return as they do in tunes."""
    kind, bars = (0, 2, 1, 0)[number % 4], (16, 32, 16, 8)[number // 2 % 4]
    form = ("abacabadefgfefgd", "abcdefghijklmnop", "abacabadefgfabad", "abcdabceefgheijk")[number % 3] * 2
    rows = [[2 + ord(letter) % 12 * 5 + number] + [0] * (15 if kind == 0 else 11) for letter in form[:bars]]
    return Heard(1, 0, (Line(kind, np.array(rows, np.uint8)),), (0,), ((-7, -5, -2, 0, 0, 2, 3, 5, -4)[number % 9],))


@cache
def usual() -> Experience:
    """What contexts of events meet in usual files."""
    from musicvae.compose.compressing.files import code_file

    counter = Counter()
    for number, file in enumerate(_files()):
        code_file(counter, file)
        code_heard(counter, _heard(number), None, 480)
    for title in _TITLES:
        TextCoder(counter).code(title.encode(), ("text", 3))
    return {key: value for key, value in counter.found().items() if key[0] not in _OF_DREAMS}
