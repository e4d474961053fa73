from hypothesis import given
from hypothesis import strategies as st

from musicvae.compose.compressing.coder import Costs, Reader, Writer
from musicvae.compose.compressing.mixing import Mixer
from musicvae.compose.compressing.texts import TextCoder

TITLE = b"Merrily Kiss the Quaker's Wife"


def cost(*texts):
    costs = Costs()
    coder = TextCoder(Mixer(costs))
    for text in texts:
        coder.code(text, ("text", 1))
    return costs.bits / 8


@given(st.lists(st.tuples(st.binary(max_size=30), st.sampled_from([("text", 1), ("text", 3), ("meta", 81), ("sysex", 0)])), max_size=5))
def test_strings_come_back(strings):
    writer = Writer()
    coder = TextCoder(Mixer(writer))
    for data, about in strings:
        coder.code(data, about)
    reader = TextCoder(Mixer(Reader(writer.finish())))
    assert [reader.code(None, about) for _, about in strings] == [data for data, _ in strings]


def test_a_title_is_not_paid_twice():
    assert cost(TITLE, TITLE) < cost(TITLE) + 4
    assert cost(TITLE, b"T:" + TITLE) < cost(TITLE) + 9


def test_words_of_earlier_texts_come_back():
    other = b"the Quaker's other Wife"
    assert cost(TITLE, other) < cost(TITLE) + 0.7 * cost(other)
