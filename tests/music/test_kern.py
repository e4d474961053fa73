import pytest

from musicvae.music.kern import _Spines, read_kern, read_kern_text
from musicvae.music.key import Key

TWO = """!!!COM: Somebody
!!!OTL: A song
**kern	**kern	**mxhm
*I"Bass	*I"Voice	*
*clefF4	*clefG2	*
*k[f#]	*k[f#]	*
*G:	*G:	*
*M3/4	*M3/4	*
*MM96	*MM96	*
=1	=1	=1
2.GG	4g	G major
.	[4b	.
.	4b]	D:7/F#
=2	=2	=2
*	*^	*
2.C	2e	2c	C
.	4d	4r	.
*	*v	*v	*
=3	=3	=3
4GG	8.g	E-:min
.	16a	.
2r	8ccq	.
.	2g	N
==	==	==
*-	*-	*-
"""


def line(track):
    return [(n.pitch, n.onset_ticks / 480, n.duration_ticks / 480) for n in track.notes]


def chords(score):
    return [(c.tick / 480, None if c.chord is None else str(c.chord)) for c in score.chords]


def test_spines_become_tracks_highest_first():
    score = read_kern_text(TWO)
    assert [track.name for track in score.tracks] == ["Voice", "Bass"]
    voice, bass = score.tracks
    assert line(voice) == [(67, 0, 1), (71, 1, 2), (64, 3, 2), (62, 5, 1), (67, 6, 0.75), (69, 6.75, 0.25), (67, 7, 2)]
    assert line(bass) == [(43, 0, 3), (48, 3, 3), (43, 6, 1)]
    assert score.losses == {"grace notes": 1, "notes in a second voice": 1}


def test_title_meter_key_tempo_and_chords():
    score = read_kern_text(TWO)
    assert (score.title, score.texts) == ("A song", ("C:Somebody", "T:A song"))
    assert [(c.tick, str(c.meter)) for c in score.meters] == [(0, "3/4")]
    assert [c.key for c in score.keys] == [Key(7)]
    assert score.tempi[0].qpm == 96
    assert chords(score) == [(0, "G"), (2, "D7/F#"), (3, "C"), (6, "Ebm"), (7, None)]


def test_a_pickup_and_repeats():
    text = "**kern\t**mxhm\n*M2/4\t*\n4g\tG\n=1\t=1\n4a\t.\n4b\tD7\n=2:|!\t=2:|!\n2cc\tC\n==\t==\n*-\t*-\n"
    score = read_kern_text(text)
    assert [n[0] for n in line(score.tracks[0])] == [67, 69, 71, 67, 69, 71, 72]
    assert chords(score) == [(0, "G"), (2, "D7"), (3, "G"), (5, "D7"), (6, "C")]


def test_what_is_not_followed_is_counted():
    text = TWO.replace("**mxhm", "**harm").replace('*I"Bass\t*I"Voice\t*', "*>[A,A]\t*>[A,A]\t*>[A,A]").replace("2.GG", "xyz")
    losses = read_kern_text(text).losses
    assert (losses["orders of sections not followed"], losses["harmonies by degree not read"], losses["tokens that are no notes"]) == (
        1,
        1,
        1,
    )
    assert read_kern_text(TWO.replace("C\n.\t4d", "C what\n.\t4d")).losses["chord symbols not known"] == 1


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("hello", "a.krn is no kern: line 1 comes before the line that begins with"),
        ("", r"a.krn is no kern: it has no line that begins with \*\*kern"),
        ("**harm\nI\n*-\n", r"its spines are \*\*harm"),
        (TWO.replace("4g\tG", "4g G"), "a.krn: line 11 has 2 columns where its spines are 3: are its tabs intact"),
        (TWO.replace("*\t*v\t*v\t*\n", ""), "columns where its spines are 4"),
        (TWO + TWO, "begins its spines twice"),
        ("**kern\n4r\n*-\n", "a.krn has no notes"),
        ("**kern\n*-\n", "a.krn has no notes"),
        ("\t".join(["**kern"] * 100) + "\n" + "\t".join(["*^"] * 100), "makes 200 spines; at most 128"),
    ],
)
def test_what_is_no_kern_is_an_error(text, message):
    with pytest.raises(ValueError, match=message):
        read_kern_text(text, "a.krn")


def test_nothing_reaches_the_terminal(capfd):
    read_kern_text(TWO.replace("2.GG", "xyz"))
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize("name", ["bach/bwv277.krn", "palestrina/Benedictus_86.krn"])
def test_real_files_agree_with_music21(name):
    import music21

    path = music21.common.getCorpusFilePath() / name
    ours = read_kern(path)
    theirs = music21.converter.parse(path, forceSource=True)
    assert len(ours.tracks) == len(theirs.parts)
    for track, part in zip(ours.tracks, theirs.parts, strict=True):
        joined = part.flatten().stripTies()
        assert [n.pitch for n in track.notes] == [p.midi for n in joined.notes if not n.duration.isGrace for p in n.pitches]
    # Our own clock, which places the chord symbols, against the bars of music21.
    text = path.read_text(encoding="latin-1")
    clocked = [line + "\t" + _extra(line) for line in text.split("\n") if line and not line.startswith("!!")]
    offsets = [beats for beats, _ in _Spines(name).read("\n".join(clocked))]
    bars = [float(m.offset) for m in theirs.parts[0].getElementsByClass(music21.stream.Measure)]
    assert len(bars) > 5
    assert set(bars) <= set(offsets)


def _extra(line):
    """The token of one more spine, which has a chord symbol at every line."""
    if line.startswith("**"):
        return "**mxhm"
    if line.startswith("*-"):
        return "*-"
    return "*" if line.startswith("*") else "!" if line.startswith("!") else "=" if line.startswith("=") else "C"
