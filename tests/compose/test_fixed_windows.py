"""What composing does with a network whose window has a fixed length, as the published ones have."""

from dataclasses import replace

import numpy as np
import pytest
from compose.fake_engine import FakeEngine, FakeWindowEngine, same_music, tune
from hypothesis import given
from hypothesis import strategies as st
from strategies import melodies

from musicvae.compose.code import Code
from musicvae.compose.coding import decode, encode
from musicvae.compose.generating import KINSHIP, Order, draw, draw_tokens
from musicvae.compose.model import Model
from musicvae.compose.seeds import window_seed
from musicvae.compose.styles import StyleVector, save_styles
from musicvae.compose.windows import Window, cut_tokens, fixed_windows
from musicvae.model.noise import piece_seed
from musicvae.music.key import Key
from musicvae.music.melody import Melody, Note
from musicvae.music.meter import Meter
from musicvae.music.midi import midi_bytes
from musicvae.music.vocabulary import to_tokens

FOUR_LIKE = st.sampled_from([Meter(4, 4), Meter(2, 2), Meter(2, 4)])


def bars_with_notes(*bars, num_bars):
    """A quarter note at the beginning of each of these bars."""
    return Melody(tuple(Note(60 + bar, 16 * bar, 4) for bar in bars), num_bars=num_bars)


@pytest.fixture
def model(tmp_path):
    vectors = [StyleVector(name="high", direction=np.eye(68)[1] * 0.25, model_hash="window", attribute="pitch-mean")]
    vectors += [StyleVector(name="jig", direction=np.eye(68)[2], model_hash="window", meter=Meter(6, 8))]
    save_styles(vectors, tmp_path / "small.styles.safetensors")
    return Model(FakeWindowEngine(), name="small", path=tmp_path / "small.safetensors", styles_folder=tmp_path / "own")


@pytest.fixture
def over_chords():
    return Model(FakeWindowEngine(takes_chords=True), name="chords")


