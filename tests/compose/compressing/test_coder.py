import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from musicvae.compose.compressing.coder import Costs, Reader, Writer
from musicvae.compose.compressing.mixing import Mixer
from musicvae.compose.compressing.numbers import code_class, code_natural, code_signed
from musicvae.compose.compressing.odds import LIMIT, ONE, log_odds, probabilities

BITS = st.lists(st.tuples(st.integers(0, 1), st.one_of(st.integers(1, ONE - 1), st.sampled_from([1, ONE - 1]))), max_size=300)


@given(BITS)
def test_bits_come_back_at_the_cost_that_shannon_says(bits):
    writer = Writer()
    for bit, chance in bits:
        writer.code(bit, chance)
    data = writer.finish()
    reader = Reader(data)
    assert [reader.code(None, chance) for _, chance in bits] == [bit for bit, _ in bits]
    cost = -sum(math.log2((chance if bit else ONE - chance) / ONE) for bit, chance in bits)
    assert len(data) <= cost / 8 + 1 + 0.001 * len(bits)


def test_a_reader_does_not_go_on_for_ever():
    reader = Reader(b"abc")
    with pytest.raises(ValueError, match="ends in the middle"):
        [reader.code(None, ONE >> 1) for _ in range(10_000)]


def test_tables_are_those_of_the_logistic_function():
    for odds in range(-LIMIT, LIMIT + 1, 7):
        assert abs(probabilities()[odds + LIMIT] - ONE / (1 + math.exp(-odds / 256))) <= 1
    for chance in range(1, ONE, 97):
        exact = 256 * math.log(chance / (ONE - chance))
        step = 256 * ONE / (chance * (ONE - chance)) + 1  # of log-odds for a step of the probability
        assert abs(log_odds()[chance] - exact) <= step * 1.5


NUMBERS = st.lists(st.one_of(st.integers(0, 20), st.integers(0, 2**31)), max_size=30)


@given(NUMBERS)
def test_numbers_come_back(numbers):
    def through(coder, given):
        mixer, found = Mixer(coder), []
        for number in given:
            last = found[-1] if found else 0
            found.append(code_natural(mixer, number, "n", [(), last], guesses=[(last, 1)]))
        return found

    writer = Writer()
    through(writer, numbers)
    assert through(Reader(writer.finish()), [None] * len(numbers)) == numbers


@given(st.lists(st.integers(-(2**20), 2**20), max_size=30), st.lists(st.integers(0, 127), max_size=30))
def test_signed_numbers_and_classes_come_back(numbers, classes):
    def through(coder, signed, given):
        mixer = Mixer(coder)
        first = [code_signed(mixer, number, "s", [()], guesses=[(-5, 1)]) for number in signed]
        return first, [code_class(mixer, number, "c", [(), 1], width=7, guesses=[(100, 0)]) for number in given]

    writer = Writer()
    through(writer, numbers, classes)
    assert through(Reader(writer.finish()), [None] * len(numbers), [None] * len(classes)) == (numbers, classes)


def test_what_is_too_large_is_refused():
    with pytest.raises(ValueError, match="too large"):
        code_natural(Mixer(Costs()), 2**40, "n", [()])


def test_a_mixer_learns():
    coder = Costs()
    mixer = Mixer(coder)
    for place in range(400):
        mixer.bit(place % 3 == 0, "m", [(), place % 3])
    first = coder.bits
    for place in range(400):
        mixer.bit(place % 3 == 0, "m", [(), place % 3])
    assert first < 100
    assert coder.bits - first < 20
