"""Make the golden .mvz files: packed once, they must be the same bytes on every machine for as long as their version is the same.

    PYTHONPATH=.:tests python tests/golden/compressing/make.py

The network is made of Python's random numbers (`compose.compressing.networks`), so that no file of weights is needed.
"""

from pathlib import Path

from compose.compressing.networks import made_up

from musicvae.compose.compressing import container, experience
from musicvae.compose.compressing.packing import pack

HERE = Path(__file__).parent
DATA = HERE.parents[2] / "data"
FEW_DREAMS = 6
"""Of the made-up network, so that tests are fast."""
FILES = {"jig": DATA / "examples" / "jig.mid", "beat": DATA / "beats" / "played.mid"}


def made() -> dict[str, bytes]:
    """Name of a file and its bytes: a melody with the network and without, and drums."""
    jig, beat = (path.read_bytes() for path in FILES.values())
    return {
        "jig-with-model.mvz": pack(jig, made_up(), way=container.WITH_MODEL).data,
        "jig-plain.mvz": pack(jig).data,
        "beat-plain.mvz": pack(beat).data,
    }


if __name__ == "__main__":
    experience.DREAMS = FEW_DREAMS
    for name, data in made().items():
        (HERE / name).write_bytes(data)
