"""Files that were packed once: the same bytes must come out of this version on any machine, and it must still read them."""

import os
import subprocess
import sys

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


EXPANDS = """
import sys
from golden.compressing.make import FEW_DREAMS, HERE
from compose.compressing.networks import made_up
from musicvae.compose.compressing import experience
from musicvae.compose.compressing.packing import unpack
experience.DREAMS = FEW_DREAMS
sys.stdout.buffer.write(unpack((HERE / "jig-with-model.mvz").read_bytes(), lambda digest: made_up()))
"""


def test_other_numbers_of_threads_expand_a_file():
    """In a process of its own, since the number of threads is settled when numpy is imported."""
    environment = {**os.environ, **{f"{library}_NUM_THREADS": "4" for library in ("OMP", "OPENBLAS", "MKL")}}
    environment["PYTHONPATH"] = os.pathsep.join(path for path in sys.path if path)
    done = subprocess.run([sys.executable, "-c", EXPANDS], env=environment, capture_output=True, check=True)
    assert done.stdout == FILES["jig"].read_bytes()
