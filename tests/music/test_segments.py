from musicvae.music.meter import Meter
from musicvae.music.score import MeterChange, Score
from musicvae.music.segments import NO_METER, ONE_BEAT, assumed_meter, segments


def test_bars_of_one_beat_throughout_are_read_as_four_four():
    beat = MeterChange(480, Meter(1, 4))
    score = Score(480, (), meters=(beat, MeterChange(960, Meter(1, 4))))
    assert assumed_meter(score) == ONE_BEAT
    assert [(s.start, str(s.meter), s.num_bars) for s in segments(score, 480 + 4 * 1920, 480)] == [(480, "4/4", 4)]
    mixed = Score(480, (), meters=(beat, MeterChange(960, Meter(3, 4))))
    assert assumed_meter(mixed) == ""
    assert assumed_meter(Score(480, ())) == NO_METER
