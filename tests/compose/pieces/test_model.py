import numpy as np
import pytest
from compose.fake_piece_engine import PRESETS, engine, piece

from musicvae.compose.pieces.model import PieceModel
from musicvae.compose.styles import StyleVector, save_styles
from musicvae.model.noise import piece_seed
from musicvae.music.melody import Melody, Note
from musicvae.music.meter import Meter
from musicvae.music.piece import Piece
from musicvae.music.provenance import provenance_of
from musicvae.music.reading import read_score
from musicvae.music.score import MeterChange, NoteTable, Score, TempoChange, Track


@pytest.fixture
def model(tmp_path):
    def made(kind="drums", **options):
        return PieceModel(engine(kind, **options), name=kind, styles_folder=tmp_path / "styles")

    return made


def options_of(kind):
    return {"hits": piece(kind, 2)} if kind == "hits" else {}


@pytest.mark.parametrize("kind", PRESETS)
def test_every_kind_goes_the_whole_way_through_files(kind, model, tmp_path):
    made = model(kind)
    drawn = made.generate(5, seed=3, tempo_qpm=100, **options_of(kind))
    path = drawn.write(tmp_path / "drawn.mid")
    told = provenance_of(read_score(path))[0]
    assert (told["made_by"], told["model"], told["seed"], told["bars"]) == ("generate", kind, 3, 5)
    assert made.generate(5, seed=3, tempo_qpm=100, **options_of(kind)) == drawn
    other = piece(kind, 3, 9, tempo_qpm=100).write(tmp_path / "other.mid")
    code = made.encode(path)
    assert code.num_bars == drawn.num_bars
    for result in (made.decode(code), made.reconstruct(path), *made.interpolate(path, other, 3)):
        assert isinstance(result, Piece)
        assert result.material == made.material
        assert result.num_bars == drawn.num_bars
        assert result.tempo_qpm == pytest.approx(100, abs=1e-3)
        result.write(tmp_path / "again.mid", force=True)


def test_the_same_music_from_files_and_objects(model, tmp_path):
    made, own = model("drums"), piece("drums", 4, tempo_qpm=96.0)
    path = own.write(tmp_path / "own.mid")
    sources = [own, path, str(path), own.to_score(), own.to_pretty_midi()]
    assert len({made.encode(source).mu.tobytes() for source in sources}) == 1
    assert made.reconstruct(path) == made.reconstruct(own)


def test_many_pieces_are_those_of_their_own_seeds(model):
    made = model("groove")
    many = made.generate_many(3, 4, seed=11)
    assert [p.provenance["seed"] for p in many] == [piece_seed(11, k) for k in range(3)]
    assert made.generate(4, seed=many[2].provenance["seed"]) == many[2]
    assert made.generate().num_bars == 4  # the span
    assert model("hits").generate(hits=piece("hits", 3)).num_bars == 3


def test_a_drummer_plays_the_hits_of_one_with_the_feel_of_another(model):
    made = model("hits")
    pattern, feel = piece("hits", 4, 1), piece("hits", 4, 2)
    played = made.decode(made.encode(feel), hits=pattern)
    assert np.array_equal(played.columns["bars"] > 0, pattern.columns["bars"] > 0)
    assert made.reconstruct(feel, hits=pattern) == played
    stiff = model("drums").generate(4, seed=1)  # of another material and map: taken anew from its notes
    assert made.generate(hits=stiff).num_bars == 4


@pytest.mark.parametrize(("kind", "is_replaced"), [("drums", True), ("full", True), ("groove", False)])
def test_hats_of_electronic_kits_are_hats(kind, is_replaced, model):
    notes = NoteTable(np.arange(8) * 480, np.array([36, 22, 38, 26, 36, 42, 38, 46]), np.full(8, 60), np.full(8, 90))
    kit = Score(480, (Track(notes, "Kit", is_drum=True),), (TempoChange(0, 100.0),), (MeterChange(0, Meter(4, 4)),))
    made = model(kind)
    taken = made.take(kit)
    struck = [track.notes.pitch.tolist() for track in taken.music.to_score().tracks]
    assert struck == [[36, 42, 38, 46, 36, 42, 38, 46]]
    assert any("hits of pitch 22, which the drum map does not know, taken as 42: 1" in text for text in taken.notices) == is_replaced
    assert not any("left out" in text for text in taken.notices)


