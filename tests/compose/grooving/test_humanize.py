import re
from dataclasses import replace

import numpy as np
import pytest
from compose.grooving_doubles import FakePlayer
from compose.grooving_music import HAT, KICK, STEP, TICKS, beats, drums_of, rows_of, stiff, table
from hypothesis import given, settings
from hypothesis import strategies as st

from musicvae.compose.grooving.feel import Chance
from musicvae.compose.grooving.humanize import PlayOrder, humanize
from musicvae.music.clock import seconds_at
from musicvae.music.drum_map_files import kit_of
from musicvae.music.drum_maps import DRUM_MAPS
from musicvae.music.meter import Meter
from musicvae.music.midi import score_bytes, score_from_bytes
from musicvae.music.piece import Piece
from musicvae.music.provenance import provenance_of
from musicvae.music.score import MeterChange, Score, TempoChange, Track
from musicvae.music.taking import take_piece

CLASS_OF = DRUM_MAPS["nine"].class_of


def played(score, amount=1.0, *, span=16, wild=0.2, seed=1, temperature=0.0, like=None, **order):
    return humanize(FakePlayer(span, wild), score, PlayOrder(Chance(seed, temperature), amount, **order), like=like)


@pytest.fixture
def path(tmp_path):
    file = tmp_path / "beat.mid"
    file.write_bytes(score_bytes(stiff(3, tempi=(120.0, 90.0))))
    return file


def test_amount_0_is_the_very_same_file(path):
    made = played(path, 0.0, temperature=1.0, apply_to=("bass",), story={"made_by": "humanize"})
    assert made.data == path.read_bytes()
    assert (made.report.moved, made.report.shift_ms, made.report.velocity) == (0, 0.0, (100, 100))


def test_hits_are_those_of_the_feel():
    score = stiff(2)
    made = played(score)
    engine = FakePlayer()
    hats = [row for row in rows_of(made.score, 2) if row[1] == HAT]
    assert len(hats) == 16
    lead = 1920 * made.report.lead_in_bars
    for number, (onset, _, length, velocity) in enumerate(hats):
        step = 2 * number % 16
        late = 0.2 * np.sin(1.3 * step + 2.1 * 2)
        assert onset - lead == pytest.approx(2 * number * STEP + late * STEP, abs=1)
        assert velocity == pytest.approx(80 + 15 * np.cos(0.7 * step + 2) + 1.2, abs=1)
        assert length == STEP // 2
    assert engine.bars == 16


