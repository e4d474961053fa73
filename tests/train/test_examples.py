from dataclasses import replace

import numpy as np
import pytest
import torch
from train.corpora import make_corpus
from train.published import ONE_OF_EACH, corpus_for, tiny

from musicvae.model.published.presets import PUBLISHED
from musicvae.music.converters import converter
from musicvae.train.examples import ExampleReader, Examples, HeldOutExamples, TrainingExamples, example_report, quieter_hits_dropped
from musicvae.train.options import PublishedOptions
from musicvae.train.recipes import build_options_for, options_for, preset_named, recipe_for

MELODY = tiny("cat-mel_2bar_small")
MADE, DRUMS = corpus_for(MELODY), corpus_for(tiny("cat-drums_2bar_small"))
FEW = r"too little data: \d+"


def source(config=MELODY, corpus=None, *, rank=0, world_size=1, **changes):
    options = PublishedOptions.of(recipe_for(config), **{"batch_size": 16, "seed": 3, **changes})
    return TrainingExamples(ExampleReader(corpus or corpus_for(config), config), options, rank=rank, world_size=world_size)


def same(a: Examples, b: Examples) -> bool:
    return all((x is None and y is None) or torch.equal(x, y) for x, y in zip(a, b, strict=True))


@pytest.mark.parametrize("name", ONE_OF_EACH)
def test_every_make_of_network_gets_its_arrays(name):
    config = tiny(name)
    batch = source(config).batch(0)
    assert batch.num_windows == 16
    assert batch.targets.shape[:2] == batch.inputs.shape[:2] == (16, config.steps)
    assert batch.targets.shape[2] == (len(config.outputs) if config.head == "categorical" else config.outputs[0])
    assert batch.targets.is_floating_point() == (config.head != "categorical")
    assert (batch.controls is not None) == bool(config.control_depth)
    assert (batch.lengths is not None) == (config.converter.startswith("performance"))


def test_a_batch_is_a_function_of_seed_number_and_rank():
    assert same(source().batch(5), source().batch(5))
    onward = source().onward(4)
    next(onward)
    assert same(next(onward), source().batch(5))
    others = [source(seed=4).batch(5), source(rank=1, world_size=2).batch(5), source().batch(6)]
    assert not any(same(source().batch(5), other) for other in others)


def test_processes_share_a_pass_out():
    corpus = corpus_for(MELODY)
    seen = [source(corpus=corpus, rank=rank, world_size=2).source.batch_windows(0)[0] for rank in (0, 1)]
    assert not {tuple(row) for row in seen[0].tolist()} & {tuple(row) for row in seen[1].tolist()}


def test_every_window_is_moved_by_its_own_number_of_semitones():
    corpus = corpus_for(MELODY)
    moving, still = source(corpus=corpus, transpose=5), source(corpus=corpus, transpose=0)
    found = set()
    for number in range(6):
        moved, kept = moving.batch(number).targets, still.batch(number).targets
        notes = kept >= 2
        for a, b, n in zip(moved, kept, notes, strict=True):
            (shift,) = set((a - b)[n].tolist())
            found.add(shift)
            assert torch.equal(a[~n], b[~n])
    assert found == set(range(-5, 6))


def test_a_window_comes_anew_in_another_key():
    made = source(corpus=corpus_for(MELODY, tunes=12), batch_size=200, transpose=5)
    first, again = (made.batch(number) for number in (0, 1))
    lowest = [[int(t[t >= 2].min()) for t in batch.targets] for batch in (first, again)]
    windows = [[tuple(row) for row in made.source.batch_windows(number)[0].tolist()] for number in (0, 1)]
    of = [dict(zip(w, low, strict=True)) for w, low in zip(windows, lowest, strict=True)]
    assert any(of[0][window] != of[1][window] for window in set(of[0]) & set(of[1]))


def test_a_corpus_in_its_canonical_key_is_brought_back_to_that_of_its_files():
    corpus = corpus_for(MELODY)
    shifted = replace(corpus, shift=np.arange(len(corpus)) % 5)
    plain, moved = source(corpus=corpus, transpose=0), source(corpus=shifted, transpose=0)
    windows, _ = plain.source.batch_windows(0)
    a, b = plain.batch(0).targets, moved.batch(0).targets
    shift = torch.from_numpy(windows[:, 0] % 5)[:, None, None]
    assert torch.equal(b, torch.where(a >= 2, a - shift, a))