def windows_by_walking(melody, max_bars):
    """Independent of arrays: bars in which a note starts, walked one by one."""
    width, windows, bar = melody.meter.steps_per_model_bar, [], 0
    total = melody.meter.model_bars(melody.num_bars)
    while bar < total:
        if any(note.onset_steps // width == bar for note in melody.notes):
            windows.append(Window(bar, min(max_bars, total - bar)))
            bar += max_bars
        else:
            bar += 1
    return tuple(windows) or (Window(0, min(max_bars, total)),)


@given(melodies(max_bars=20).filter(lambda m: m.meter.kind == "4/4"), st.sampled_from([1, 2, 4, 16]))
def test_windows_begin_where_notes_do(melody, max_bars):
    assert fixed_windows([to_tokens(melody)], max_bars=max_bars) == windows_by_walking(melody, max_bars)


def test_windows_of_several_lines_begin_where_any_has_a_note():
    lines = [to_tokens(bars_with_notes(*bars, num_bars=8)) for bars in ((2, 3), (1, 6))]
    assert fixed_windows(lines, max_bars=2) == (Window(1, 2), Window(3, 2), Window(6, 2))
    with pytest.raises(ValueError, match=r"have one length of at least 1 bar, got \[8, 0\]"):
        fixed_windows([lines[0], lines[1][:0]], max_bars=2)


def test_a_window_begins_in_silence_whatever_was_held_over():
    tokens = to_tokens(Melody((Note(60, 12, 24), Note(62, 40, 4)), num_bars=4))
    windows = (Window(0, 2), Window(2, 2))
    assert [part.tolist() for part in cut_tokens(tokens, windows)][1][0][4] == 1
    assert not cut_tokens(tokens, windows, apart=True)[1][0, :8].any()


@given(melodies(max_bars=20, min_pitch=55, max_pitch=85), FOUR_LIKE, st.sampled_from([1, 2, 16]))
def test_with_a_lossless_engine_everything_comes_back(melody, meter, max_bars):
    notes = tuple(n for n in melody.notes if n.end_steps <= melody.num_bars * meter.steps_per_bar)
    melody = replace(melody, meter=meter, notes=notes)
    engine = FakeWindowEngine(max_bars=max_bars)
    assert decode(engine, encode(engine, melody)) == replace(melody, provenance={})


def test_empty_bars_stay_outside_the_code_and_come_back():
    engine, melody = FakeWindowEngine(), bars_with_notes(2, 3, 7, num_bars=11)
    code = encode(engine, melody)
    assert code.windows == (Window(2, 2), Window(7, 2))
    assert code.notices == ("11 bars were taken in windows of 2, 2", "7 bars in which no note starts stayed as they are, outside the code")
    assert all(tokens[:, 0, 0].all() for tokens in engine.asked)
    again = decode(engine, code)
    assert [note.onset_steps for note in again.notes] == [32, 48, 112]
    assert again.num_bars == 11


def test_a_short_last_window_is_told():
    assert encode(FakeWindowEngine(max_bars=16), tune(1, 4)).notices == ("12 bars were added for the model's window of 16",)
    assert encode(FakeWindowEngine(max_bars=16), tune(1, 15)).notices == ("1 bar was added for the model's window of 16",)
    assert encode(FakeWindowEngine(max_bars=16), tune(1, 16)).notices == ()


def test_a_note_held_over_ends_where_it_did_unless_something_begins_before():
    engine = FakeWindowEngine()
    melody = Melody((Note(59, 0, 4), Note(60, 28, 13), Note(62, 44, 4)), num_bars=4)
    code = encode(engine, melody)
    assert code.windows == (Window(0, 2), Window(2, 2))
    assert same_music(decode(engine, code), melody)
    lost = replace(code, played=np.array([[28, 4, 90], [44, 4, 90]]))
    assert decode(engine, lost).notes[1].duration_steps == 4
    over = replace(code, played=np.array([[28, 30, 90]]))
    assert decode(engine, over).notes[1].duration_steps == 16


def test_a_code_with_gaps_and_chords_goes_through_a_file(tmp_path):
    engine = FakeWindowEngine(takes_chords=True)
    chords = np.full((11, 8), 43, np.uint8)
    code = encode(engine, bars_with_notes(2, 3, 7, num_bars=11), chords=chords)
    again = Code.load(code.save(tmp_path / "x.npz"))
    assert (again.windows, again.apart) == (code.windows, True)
    np.testing.assert_array_equal(again.chords, chords)
    assert decode(engine, again) == decode(engine, code)
    with pytest.raises(ValueError, match=r"chords of 11 bars have shape \(11, 8\), got \(2, 8\)"):
        replace(code, chords=chords[:2])
    with pytest.raises(ValueError, match="windows must follow each other"):
        replace(code, windows=(Window(2, 2), Window(3, 2)))
    with pytest.raises(ValueError, match="do not fit windows that end at model bar 12"):
        replace(code, windows=(Window(2, 2), Window(10, 2)))


def test_codes_of_other_models_are_written_as_before(tmp_path):
    with np.load(encode(FakeEngine(), tune(1)).save(tmp_path / "x.npz")) as file:
        assert set(file) == {"mu", "sigma", "bars", "held", "played", "about"}
        assert "apart" not in str(file["about"])


def test_silence_can_be_coded():
    engine = FakeWindowEngine()
    assert decode(engine, encode(engine, Melody((), num_bars=3))) == Melody((), num_bars=3)


def test_notes_beyond_the_model_s_range_are_moved_by_octaves():
    engine = FakeWindowEngine(lowest_pitch=48, highest_pitch=83)
    melody = Melody((Note(40, 0, 4), Note(60, 8, 4), Note(90, 16, 4)), num_bars=2)
    code = encode(engine, melody)
    assert code.notices == ("2 notes out of range were moved by octaves",)
    assert [note.pitch for note in decode(engine, code).notes] == [52, 60, 78]


# -- generating


@pytest.mark.parametrize("bars", [1, 2, 3, 8, 35])
@pytest.mark.parametrize("meter", ["4/4", "2/4", "2/2"])
def test_pieces_of_any_length(bars, meter):
    (melody,) = draw(FakeWindowEngine(), [5], Order(bars=bars, meter=Meter.parse(meter)))
    assert (melody.num_bars, str(melody.meter)) == (bars, meter)


def test_a_chain_of_windows_keeps_to_the_prior():
    """Each window is N(0, I), and neighbours correlate as documented."""
    seen = []

    class Watched(FakeWindowEngine):
        def decode(self, z, **options):
            seen.append(z)
            return super().decode(z, **options)

    draw_tokens(Watched(), list(range(400)), Order(bars=8))
    z = np.concatenate(seen).reshape(400, 4, 68)
    assert np.abs(z.mean(axis=(0, 2))).max() < 0.03
    np.testing.assert_allclose(z.std(axis=(0, 2)), 1, atol=0.03)
    for window in (1, 2, 3):
        np.testing.assert_allclose((z[:, window - 1] * z[:, window]).mean(), KINSHIP, atol=0.03)
    np.testing.assert_allclose((z[:, 0] * z[:, 3]).mean(), KINSHIP**3, atol=0.03)


def test_a_longer_piece_begins_as_a_shorter_one():
    engine = FakeWindowEngine()
    long, short = (draw_tokens(engine, [5], Order(bars=bars)) for bars in (9, 4))
    np.testing.assert_array_equal(long[:, :4], short)


def test_a_note_ends_with_its_window():
    class Sounding(FakeWindowEngine):
        def decode(self, z, *, bars, **options):
            tokens = np.zeros((len(z), bars, 16), np.uint8)
            tokens[:, 0, 4] = 41
            return tokens

    (melody,) = draw(Sounding(), [5], Order(bars=4))
    assert [(note.onset_steps, note.duration_steps) for note in melody.notes] == [(4, 28), (36, 28)]


def test_a_piece_depends_on_its_seed_only(model):
    many = model.generate_many(40, 7, seed=3)
    for k in (0, 1, 39):
        assert midi_bytes([model.generate(7, seed=piece_seed(3, k))]) == midi_bytes([many[k]])
    assert (
        model.generate(seed=1, prior_temperature=0, temperature=0).notes == model.generate(seed=2, prior_temperature=0, temperature=0).notes
    )


def test_a_style_is_added_to_every_window():
    engine = FakeWindowEngine()
    vector = np.zeros(68)
    vector[1] = 0.25  # every pitch three semitones up
    order = Order(bars=5, temperature=0.0, prior_temperature=0.3)
    plain = draw_tokens(engine, [5], order)
    styled = draw_tokens(engine, [5], replace(order, vector=lambda bars: vector))
    np.testing.assert_array_equal(styled, np.where(plain >= 2, plain + 3, plain))


def test_each_window_has_its_own_seed():
    asked = []

    class Watched(FakeWindowEngine):
        def sample_prior(self, seeds, **options):
            asked.append(list(seeds))
            return super().sample_prior(seeds, **options)

    draw_tokens(Watched(), [5, 6], Order(bars=6))
    assert asked == [[5, 6], [window_seed(5, 1), window_seed(6, 1)], [window_seed(5, 2), window_seed(6, 2)]]


def test_a_key_is_met(model):
    melody = model.generate(4, seed=2, key="Eb", prior_temperature=0.1)
    assert str(melody.key) == "Eb major"


# -- the whole model


def test_every_method_works(model, tmp_path):
    melody = tune(1, 8, program=7, tempo_qpm=88.0)
    assert model.material == "melody"
    assert replace(model.reconstruct(melody), provenance={}) == melody
    assert replace(model.decode(Code.load(model.encode(melody).save(tmp_path / "x.npz"))), provenance={}) == melody
    high = model.restyle(melody, "high")
    assert [n.pitch for n in high.notes] == [n.pitch + 3 for n in melody.notes]
    assert model.restyle(melody, {"high": 0.0}) is melody
    path = model.interpolate(melody, tune(2, 8, tempo_qpm=100.0), steps=5)
    assert same_music(path[0], melody)
    assert same_music(path[-1], tune(2, 8))
    assert path[2].num_bars == 8
    taken = model.take(melody.write(tmp_path / "x.mid"))
    assert same_music(taken.music, melody)


def test_styles_are_learnt_from_folders_against_the_prior_and_from_attributes(model, tmp_path):
    busy = model.learn_style("busy", [tune(s, 8, rate=0.6) for s in range(8)], versus=[tune(s, 8, rate=0.2) for s in range(8)])
    moves = busy.report["effects"]["density"]["moves"]
    assert moves[1] < moves[2] < moves[3]
    alone = model.learn_style("alone", [tune(s, 8) for s in range(8)])
    assert alone.report["versus_passages"] is None
    up = model.learn_style("up", [tune(s, 8) for s in range(12)], attribute="pitch-mean", method="difference")
    assert up.report["effects"]["pitch-mean"]["moves"][3] > 0.3
    assert {style.name for style in model.styles()} == {"high", "jig", "busy", "alone", "up"}


def test_a_style_learnt_from_its_own_pieces_needs_no_other_meters(model):
    style = model.learn_style("wide", attribute="interval", keep=False)
    assert style.report["passages"] + style.report["calibration"]["passages"] > 100


def test_only_what_the_model_knows_is_learnt_from(model):
    style = model.learn_style("mixed", [tune(1, 4), tune(2, 4, "3/4"), tune(3, 4, "6/8"), tune(4, 4, "3/4")], keep=False)
    assert style.notices[0] == "left out: 2 in 3/4, 1 in 6/8, which this model does not know"
    with pytest.raises(ValueError, match=r"does not know the meters of the melodies given \(1 in 3/4\): give it some in 4/4"):
        model.learn_style("waltz", [tune(1, 4, "3/4")])


@pytest.mark.parametrize("work", ["reconstruct", "encode"])
def test_other_meters_are_refused(model, work):
    with pytest.raises(ValueError, match=r"this model knows 4/4, 2/2, 2/4 only, not 3/4: the model 'melody' knows all of 4/4"):
        getattr(model, work)(tune(1, 4, "3/4"))


def test_other_meters_are_refused_elsewhere_too(model):
    with pytest.raises(ValueError, match="only, not 6/8"):
        model.generate(meter="6/8")
    with pytest.raises(ValueError, match="only, not 6/8"):
        model.generate(style="jig")
    with pytest.raises(ValueError, match="only, not 3/4"):
        model.restyle(tune(1, 4, "3/4"), "high")
    with pytest.raises(ValueError, match="only, not 3/4"):
        model.interpolate(tune(1, 4, "3/4"), tune(2, 4))
    assert len(model.interpolate(tune(1, 4), tune(2, 4, "3/4"), steps=3)) == 3


# -- chords


def test_melodies_follow_their_chords(over_chords):
    plain, chorded = (over_chords.generate(8, seed=4, temperature=0, prior_temperature=0.3, chords=c) for c in (None, "C D/F# Em N.C."))
    lifts = [0, 2, 4, 0]
    assert [n.pitch for n in chorded.notes] == [n.pitch + lifts[n.onset_steps // 32] for n in plain.notes]
    assert chorded.provenance["chords"] == "C D/F# Em N.C."
    said = {k: chorded.provenance[k] for k in ("bars", "temperature", "prior_temperature", "seed", "chords")}
    assert over_chords.generate(**said) == chorded
    many = over_chords.generate_many(3, 5, seed=1, chords=["C", "Am", "F", "G"])
    assert many[2] == over_chords.generate(5, seed=piece_seed(1, 2), chords="C Am F G")


def test_a_code_can_be_decoded_over_other_chords(over_chords):
    melody = tune(2, 4)
    code = over_chords.encode(melody, chords="C G")
    assert same_music(over_chords.decode(code), melody)
    lifted = over_chords.decode(code, chords="D A")
    assert [n.pitch for n in lifted.notes] == [n.pitch + 2 for n in melody.notes]
    assert same_music(over_chords.reconstruct(melody, chords="F Bb C"), melody)


def test_blends_and_styles_keep_to_the_chords(over_chords):
    melody, other = tune(2, 4), tune(3, 4)
    path = over_chords.interpolate(melody, other, steps=3, chords="C F")
    assert same_music(path[0], melody)
    assert same_music(path[2], other)
    vector = StyleVector(name="high", direction=np.eye(68)[1] * 0.25, model_hash="window")
    style = replace(over_chords.learn_style("x", [melody], versus=[other], keep=False), vector=vector)
    assert [n.pitch for n in style.apply(melody, chords="C F").notes] == [n.pitch + 3 for n in melody.notes]
    assert same_music(style.apply(melody, 1e-9, chords="C F"), melody)


def test_chords_that_make_no_sense(over_chords, model):
    with pytest.raises(
        ValueError, match="this model takes no chords: leave them out, or load one that does, such as cat-mel_2bar_med_chords"
    ):
        model.reconstruct(tune(1, 4), chords="C")
    for call in (model.reconstruct, model.encode):
        with pytest.raises(ValueError, match="takes no chords"):
            call(tune(1, 4), chords="C")
    with pytest.raises(ValueError, match="takes no chords"):
        model.interpolate(tune(1, 4), tune(2, 4), chords="C")
    with pytest.raises(ValueError, match="is no chord"):
        over_chords.generate(chords="C H7")
    with pytest.raises(ValueError, match="the chords settle the key"):
        over_chords.generate(chords="C", key="D")


def test_a_blend_does_not_promise_a_switch_of_keys_to_a_model_that_hears_them_all(model):
    notes = [(60, 0, 1), (64, 1, 1), (67, 2, 2), (72, 4, 4)]
    keys = {0: Key.parse("C"), 7: Key.parse("G")}
    a, b = (Melody.from_beats([(n + up, *when) for n, *when in notes], num_bars=2, key=key) for up, key in keys.items())
    notices = model.interpolate(a, b, 3).notices
    assert "A is in C major, B in G major: the model moves from one to the other" in notices
    assert not any("A's key" in notice for notice in notices)
