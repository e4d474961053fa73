"""Folders that one build at a time may hold."""

import subprocess
import sys

import pytest

from musicvae.corpus.work.lock import held

pytest.importorskip("fcntl", reason="this platform has no such locks")

HOLD = """
import sys, time
from pathlib import Path
from musicvae.corpus.work.lock import held
with held(Path(sys.argv[1])):
    print("held", flush=True)
    time.sleep(60)
"""


def test_a_folder_is_held_once_and_let_go(tmp_path):
    with held(tmp_path), pytest.raises(FileExistsError, match="another build, which is running; wait for it"), held(tmp_path):
        pass
    with held(tmp_path):
        pass


def test_a_process_that_is_killed_lets_go(tmp_path):
    with subprocess.Popen([sys.executable, "-c", HOLD, str(tmp_path)], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "held\n"
        with pytest.raises(FileExistsError), held(tmp_path):
            pass
        process.kill()
    with held(tmp_path):
        pass


def test_a_folder_that_cannot_be_opened_is_not_held(tmp_path):
    with held(tmp_path / "not there"):
        pass
