from musicvae.compose.compressing.grid import Grid
from musicvae.compose.compressing.history import Held, History, kind_of
from musicvae.compose.compressing.syntax import META, Written


def played(*notes):
    """Pitches, each a quarter of 480 ticks long, one after another."""
    past = History(Grid(480))
    for pitch in notes:
        past.add(Written(0, 0x90, bytes((pitch, 64)), False))
        past.add(Written(480, 0x90, bytes((pitch, 0)), True))
    return past


def test_an_end_is_one_however_it_is_written():
    assert kind_of(Written(0, 0x93, b"\x3c\x00", False)) == kind_of(Written(0, 0x83, b"\x3c\x40", False)) == 0x83
    assert kind_of(Written(0, 0x93, b"\x3c\x01", False)) == 0x93
    assert kind_of(Written(0, META, b"\x2f", False)) == META


def test_what_sounds_and_what_sounded():
    past = played(60, 62)
    past.add(Written(0, 0x90, b"\x40\x50", True))
    assert past.sounding == {(0, 64): Held(960, 8)}
    assert past.notes == [(0, 480, 60), (480, 960, 62)]
    assert (past.tick, past.line, past.onset, past.gaps, past.begun) == (960, 8, 960, [4, 4], [64])
    assert past.due() == (64, 1440)
    assert past.loudness == {60: 64, 62: 64, 64: 80}


def test_a_passage_that_comes_again_is_followed():
    past = played(60, 62, 64, 65, 67, 69, 71, 60, 62, 64, 65)
    assert past.likely_pitch()[0] == 67
    assert past.likely()[0] == Written(0, 0x90, b"\x43\x40", False)
    assert played(60, 62, 64).likely_pitch() == (-1, 0)


def test_a_sequence_is_followed_at_any_height():
    assert played(60, 64, 62).likely_step(0) == (-1, 0)
    assert played(60, 64, 62, 59, 50, 54, 52).likely_step(0) == (49, 0)


def test_the_next_line_of_the_bar_before():
    past = played(60, 62, 64, 65, 67)
    assert past.next_line(0) == 4
    assert past.next_line(5) == 8
    assert past.next_line(16) == -1