def test_chords_move_with_the_notes():
    config = tiny("cat-mel_2bar_med_chords")
    corpus = corpus_for(config)
    plain, moved = (source(config, c, transpose=0) for c in (corpus, replace(corpus, shift=np.full(len(corpus), -2))))
    a, b = (made.batch(0).controls.argmax(-1) for made in (plain, moved))
    assert torch.equal(b, (a - 1) // 12 * 12 + (a - 1 + 2) % 12 + 1)


def test_notes_hidden_from_the_encoder_are_still_to_be_written():
    config = tiny("groovae_2bar_tap_fixed_velocity_note_dropout")
    corpus = corpus_for(config)
    sparse, full = source(config, corpus), source(config, corpus, input_dropout=0.0)
    hidden, shown = (made.batch(2) for made in (sparse, full))
    assert torch.equal(hidden.targets, shown.targets)
    taps = [batch.inputs[..., 3].sum().item() for batch in (hidden, shown)]
    assert 0.3 * taps[1] < taps[0] < 0.95 * taps[1]


def test_quiet_hits_are_dropped_more_often_and_none_is_safe():
    velocity = np.zeros((20_000, 1, 16, 9), np.uint8)
    velocity[:, 0, 0, 0], velocity[:, 0, 4, 1], velocity[:, 0, 8, 2] = 127, 64, 1
    kept = quieter_hits_dropped(velocity, np.full(20_000, 0.5), np.random.default_rng(0))
    dropped = [(kept[:, 0, step, drum] == 0).mean() for step, drum in ((0, 0), (4, 1), (8, 2))]
    assert dropped == pytest.approx([0.5 * 0.2, 0.5 * 63 / 127, 0.5 * 126 / 127], abs=0.015)  # 4 deviations
    assert ((kept == velocity) | (kept == 0)).all()
    assert (quieter_hits_dropped(velocity, np.zeros(20_000), np.random.default_rng(0)) == velocity).all()


def test_held_out_windows_are_always_the_same_and_stay_in_their_key():
    reader = ExampleReader(corpus_for(MELODY), MELODY)
    held_out = HeldOutExamples(reader, hop_bars=4, batch_size=5, most=12)
    first, again = list(held_out), list(held_out)
    assert [batch.num_windows for batch in first] == [5, 5, 2]
    assert len(held_out) == 3
    assert all(same(a, b) for a, b in zip(first, again, strict=True))
    shifted = ExampleReader(replace(reader.corpus, shift=np.full(len(reader.corpus), 3)), MELODY)
    there = torch.cat([batch.targets for batch in HeldOutExamples(shifted, hop_bars=4, batch_size=5, most=12)])
    here = torch.cat([batch.targets for batch in first])
    assert torch.equal(there, torch.where(here >= 2, here - 3, here))


def test_no_held_out_window_is_trained_on():
    made = source(batch_size=200)
    trained = {tuple(row) for number in range(4) for row in made.source.batch_windows(number)[0].tolist()}
    split = np.asarray(made.reader.corpus.split)
    assert {int(split[line]) for line, _, _ in trained} == {0}
    held_out = made.reader.corpus.windows("validation", kind=0, bars=2, hop=1)
    assert not trained & {tuple(row) for row in held_out.tolist()}


def test_windows_of_grooves_do_not_overlap():
    assert options_for(PUBLISHED["groovae_4bar"].config).hop_bars == 4
    assert options_for(PUBLISHED["groovae_2bar_humanize"].config, hop_bars=1).hop_bars == 1
    assert options_for(PUBLISHED["cat-drums_2bar_small"].config).hop_bars == 1


def test_what_there_is_to_learn_from():
    report = example_report(ExampleReader(corpus_for(tiny("cat-mel_2bar_med_chords")), tiny("cat-mel_2bar_med_chords")), hop_bars=1)
    assert report["windows"] == {"train": 280, "validation": 56}
    assert report["window_bars"] == 2
    assert report["share_of_bars_with_chords"] == 1.0
    drums = tiny("cat-drums_2bar_small")
    assert example_report(ExampleReader(corpus_for(drums), drums), hop_bars=1)["drum_map"] == "nine-old"


@pytest.mark.parametrize(
    ("corpus", "name", "message"),
    [
        (MADE, "hier-trio_16bar", "this corpus holds melody, and trio is needed"),
        (DRUMS, "nade-drums_2bar_full", "drums of the map nine-old, .* goes by the map sixty-one: .* --drum-map sixty-one"),
        (replace(DRUMS, options={"drum_map": "nine"}), "cat-drums_2bar_small", "map nine, .* goes by the map nine-old: .* nine-old"),
        (make_corpus(tunes=3, validation=1, kinds=1), "cat-mel_2bar_small", f"{FEW} training windows in 4/4 of 2 bars; needed are 64"),
        (make_corpus(tunes=20, validation=0, kinds=1), "cat-mel_2bar_small", "too little data: no validation windows in 4/4 of 2 bars"),
        (make_corpus(tunes=40, kinds=1, bars=(8, 9)), "hier-mel_16bar", f"{FEW} training windows in 4/4 of 16 bars"),
    ],
)
def test_a_corpus_that_does_not_fit_is_refused(corpus, name, message):
    with pytest.raises(ValueError, match=message):
        example_report(ExampleReader(corpus, PUBLISHED[name].config), hop_bars=1)


def test_other_meters_are_left_alone():
    corpus = make_corpus(tunes=60, kinds=3)
    windows, _ = source(corpus=corpus).source.batch_windows(0)
    assert set(np.asarray(corpus.kind)[windows[:, 0]]) == {0}


@pytest.mark.parametrize("name", PUBLISHED)
def test_files_are_read_for_the_network(name):
    config = preset_named(name)
    options = build_options_for(config)
    made = converter(config.converter)
    assert (options.material, options.meters, options.transpose) == (made.material, ("4/4",), False)
    assert options.bars == (made.bars(config.steps),)
    assert options.drum_map == (made.drum_map or "nine")


def test_an_imported_network_of_no_published_name_is_trained_like_its_kin():
    config = replace(PUBLISHED["groovae_2bar_tap_fixed_velocity"].config, preset="tap2drum_1bar", steps=16)
    assert recipe_for(config) == PUBLISHED["groovae_2bar_tap_fixed_velocity"].recipe
    hier = replace(tiny("hier-mel_16bar"), preset="mel_16bar_small_q2")
    assert recipe_for(hier) == PUBLISHED["hierdec-mel_16bar"].recipe
    ours = "tiny, small, melody, drums, groove, drumify, trio, .*"
    with pytest.raises(ValueError, match=f"unknown preset 'hier-mel'; allowed are {ours} and published ones such as hier-mel_16bar"):
        preset_named("hier-mel")
