import pytest
from hypothesis import given
from hypothesis import strategies as st

from musicvae.compose.composing.form import bars_in, default_form, parse_form, plan_notices, plan_of
from musicvae.music.meter import Meter


def names(plan):
    return [section.name for section in plan.sections]


def test_returns_are_varied_where_no_letter_has_a_prime_and_only_marked_ones_where_some_have():
    assert names(plan_of(parse_form("AABA"), 32)) == ["A", "A'", "B", "A''"]
    assert names(plan_of(parse_form("A A B A'"), 32)) == ["A", "A", "B", "A'"]
    assert names(plan_of(parse_form("AA'BA'"), 32)) == ["A", "A'", "B", "A'"]


def letters(form, bars, **options):
    return "".join(section.letter for section in plan_of(parse_form(form), bars, 8, **options).sections)


def test_every_other_round_opens_with_something_new_in_another_key():
    plan = plan_of(parse_form("AABA"), 96, 8)
    assert "".join(s.letter for s in plan.sections) == "AABACCBAAABA"
    assert [s.letter for s in plan.sections if s.away] == ["C", "C"]
    assert [s.variation for s in plan.sections if s.letter == "A"] == list(range(7))
    assert (letters("AB", 64), letters("ABAC", 64), letters("A", 64)) == ("ABCBABDB", "ABACDBAC", "A" * 8)
    assert letters("AABA", 96, extend=False) == 3 * "AABA"
    assert letters("ABCDEFGHIJKLMNOPQRSTUVWXYZ", 416).count("A") == 2


def test_variations_are_counted_and_many_are_a_number():
    found = names(plan_of(parse_form("A"), 48, 8))
    assert found == ["A", "A'", "A''", "A'''", "A'4", "A'5"]
    again = [s.variation for s in plan_of(parse_form("AA'BA"), 96, 8).sections if s.letter == "A"]
    assert again == [0, 1, 0, 0, 0, 3, 0]


@pytest.mark.parametrize(("bars", "form"), [(4, "A"), (8, "A"), (12, "ABA"), (16, "AABA"), (400, "AABA")])
def test_a_form_that_nobody_names_fits(bars, form):
    assert default_form(bars) == form
    assert plan_of(parse_form(form), bars).num_bars == bars


def test_what_a_form_does_not_say_is_told():
    assert plan_notices(plan_of(parse_form("AABA"), 32), "AABA") == ()
    told = plan_notices(plan_of(parse_form("AB"), 64, 8), "AB")
    assert "AB is shorter than 64 bars" in told[0]
    assert "C, D are new" in told[0]


def test_longer_pieces_play_the_form_again_and_end_as_it_ends():
    plan = plan_of(parse_form("AABA"), 90, 8, extend=False)
    assert "".join(s.letter for s in plan.sections) == "AABAAABAABAA"
    assert [s.num_bars for s in plan.sections] == [8] * 11 + [2]
    assert plan.sections[-1].is_coda
    assert [s.is_last for s in plan.sections] == [False] * 11 + [True]


@given(form=st.text("ABC", min_size=1, max_size=8), bars=st.integers(32, 400))
def test_a_plan_fills_the_bars_exactly(form, bars):
    plan = plan_of(parse_form(form), bars)
    starts = [s.start_bar for s in plan.sections]
    ends = [s.start_bar + s.num_bars for s in plan.sections]
    assert starts == [0, *ends[:-1]]
    assert ends[-1] == plan.num_bars == bars
    assert all(plan.at(bar) is s for s in plan.sections for bar in range(s.start_bar, s.start_bar + s.num_bars))
    whole = [s.letter for s in plan_of(parse_form(form), bars, extend=False).sections if not s.is_coda]
    assert "".join(whole).startswith(form)
    assert "".join(whole).endswith(form[-(len(whole) % len(form)) :])


def test_sections_of_16_bars_where_they_come_out_nearly_even():
    assert plan_of(parse_form("AABA"), 64).section_bars == 16
    assert plan_of(parse_form("AABA"), 90).section_bars == 8
    assert plan_of(parse_form("AABA"), 20).section_bars == 4


def test_what_is_left_is_a_short_section_or_a_coda():
    plan = plan_of(parse_form("AABA"), 30)
    assert [(s.name, s.num_bars, s.is_coda, s.is_last) for s in plan.sections][-2:] == [("B", 8, False, False), ("A''", 6, False, True)]
    assert [s.num_bars for s in plan_of(parse_form("AABA"), 36).sections] == [8, 8, 8, 8, 4]
    assert [s.num_bars for s in plan_of(parse_form("AABA"), 37, 8).sections] == [8, 8, 8, 8, 5]
    assert plan_of(parse_form("AABA"), 36).sections[-1].is_coda
    # What was not heard before is not cut short.
    assert plan_of(parse_form("AB"), 14).section_bars == 4


def test_minutes_are_bars_to_the_nearest():
    assert bars_in(3, Meter(4, 4), 120) == 90
    assert bars_in(1, Meter(3, 4), 100) == 33
    assert bars_in(1, Meter(6, 8), 120) == 40
    with pytest.raises(ValueError, match="0.001 minutes at 120 quarter notes a minute are 0 bars of 4/4"):
        bars_in(0.001, Meter(4, 4), 120)


@pytest.mark.parametrize("minutes", [float("inf"), float("nan"), "3", True, None])
def test_minutes_are_a_number(minutes):
    with pytest.raises(ValueError, match="minutes must be a number above 0"):
        bars_in(minutes, Meter(4, 4), 120)


def test_sections_are_of_bars():
    with pytest.raises(ValueError, match="sections have 4, 8, 16 bars, got 'x'"):
        plan_of(parse_form("A"), 8, "x")


@pytest.mark.parametrize("text", ["", "A1", "'A", "A B2", "aaba"])
def test_what_is_no_form_is_refused(text):
    with pytest.raises(ValueError, match="is no form: write capital letters"):
        parse_form(text)


def test_small_letters_are_told_the_likely_form():
    with pytest.raises(ValueError, match="try AABA"):
        parse_form("aaba")


def test_a_form_that_does_not_fit_says_what_it_needs():
    with pytest.raises(ValueError, match="4 sections of 4 bars need 16 bars, and 10 are asked for"):
        plan_of(parse_form("AABA"), 10)
    with pytest.raises(ValueError, match="a section of 4 bars needs 4 bars, and 1 is asked for: give it more minutes$"):
        plan_of(parse_form("A"), 1)
    with pytest.raises(ValueError, match="or a shorter form, such as A$"):
        plan_of(parse_form("AABA"), 8)
    with pytest.raises(ValueError, match="shorter sections"):
        plan_of(parse_form("AABA"), 40, 16)
    with pytest.raises(ValueError, match="sections have 4, 8, 16 bars, got 5"):
        plan_of(parse_form("AABA"), 40, 5)