@settings(max_examples=30, deadline=None)
@given(beats(), st.floats(0, 1), st.integers(0, 99), st.sampled_from((4, 16)))
def test_no_hit_is_lost_moved_out_of_order_or_made_longer(score, amount, seed, span):
    made = played(score, amount, span=span, wild=0.5, seed=seed, temperature=1.0)
    lead = 1920 * made.report.lead_in_bars
    (before, line_before), (after, line_after) = drums_of(score), drums_of(made.score)
    assert made.report.hits == len(before) == len(after)
    for drum in {CLASS_OF[pitch] for _, pitch, *_ in before if CLASS_OF[pitch] >= 0}:
        was, now = ([row for row in rows if CLASS_OF[row[1]] == drum] for rows in (before, after))
        assert sorted(row[1] for row in was) == sorted(row[1] for row in now)
        gaps = zip(np.diff([row[0] for row in was]), np.diff([row[0] for row in now]), strict=True)
        assert all(now_gap >= min(gap, STEP // 4) - 1 for gap, now_gap in gaps)
    for pitch in {pitch for _, pitch, *_ in before}:
        was, now = ([row for row in rows if row[1] == pitch] for rows in (before, after))
        places = {row[0] for row in now} | {row[0] + row[2] for row in now if row[2] > 0}
        for old, new in zip(was, now, strict=True):
            assert new[2] == old[2] or (1 <= new[2] < old[2] and new[0] + new[2] in places)
    assert [(onset + lead, *rest) for onset, *rest in line_before] == line_after


@settings(max_examples=20, deadline=None)
@given(beats(), st.integers(0, 99))
def test_amount_scales_timing_and_velocity_in_a_straight_line(score, seed):
    whole, half = (played(score, amount, seed=seed, wild=0.1, temperature=0.0) for amount in (1.0, 0.5))
    on_grid = all(onset % STEP == 0 for onset, *_ in rows_of(score, 1))
    if not on_grid:
        return
    old, full, some = (drums_of(s)[0] for s in (score, whole.score, half.score))
    leads = whole.report.lead_in_bars * 1920, half.report.lead_in_bars * 1920

    def by_pitch(rows, pitch):
        return [row for row in rows if row[1] == pitch]

    for pitch in {row[1] for row in old}:
        for a, b, c in zip(by_pitch(old, pitch), by_pitch(full, pitch), by_pitch(some, pitch), strict=True):
            assert c[0] - leads[1] - a[0] == pytest.approx((b[0] - leads[0] - a[0]) / 2, abs=1)
            assert c[3] - a[3] == pytest.approx((b[3] - a[3]) / 2, abs=1)


def test_a_hit_off_the_grid_keeps_its_place_and_a_flam_stays_one():
    score = Score(TICKS, (Track(table([(960, 38, 60, 40), (960 + 25, 38, 60, 80), (0, 36, 60, 90)]), is_drum=True),))
    made = played(score)
    first, second = [row for row in rows_of(made.score, 1) if row[1] == 38]
    assert second[0] - first[0] == 25
    assert first[3] / second[3] == pytest.approx(0.5, abs=0.02)


def test_long_pieces_are_played_as_short_windows_allow_and_as_one_would():
    score = stiff(21)
    assert played(score, span=64).data == played(score, span=8).data


def test_pitched_tracks_follow_the_beat_and_stay_joined():
    score = stiff(2)
    plain, bent = played(score), played(score, apply_to=("fretless",))
    assert rows_of(plain.score, 2) == rows_of(bent.score, 2)
    lead = plain.report.lead_in_bars * 1920
    shift = {row[0]: new[0] - row[0] - lead for row, new in zip(rows_of(score, 1), rows_of(bent.score, 1), strict=True)}
    assert any(shift.values())
    for onset, moved in shift.items():
        steps = [(new[0] - lead - old[0]) for old, new in zip(sorted(rows_of(score, 2)), sorted(rows_of(bent.score, 2)), strict=True)
                 if abs(old[0] - onset) < 1]  # fmt: skip
        assert any(abs(moved - hit) <= 1 for hit in steps)
    notes = rows_of(bent.score, 1)
    assert [a[0] + a[2] for a in notes[:-1]] == [b[0] for b in notes[1:]]
    assert [note[3] for note in notes] == [90] * len(notes)


def test_a_first_hit_before_the_start_begins_a_bar_later():
    score = replace(stiff(2, tempi=(120.0, 60.0)), title="Song")
    early = FakePlayer(16, wild=0.0)
    order = PlayOrder(Chance(0, 0.0), vector=np.full(early.config.z_size, -1.0), story={"made_by": "humanize"})
    made = humanize(early, score, order)
    assert made.report.lead_in_bars == 1
    assert any("all begins a bar later" in text for text in made.notices)
    assert rows_of(made.score, 2)[0][0] == pytest.approx(1920 - 0.31 * STEP, abs=1)
    assert rows_of(made.score, 1)[0][0] == 1920
    assert [(t.tick, t.qpm) for t in made.score.tempi] == [(0, 120.0), (3840, 60.0)]
    assert made.score.meters == score.meters
    (piece,) = take_piece(made.score, "groove")
    assert piece.num_bars == 2
    assert (piece.columns["offsets"][0, 0][piece.columns["bars"][0, 0] > 0] < -0.25).all()


def test_timing_is_told_in_milliseconds_of_the_tempo_at_hand():
    for qpm in (60.0, 240.0):
        vector = np.zeros(FakePlayer().config.z_size)
        vector[2::3] = 0.5
        made = humanize(FakePlayer(16, 0.0), stiff(2, tempi=(qpm,)), PlayOrder(Chance(0, 0.0), vector=vector))
        assert made.report.shift_ms == pytest.approx(0.15 * 60_000 / qpm / 4, rel=0.01)
        assert made.report.lateness_ms == pytest.approx(made.report.shift_ms)


def test_the_network_is_told_the_tempo_of_each_bar():
    engine = FakePlayer()
    humanize(engine, stiff(4, tempi=(100.0, 110.0, 120.0)), PlayOrder(Chance(0, 0.0)))
    assert engine.calls[0][1]["tempo"].tolist() == [[100.0, 110.0, 120.0, 120.0]]


def test_a_coarse_file_becomes_finer_and_sounds_as_it_did():
    score = stiff(2, ticks=96, tempi=(100.0, 140.0))
    made = played(score, wild=0.05, story={"made_by": "x"})
    assert made.score.ticks_per_beat == 480
    assert any("96 ticks a beat became 480" in text for text in made.notices)
    lead = made.report.lead_in_bars * 1920
    old = seconds_at(score, score.tracks[0].notes.onset_ticks)
    new = seconds_at(made.score, made.score.tracks[0].notes.onset_ticks - lead) if not lead else None
    assert lead or old == pytest.approx(new)


def test_other_meters_stay_as_they_are():
    changes = (MeterChange(0, Meter(4, 4)), MeterChange(1920, Meter(3, 4)), MeterChange(1920 + 1440, Meter(4, 4)))
    rows = [(at * STEP, HAT, 60, 100) for at in range(0, 16 + 12 + 16, 2)]
    made = played(Score(TICKS, (Track(table(rows), is_drum=True),), (), changes), wild=0.1)
    lead = made.report.lead_in_bars * 1920
    after = [(row[0] - lead, row[3]) for row in rows_of(made.score, 1)]
    assert after[8:14] == [(at * STEP, 100) for at in range(16, 28, 2)]
    assert all(velocity != 100 for _, velocity in [*after[:8], *after[14:]])
    assert made.report.bars == 2
    assert any("bars in 3/4, which stay as they are: 1" in text for text in made.notices)
    with pytest.raises(
        ValueError, match=r"the score: the beat is in 3/4: 4/4, 2/2 and 2/4 can be played, since no model has learnt others"
    ):
        played(Score(TICKS, (Track(table(rows), is_drum=True),), (), (MeterChange(0, Meter(3, 4)),)))


@pytest.mark.parametrize(("meter", "bars"), [("2/4", 4), ("2/2", 2)])
def test_meters_like_4_4_are_played(meter, bars):
    assert played(stiff(bars, meter=meter)).report.bars == 2


def test_one_bar_will_do_and_a_pickup_too():
    assert played(stiff(1)).report.hits == 8 + 3 + 2
    rows = [(TICKS * 3 // 4, 38, 60, 90), (TICKS, 36, 60, 90), (TICKS * 3, 38, 60, 90)]
    changes = (MeterChange(0, Meter(1, 4)), MeterChange(TICKS, Meter(4, 4)))
    made = played(Score(TICKS, (Track(table(rows), is_drum=True),), (), changes))
    assert made.report.hits == 3


def test_hits_of_no_known_drum_move_with_the_others():
    made = played(Score(TICKS, (Track(table([(480, KICK, 60, 90), (480, 3, 60, 77)]), is_drum=True),)))
    (low, high) = rows_of(made.score, 1)
    assert low[0] == high[0] != 480
    assert low[3] == 77
    assert any("hits of no known drum, which only move with the others: 1" in text for text in made.notices)


def test_notes_for_another_kit_are_written_even_at_amount_0():
    rows = [(0, 45, 60, 90), (480, 54, 60, 90), (960, 22, 60, 90)]
    score = Score(TICKS, (Track(table(rows), is_drum=True), Track(table([(0, 54, 60, 90)]), "Lead")))
    made = played(score, 0.0, kit=kit_of("td11"))
    assert [row[:2] for row in rows_of(made.score, 1)] == [(0, 45), (480, 42), (960, 22)]
    assert rows_of(made.score, 2) == [(0, 54, 60, 90)]
    assert [row[1] for row in rows_of(played(score, kit=kit_of("gm")).score, 1)] == [45, 54, 42]


def test_the_feel_of_a_performance_is_taken_and_repeated():
    late = [(at * STEP + 12 * (1 + at // 16 % 2), HAT, 60, 100 - 40 * (at // 16 % 2)) for at in range(0, 32, 2)]
    performance = Score(TICKS, (Track(table(late), is_drum=True),), (TempoChange(0, 80.0),))
    for span in (16, 4):
        made = played(stiff(5), like=performance, wild=0.0, span=span)
        hats = [row for row in rows_of(made.score, 2) if row[1] == HAT]
        assert [row[0] - at * STEP for row, at in zip(hats, range(0, 80, 2), strict=True)] == ([12] * 8 + [24] * 8) * 2 + [12] * 8
        loud = [row[3] for row in hats]
        assert loud[:8] == loud[16:24]
        assert loud[0] > loud[8] + 30


def test_a_longer_performance_gives_its_first_bars():
    made = played(stiff(1), like=stiff(9), wild=0.0)
    assert made.report.bars == 1


def test_the_story_is_in_the_file_after_older_ones(path):
    made = played(path, story={"made_by": "humanize", "seed": 3})
    assert [entry["made_by"] for entry in provenance_of(made.score)] == ["humanize"]
    again = played(made, story={"made_by": "again", "seed": 4})
    assert [entry["made_by"] for entry in provenance_of(again.score)] == ["humanize", "again"]


def test_pieces_are_played_as_files_and_stay_at_hand():
    piece = Piece("drums", {"bars": np.full((2, 16), 5, np.uint64)}, tempo_qpm=99.0)
    made = played(piece)
    assert made.piece is piece
    assert (made.num_bars - made.report.lead_in_bars, made.tempo_qpm, len(made.notes)) == (2, 99.0, 64)


@pytest.mark.parametrize(
    ("order", "message"),
    [
        ({"track": 9}, "no track 9 with notes; tracks count from 1"),
        ({"apply_to": (2,)}, "track 2 is the beat itself"),
        ({"apply_to": ("flute",)}, "no track with pitched notes is named like 'flute'"),
    ],
)
def test_tracks_that_are_not_there(order, message):
    with pytest.raises(ValueError, match=message):
        played(stiff(2), **order)


def test_files_without_drums(tmp_path):
    with pytest.raises(ValueError, match=r"^the score: no drums in it \(MIDI keeps them on channel 10\)"):
        played(replace(stiff(2), tracks=stiff(2).tracks[:1]))
    with pytest.raises(FileNotFoundError, match=r"none.mid does not exist"):
        played(tmp_path / "none.mid")
    (tmp_path / "junk.mid").write_bytes(b"MThd junk")
    with pytest.raises(ValueError, match=r"junk\.mid"):
        played(tmp_path / "junk.mid")


def test_a_rendition_is_written_once(tmp_path, path):
    made = played(path)
    target = made.write(tmp_path / "out.mid")
    assert score_from_bytes(target.read_bytes()) == made.score
    with pytest.raises(FileExistsError):
        made.write(target)
    assert made.write(target, force=True) == target
    assert (str(made.meter), made.key, made.tempo_qpm) == ("4/4", None, 120.0)
    words = r"39 hits in 3 bars, 39 played anew, timing \d+\.\d ms on average \(\d+\.\d ms (late|early) in all\), velocity \d+-\d+"
    assert re.fullmatch(words, str(made.report))


def loose(score, late):
    """The score with its drums later by so many ticks, each hit by another of them."""
    drums = score.tracks[-1]
    rows = [(n.onset_ticks + late[i % len(late)], n.pitch, n.duration_ticks, n.velocity) for i, n in enumerate(drums.notes)]
    return replace(score, tracks=(*score.tracks[:-1], replace(drums, notes=table(rows))))


def test_afresh_takes_away_what_was_played_and_leaves_triplets():
    score = stiff(3, bass=False)
    played_before = loose(score, (11, 30, 0, 7))
    assert drums_of(played(played_before, afresh=True).score) == drums_of(played(score).score)
    assert drums_of(played(played_before).score) != drums_of(played(score).score)
    triplet = Score(TICKS, (Track(table([(0, HAT, 30, 90), (160, HAT, 30, 90), (320, HAT, 30, 90)]), is_drum=True),))
    made = [row[0] for row in rows_of(played(triplet, afresh=True, wild=0.0).score, 1)]
    assert made == [0, 160, 320]


def test_hits_that_are_off_the_grid_already_are_told_of():
    told = "its hits are off the grid already, and the feel comes on top of that"
    assert any(told in text for text in played(loose(stiff(2), (9, 14))).notices)
    assert not any(told in text for text in (*played(stiff(2)).notices, *played(loose(stiff(2), (9, 14)), afresh=True).notices))


@pytest.mark.parametrize("afresh", [False, True])
def test_triplets_are_not_moved_once_more_to_where_they_are(afresh):
    def late_by(steps):
        class Triplets(FakePlayer):
            def decode(self, z, *, told, **options):
                found = super().decode(z, told=told, **options)
                late = np.zeros(16)
                late[[1, 3]] = steps
                return {**found, "offsets": np.where(found["bars"] > 0, late[:, None], 0).astype(np.float16)}

        rows = [(onset, HAT, 40, 100) for onset in (0, 160, 320, 480)]
        score = Score(TICKS, (Track(table(rows), "Kit", is_drum=True),), (TempoChange(0, 120.0),), (MeterChange(0, Meter(4, 4)),))
        made = humanize(Triplets(), score, PlayOrder(Chance(1, 0.0), afresh=afresh))
        return [row[0] for row in drums_of(made.score)[0]]

    assert late_by([1 / 3, -1 / 3]) == [0, 160, 320, 480]
    assert late_by([0.2, -0.1]) == [0, 160, 320, 480]
    assert late_by([0.4, -0.4]) == pytest.approx([0, 168, 312, 480], abs=1)
    assert late_by([-0.1, 0.1]) == pytest.approx([0, 148, 332, 480], abs=1)
