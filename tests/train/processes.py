"""The environment of Python processes that tests start: this very package, these tests, one thread."""

import os
from pathlib import Path

import musicvae

FOLDERS = (Path(musicvae.__file__).parents[1], Path(__file__).parents[1])


def environment() -> dict[str, str]:
    path = os.pathsep.join([*map(str, FOLDERS), *filter(None, [os.environ.get("PYTHONPATH")])])
    return {**os.environ, "PYTHONPATH": path, "OMP_NUM_THREADS": "1", "MASTER_ADDR": "127.0.0.1"}
