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
        ("bar,tense\n5,1\n2,0\n", "times must not go back, and they do at 2"),
    ],
)
def test_what_is_no_curve_says_why(tmp_path, text, message):
    with pytest.raises(ValueError, match=message):
        curve(tmp_path, text)


def test_a_curve_that_is_not_there(tmp_path):
    with pytest.raises(FileNotFoundError, match="does not exist"):
        read_curve(tmp_path / "none.csv")
