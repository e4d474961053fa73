import numpy as np
import pytest
from compose.compressing.networks import made_up

from musicvae.compose.compressing.coder import Costs, Reader, Writer
from musicvae.compose.compressing.lines import Line, code_lines
from musicvae.compose.compressing.mixing import Mixer
from musicvae.model.integer.dreams import dream
from musicvae.music.vocabulary import canonical_tokens


@pytest.fixture(scope="module")
def network():
    return made_up()


def made_line(network, kind, seed, *, bars=16):
    tokens = canonical_tokens(dream(network, kind, 1, seed=seed)[0][:bars])
    tokens[4:8] = tokens[:4]
    return Line(kind, tokens)


def cost(lines, network):
    coder = Costs()
    code_lines(Mixer(coder), lines, network)
    return coder.bits


@pytest.mark.parametrize("with_network", [False, True])
def test_lines_come_back(network, with_network):
    known = network if with_network else None
    lines = tuple(made_line(network, kind, kind, bars=16 - kind) for kind in (0, 2, 1, 0))
    writer = Writer()
    code_lines(Mixer(writer), lines, known)
    found = code_lines(Mixer(Reader(writer.finish())), None, known)
    assert [line.kind for line in found] == [0, 2, 1, 0]
    assert all(np.array_equal(line.tokens, again.tokens) for line, again in zip(lines, found, strict=True))


def test_a_network_knows_the_melodies_it_would_draw(network):
    lines = [(made_line(network, 0, seed),) for seed in range(100, 104)]
    assert sum(cost(line, network) for line in lines) < 0.98 * sum(cost(line, None) for line in lines)


def test_repeats_cost_hardly_anything(network):
    line = made_line(network, 0, 5)
    twice = Line(0, np.concatenate([line.tokens, line.tokens]))
    assert cost((twice,), None) < 1.1 * cost((line,), None)


def test_costs_are_the_bytes_that_come_out(network):
    lines = (made_line(network, 1, 8),)
    writer = Writer()
    code_lines(Mixer(writer), lines, None)
    assert cost(lines, None) / 8 <= len(writer.finish()) + 0.01 <= cost(lines, None) / 8 + 1.1