def test_any_rhythm_can_be_tapped(model, tmp_path):
    made = model("tap")
    melody = Melody((Note(60, 0, 4, 100), Note(64, 6, 2, 50), Note(67, 20, 8, 90)), num_bars=2, tempo_qpm=90.0)
    taken = made.take(melody.write(tmp_path / "tune.mid"))
    struck = taken.music.columns["bars"] > 0
    assert np.flatnonzero(struck.any(axis=2)).tolist() == [0, 6, 20]
    assert not struck[..., [place for place in range(9) if place != 3]].any()
    assert taken.music.tempo_qpm == pytest.approx(90, abs=1e-3)
    assert "are the taps" in taken.notices[0]
    assert made.take(melody).music == taken.music
    drums = piece("tap", 4, 1)
    assert made.take(drums.write(tmp_path / "drums.mid")).music.num_bars == 4  # drums are tapped along with as they are


def test_chords_are_told(model):
    made = model("performance-chords")
    drawn = made.generate(2, seed=1, chords="C G7")
    assert drawn.provenance["chords"] == "C G7"
    assert len(set(drawn.columns["chords"][0])) == 1
    own = piece("performance-chords", 2)
    assert np.array_equal(made.encode(own, chords="Am F").guide["chords"], made.generate(2, chords="Am F").columns["chords"])
    assert not made.encode(own).guide["chords"].any()


def test_what_makes_no_sense_is_refused(model, tmp_path):
    made = model("drums")
    for options, message in (
        ({"meter": "3/4"}, "knows 4/4 only, not 3/4"),
        ({"key": "D"}, "in no key"),
        ({"chords": "C"}, "knows no chords"),
        ({"hits": piece("drums")}, "chooses its own hits"),
        ({"bars": 0}, "bars must be a whole number from 1"),
        ({"style": "funk"}, "unknown style 'funk'"),
    ):
        with pytest.raises(ValueError, match=message):
            made.generate(**options)
    with pytest.raises(ValueError, match="one meter and no keys"):
        made.interpolate(piece("drums"), piece("drums"), keys="a")
    with pytest.raises(ValueError, match="knows no chords"):
        made.encode(piece("drums"), chords="C")
    with pytest.raises(ValueError, match="a single melody holds no drums"):
        made.encode(Melody((Note(60, 0, 4),)))
    with pytest.raises(FileNotFoundError, match=r"nowhere\.mid does not exist"):
        made.encode(tmp_path / "nowhere.mid")
    tune = Melody((Note(60, 0, 4),)).write(tmp_path / "tune.mid")
    with pytest.raises(ValueError, match=r"tune\.mid: no drums"):
        made.encode(tune)
    assert made.generate(2, meter="2/2").num_bars == 2


def test_a_part_of_a_piece_can_be_taken(model, tmp_path):
    made, own = model("drums"), piece("drums", 6)
    for source in (own, own.write(tmp_path / "own.mid")):
        taken = made.take(source, start_bar=3, bars=2)
        assert np.array_equal(taken.music.columns["bars"], own.columns["bars"][2:4])
    with pytest.raises(ValueError, match="has 6 bars, so that none can be taken from bar 7"):
        made.take(own, start_bar=7)
    with pytest.raises(ValueError, match="count from 1"):
        made.take(own, start_bar=0)


# -- styles


def beats(folder, kind, seeds, change=None):
    folder.mkdir()
    for seed in seeds:
        made = piece(kind, 4, seed)
        made = (
            made if change is None else Piece(made.material, {**made.columns, "bars": change(made.columns["bars"])}, drum_map=made.drum_map)
        )
        made.write(folder / f"{seed}.mid")
    return folder


def with_crash(bars):
    """A crash on every one."""
    crashed = bars.copy()
    crashed[:, 0] |= np.uint64(1 << 7)
    return crashed


def test_a_style_is_learnt_from_two_folders_and_moves_what_tells_them_apart(model, tmp_path):
    made = model("drums")
    said = []
    style = made.learn_style(
        "crashing", beats(tmp_path / "a", "drums", range(8), with_crash), versus=beats(tmp_path / "b", "drums", range(8)),
        tempo_qpm=90, progress=said.append,
    )  # fmt: skip
    assert said
    assert style.report["learnt"] == "examples"
    assert style.report["passages"] == style.report["versus_passages"] == 16
    assert style.path == tmp_path / "styles" / "fake" / "crashing.safetensors"
    assert [info.name for info in made.styles()] == ["crashing"]
    effects = {name: effect["moves"][style.report["strengths"].index(1.0)] for name, effect in style.report["effects"].items()}
    assert effects["cymbals"] > 0.5
    assert abs(effects["kick"]) < 0.1
    plain = piece("drums", 2, 30)
    struck = made.restyle(plain, {"crashing": 1.0})
    assert ((struck.columns["bars"][:, 0] >> np.uint64(7)) & np.uint64(1)).all()
    assert made.restyle(plain, {"crashing": 0.0}) is plain
    assert style.apply(plain, 1.0) == struck
    drawn = made.generate(2, seed=1, style="crashing")
    assert drawn.tempo_qpm == 90
    assert drawn.provenance["style"] == {"crashing": 1.0}


