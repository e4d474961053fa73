import pytest

from musicvae.corpus.sources.labels import check_rules, label_by, normal_label, plain_tag, tags_by


def test_labels():
    assert [normal_label(text) for text in ("Slip  Jig", "REEL", "polka", "sonata", "slip-jig", "Jig.")] == [
        "slip-jig", "reel", "polka", "", "slip-jig", "jig"
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("stem", "field", "title", "expected"),
    [
        ("jigs2", "reel", "x", "jig"),
        ("book", "Double Jig", "x", "jig"),
        ("book", "", "The Old Hornpipe", "hornpipe"),
        ("book", "?", "Song", ""),
    ],
)
def test_the_label_is_the_file_s_name_the_field_or_a_word_of_the_title(stem, field, title, expected):
    assert label_by({"stems": {"jigs": "jig"}}, stem, field, title) == expected
    assert label_by({"fixed": "pop"}, stem, field, title) == "pop"


@pytest.mark.parametrize(
    ("rule", "expected"),
    [
        ("J. S. Bach", "J. S. Bach"), ({"folder": 1}, "scores"), ({"folder": 9}, ""), ({"person": 2}, "Fanny Hensel"),
        ({"stems": {"lc": "song"}}, "song"), ({"field": "O"}, "Deutschland"), ({"field": "C"}, ""),
    ],
)  # fmt: skip
def test_tags_follow_the_rules_of_a_recipe(rule, expected):
    fields = {"O": "Europa, Mitteleuropa, Deutschland (BRD) , Hessen", "C": "Trad."}
    assert tags_by({"t": rule}, "scores/Hensel,_Fanny_(Mendelssohn)/_/lc1.mxl", fields) == ({"t": expected} if expected else {})


@pytest.mark.parametrize(
    ("folder", "name"),
    [
        ("Beethoven,_Ludwig_van", "Ludwig van Beethoven"), ("Poldowski", "Poldowski"), ("Hardelot,_Guy_d’", "Guy d’Hardelot"),
        ("Barnard,_Charlotte_Alington_-_aka_Claribel", "Charlotte Alington Barnard"), ("Bianchi_Lacy,_Jane", "Jane Bianchi Lacy"),
    ],
)  # fmt: skip
def test_names_of_persons(folder, name):
    assert tags_by({"composer": {"person": 1}}, f"{folder}/x.mxl", {}) == {"composer": name}


@pytest.mark.parametrize(
    ("origin", "land"),
    [
        ("China,Zhejiang, Leqing", "China"), ("Asien, Ostasien, China", "China"), ("???", ""), ("", ""),
        ("Mitteleuropa, Deutschland / Polen, Schlesien", "Deutschland"),
    ],
)  # fmt: skip
def test_lands_of_origin(origin, land):
    assert tags_by({"region": {"field": "O"}}, "a.abc", {"O": origin}).get("region", "") == land


def test_tags_that_say_nothing_are_left_out():
    assert [plain_tag(text) for text in (" Trad. ", "anon", "???", "O'Carolan", "a\tb", "x" * 99)] == [
        "",
        "",
        "",
        "O'Carolan",
        "a b",
        "x" * 80,
    ]


def test_rules_that_make_no_sense_are_told():
    with pytest.raises(ValueError, match="here: unknown label rule 'fix'; allowed are fixed and stems"):
        check_rules("here", {"fix": "x"}, {})
    with pytest.raises(ValueError, match="here: the rule of the tag 'artist' is a text or one of"):
        check_rules("here", {}, {"artist": {"path": 1}})
