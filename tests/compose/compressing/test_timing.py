from hypothesis import given
from hypothesis import strategies as st

from musicvae.compose.compressing.coder import Costs, Reader, Writer
from musicvae.compose.compressing.ensemble import Ensemble
from musicvae.compose.compressing.grid import Grid
from musicvae.compose.compressing.mixing import Mixer
from musicvae.compose.compressing.timing import Timing

BEATS = st.sampled_from([1, 2, 3, 24, 55, 96, 110, 480, 1024, 32767])


@given(BEATS, st.integers(0, 2**31))
def test_a_tick_is_its_line_and_the_rest(beat, tick):
    grid = Grid(beat)
    number = grid.nearest(tick)
    distances = [abs(tick - place * beat / 4) for place in (number - 1, number, number + 1)]
    assert distances[1] == min(distances)
    assert grid.line(number) + grid.rest(tick) == tick
    assert 0 <= grid.rest(tick) + grid.offset < 2**grid.width


def test_lines_are_sixteenths():
    grid = Grid(480)
    assert [grid.nearest(tick) for tick in (0, 59, 60, 120, 179, 480)] == [0, 0, 1, 1, 1, 4]
    assert [grid.rest(tick) for tick in (0, 59, 60, 120, 479)] == [0, 59, -60, 0, -1]


def through(coder, beat, times, given):
    """Times one after another, each with the guess that it comes as long after the last as that came after its own."""
    timing, now, gap, found = Timing(Mixer(coder), Grid(beat)), 0, 0, []
    for tick in given:
        found.append(timing.code(tick, now, "start", [(), gap], [()], [now + gap, -1]))
        now, gap = found[-1], found[-1] - now
    return found


@given(BEATS, st.lists(st.one_of(st.integers(0, 10), st.integers(0, 2**20)), max_size=20))
def test_times_come_back(beat, gaps):
    times = [sum(gaps[: i + 1]) for i in range(len(gaps))]
    writer = Writer()
    through(writer, beat, times, times)
    assert through(Reader(writer.finish()), beat, times, [None] * len(times)) == times


def test_a_regular_beat_costs_next_to_nothing_wherever_it_stands():
    for first in (0, 37):
        times = [first + 120 * number for number in range(200)]
        coder = Costs()
        through(coder, 480, times, times)
        assert coder.bits < 0.25 * len(times)


def test_what_the_other_tracks_say():
    together = Ensemble()
    assert (together.next_onset(0), together.next_time(0), together.sounding(5)) == (-1, -1, (0, -1, -1))
    together.add([(100, 200, 60), (100, 150, 64)])
    together.add([(160, 300, 43)])
    assert [together.next_onset(tick) for tick in (0, 100, 101, 161)] == [100, 100, 160, -1]
    assert [together.next_time(tick) for tick in (101, 151, 201, 301)] == [150, 160, 300, -1]
    assert together.sounding(100) == (1 << 0 | 1 << 4, 64, 60)
    assert together.sounding(160) == (1 << 0 | 1 << 7, 60, 43)
    assert together.sounding(300) == (0, -1, -1)