def test_a_style_is_learnt_against_the_prior_or_what_the_file_says_of_its_training(model):
    examples = [piece("drums", 4, seed) for seed in range(10)]
    made = model("drums")
    plain = made.learn_style("mine", examples, keep=False).vector.direction
    shifted = model("drums", metadata={"mean_mu": np.ones(made.engine.config.z_size).tolist()})
    assert np.allclose(shifted.learn_style("mine", examples, keep=False).vector.direction, plain - 1)
    broken = model("drums", metadata={"mean_mu": [1.0]})
    with pytest.raises(ValueError, match="is its file damaged"):
        broken.learn_style("mine", examples, keep=False)


@pytest.mark.parametrize(("kind", "attribute"), [("drums", "density"), ("groove", "loudness"), ("trio", "bass")])
def test_an_attribute_moves_by_a_standard_deviation(kind, attribute, model):
    made = model(kind)
    style = made.learn_style(
        "more", [piece(kind, 16, seed) for seed in range(12)], attribute=attribute, method="difference", hold=[], keep=False
    )
    found = style.report["calibration"]
    assert found["reached"]
    assert found["effect_at_1"] - found["effect_at_0"] == pytest.approx(found["target"], rel=0.5)


def test_too_little_to_learn_from_is_said(model):
    made = model("drums")
    with pytest.raises(ValueError, match="say what to learn from"):
        made.learn_style("x", keep=False)
    with pytest.raises(ValueError, match="leave versus out"):
        made.learn_style("x", [piece("drums")], versus=[piece("drums")], attribute="density", keep=False)
    with pytest.raises(ValueError, match="same mean"):
        made.learn_style("x", [piece("drums")], versus=[piece("drums")], keep=False)
    with pytest.raises(ValueError, match="too few"):
        made.learn_style("x", [piece("drums")], attribute="density", keep=False)
    with pytest.raises(ValueError, match="attribute must be one of density, offbeat"):
        made.learn_style("x", [piece("drums")], attribute="funk", keep=False)
    with pytest.raises(ValueError, match="nothing sounds"):
        made.learn_style("x", [Piece("drums", {"bars": np.zeros((2, 16), np.uint64)}, drum_map="nine-old")], keep=False)
    few = made.learn_style("x", [piece("drums", 4)], keep=False)
    assert "learnt from 2 passages only" in few.notices[-1]


def test_styles_beside_the_model_are_found(tmp_path):
    made = engine("drums")
    save_styles([StyleVector(name="funk", direction=np.ones(made.config.z_size), model_hash="fake")], tmp_path / "d.styles.safetensors")
    model = PieceModel(made, path=tmp_path / "d.safetensors", styles_folder=tmp_path / "none")
    assert [(info.name, info.origin) for info in model.styles()] == [("funk", "shipped")]
    assert model.style("funk").name == "funk"


def test_every_result_says_which_hits_it_was_told(model):
    made, feel, pattern = model("hits"), piece("hits", 2), piece("hits", 2, 5)
    told = {"name": pattern.name, "fingerprint": pattern.fingerprint}
    heard = {"name": feel.name, "fingerprint": feel.fingerprint}
    assert made.generate(hits=pattern, seed=1).provenance["inputs"] == [told]
    assert made.decode(made.encode(feel), hits=pattern).provenance["inputs"] == [told]
    assert made.reconstruct(feel, hits=pattern).provenance["inputs"] == [heard, told]
    assert made.interpolate(feel, feel, 2, hits=pattern)[0].provenance["inputs"] == [heard, heard, told]
    assert "inputs" not in made.decode(made.encode(feel)).provenance


def test_every_result_says_which_chords_it_was_told(model):
    made, given = model("performance-chords"), piece("performance-chords", 2)
    assert made.decode(made.encode(given), chords="C G7").provenance["chords"] == "C G7"
    assert made.reconstruct(given, chords="C G7").provenance["chords"] == "C G7"
    assert made.interpolate(given, given, 2, chords="C G7")[0].provenance["chords"] == "C G7"
