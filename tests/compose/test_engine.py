import numpy as np
import pytest
from compose.fake_engine import FakeEngine, tune

from musicvae.compose.engine import Engine
from musicvae.music.vocabulary import to_tokens


def test_the_fake_engine_is_one_and_its_rows_do_not_depend_on_each_other():
    engine: Engine = FakeEngine(lossy=0.5)
    seeds = [5, 6, 7]
    z = engine.sample_prior(seeds, bars=4, kind=0)
    many = engine.decode(z, bars=4, kind=0, temperature=1.0, seeds=seeds)
    one = engine.decode(z[1:2], bars=4, kind=0, temperature=1.0, seeds=seeds[1:2])
    np.testing.assert_array_equal(many[1], one[0])


@pytest.mark.parametrize(("meter", "kind"), [("4/4", 0), ("3/4", 1), ("6/8", 2)])
def test_a_lossless_fake_engine_gives_back_what_it_is_given(meter, kind):
    engine, tokens = FakeEngine(), to_tokens(tune(1, 8, meter))[None]
    mu, _ = engine.encode(tokens, kind)
    np.testing.assert_array_equal(engine.decode(mu, bars=8, kind=kind, temperature=0), tokens)
    lossy = FakeEngine(lossy=1.0)
    share = (lossy.decode(lossy.encode(tokens, kind)[0], bars=8, kind=kind, temperature=0) == tokens).mean()
    assert 0.6 < share < 0.98
