"""Files that were packed once: the same bytes must come out of this version on any machine, and it must still read them."""

from compose.compressing.networks import DIGEST, made_up
from golden.compressing.make import FILES, HERE, made

from musicvae.compose.compressing.packing import unpack


def the_network(digest):
    assert DIGEST.startswith(digest)
    return made_up()


def test_golden_files():
    packed = made()
    assert len(packed) == 3
    for name, data in packed.items():
        golden = (HERE / name).read_bytes()
        assert data == golden, name
        assert unpack(golden, the_network) == FILES[name.partition("-")[0]].read_bytes()
