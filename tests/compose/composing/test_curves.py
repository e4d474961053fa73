import numpy as np
import pytest

from musicvae.compose.composing.curves import Curve, read_curve


def curve(tmp_path, text):
    path = tmp_path / "tension.csv"
    path.write_text(text, encoding="utf-8")
    return read_curve(path)


def test_strengths_change_evenly_between_the_lines_of_a_file(tmp_path):
    found = curve(tmp_path, "bar,tense,density\n1,0,1\n\n5,2,-1\n")
    asked = found.at(np.arange(7), 7, 2.0)
    np.testing.assert_allclose(asked["tense"], [0, 0.5, 1, 1.5, 2, 2, 2])
    np.testing.assert_allclose(asked["density"], [1, 0.5, 0, -0.5, -1, -1, -1])


def test_seconds_and_fractions_mean_the_middle_of_a_bar():
    line = {"calm": np.array([0.0, 1.0])}
    np.testing.assert_allclose(Curve("second", np.array([0.0, 10.0]), line).at(np.arange(3), 3, 2.0)["calm"], [0.1, 0.3, 0.5])
    np.testing.assert_allclose(Curve("fraction", np.array([0.0, 1.0]), line).at(np.arange(4), 4, 2.0)["calm"], [0.125, 0.375, 0.625, 0.875])


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("bar,tense\n", "has 1 lines: a curve needs"),
        ("tense,calm\n1,2\n", "the first line names the columns"),
        ("bar,tense,tense\n1,2,3\n", "each mood once"),
        ("bar,tense\n1,x\n", "line 2: a time and 1 strengths"),
        ("bar,tense\n1,2,3\n", "line 2"),
        ("bar,tense\n1,20\n", "strengths from -10 to 10"),
        ("bar,tense\n5,1\n2,0\n", "line 3: bar 2 comes after a later one: sort the lines"),
        ("bar,tense\n5,1\n\n5,0\n", "line 4: bar 5 is there twice, with two strengths"),
        ("bar,tense\n0,1\n", "line 2: bars are from 1 on, got 0"),
        ("second,tense\n-1,1\n", "line 2: seconds are from 0 on, got -1"),
        ("fraction,tense\n0,1\n50,1\n", "line 3: fractions are from 0 to 1, got 50: was a percentage meant?"),
        ("fraction,tense\n-0.1,1\n", "line 2: fractions are from 0 to 1"),
        ("bar,\n1,1\n", "the first line names the columns"),
        ("bar;tense\n1;1\n", "the first line names the columns"),
    ],
)
def test_what_is_no_curve_says_why(tmp_path, text, message):
    with pytest.raises(ValueError, match=message):
        curve(tmp_path, text)


@pytest.mark.parametrize(
    ("unit", "times", "values", "message"),
    [
        ("beat", [0.0], [1.0], "over bars, seconds or fractions"),
        ("fraction", [0.0, 2.0], [1.0, 1.0], "line 2: fractions are from 0 to 1, got 2"),
        ("bar", [1.0, 1.0], [1.0, 2.0], "bar 1 is there twice"),
        ("bar", [], [], "one or more numbers"),
        ("bar", [1.0], [1.0, 2.0], "'tense' are 1 numbers"),
        ("bar", [1.0], [11.0], "from -10 to 10"),
    ],
)
def test_a_curve_made_in_python_is_checked_too(unit, times, values, message):
    with pytest.raises(ValueError, match=message):
        Curve(unit, np.array(times), {"tense": np.array(values)})


def test_a_folder_is_no_curve(tmp_path):
    with pytest.raises(IsADirectoryError, match="is a folder: name the file in it"):
        read_curve(tmp_path)


def test_a_curve_that_is_not_there(tmp_path):
    with pytest.raises(FileNotFoundError, match="does not exist"):
        read_curve(tmp_path / "none.csv")
