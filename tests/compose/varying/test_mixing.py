from dataclasses import replace

import pytest
from compose.fake_engine import FakeEngine, same_music, tune

from musicvae.compose.blending import blend
from musicvae.compose.model import Model

LOSSY = FakeEngine(lossy=0.8)
MODEL = Model(LOSSY)


def bare(pieces):
    return [replace(piece, provenance={}) for piece in pieces]


@pytest.mark.parametrize("options", [{}, {"spacing": "latent", "method": "lerp"}, {"keys": "b", "temperature": 0.7, "seed": 3}])
def test_a_path_between_two_without_memory_is_the_plain_blend(options):
    a, b = tune(1, tempo_qpm=60.0, program=1, name="A"), tune(2, 40, shift=7, tempo_qpm=240.0, program=2, name="B")
    assert bare(MODEL.path_through([a, b], 5, ends="decoded", **options)) == bare(blend(LOSSY, a, b, 5, **options))


def test_a_path_comes_by_all_inputs_themselves():
    inputs = [tune(1, name="A"), tune(2, shift=2, name="B", tempo_qpm=90.0), tune(3, shift=-5, name="C", program=9)]
    way = MODEL.path_through(inputs, 7)
    assert bare([way[0], way[3], way[6]]) == inputs
    assert way.weights[3] == (0.0, 1.0, 0.0)
    assert not any(same_music(way[k], piece) for k in (1, 2, 4, 5) for piece in inputs)
