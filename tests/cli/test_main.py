import errno
import importlib
import io
import os
import signal
import subprocess
import sys
import time
import warnings
from pathlib import Path

import pytest

import musicvae
from musicvae.cli.main import main

main_module = importlib.import_module(main.__module__)

SOURCES = str(Path(musicvae.__file__).parent.parent)
ENVIRONMENT = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, (SOURCES, os.environ.get("PYTHONPATH"))))}


def shell(*words: str, python: tuple[str, ...] = (), cwd: Path | None = None, **options):
    """Run the command in a process of its own."""
    return subprocess.run(
        [sys.executable, *python, "-m", "musicvae", *words], capture_output=True, text=True, env=ENVIRONMENT, cwd=cwd, timeout=60, **options
    )


def test_without_a_command_the_help_is_shown(run):
    code, out, err = run()
    assert (code, err) == (0, "")
    assert out.startswith("usage: musicvae")


@pytest.mark.parametrize("words", ["--help", "generate --help", "style --help", "style apply --help"])
def test_help_ends_well(run, words):
    code, out, err = run(*words.split())
    assert (code, err) == (0, "")
    assert "example:" in out


def test_version(run):
    code, out, _ = run("--version")
    assert code == 0
    assert out.startswith("musicvae ")
    assert out.count("\n") == 1


def test_help_of_every_command_loads_no_library(tmp_path):
    probe = """
import sys
from musicvae.cli.main import main
for words in ("", "generate ", "style learn ", "train ", "evaluate ", "corpus build "):
    assert main(f"{words}--help".split()) == 0
heavy = {"torch", "numpy", "lightning", "music21", "mido", "matplotlib"} & set(sys.modules)
assert not heavy, heavy
"""
    done = subprocess.run([sys.executable, "-c", probe], capture_output=True, text=True, env=ENVIRONMENT, cwd=tmp_path, timeout=60)
    assert done.returncode == 0, done.stderr


@pytest.fixture
def failing(monkeypatch, model):
    """Make the model's generation raise what is given."""

    def install(error: BaseException) -> None:
        def fail(*_, **__):
            raise error

        monkeypatch.setattr(model, "generate_many", fail)

    return install


@pytest.mark.parametrize(
    ("error", "part"),
    [
        (ValueError("bars must be whole"), "bars must be whole"),
        (FileNotFoundError(errno.ENOENT, "No such file or directory", "m.safetensors"), "m.safetensors: no such file"),
        (FileExistsError("out.mid exists"), "out.mid exists"),
        (IsADirectoryError(errno.EISDIR, "Is a directory", "folder"), "folder: is a directory"),
        (PermissionError(errno.EACCES, "Permission denied", "/x"), "permission denied"),
        (OSError(errno.ENOSPC, "No space left on device"), "no space left on device"),
        (ValueError("one\ntwo"), "one two"),
    ],
)
def test_what_the_user_can_mend_is_one_line_and_code_2(failing, fails, error, part):
    failing(error)
    fails("generate", part)


def test_an_interrupt_is_code_130(failing, fails):
    failing(KeyboardInterrupt())
    fails("generate", "stopped", code=130)


def test_a_bug_keeps_its_traceback(failing, run):
    failing(RuntimeError("a bug"))
    with pytest.raises(RuntimeError, match="a bug"):
        run("generate")


@pytest.mark.parametrize("words", ["--debug generate", "generate --debug"])
def test_debug_shows_the_traceback(failing, run, words):
    failing(ValueError("where?"))
    with pytest.raises(ValueError, match="where"):
        run(*words.split())


def test_debug_from_the_environment(failing, run, monkeypatch):
    monkeypatch.setenv("MUSICVAE_DEBUG", "1")
    failing(ValueError("where?"))
    with pytest.raises(ValueError, match="where"):
        run("generate")


def test_warnings_of_dependencies_stay_away(monkeypatch, model, run):
    import logging

    def noisy(name=None, **_):
        warnings.warn("deprecated", stacklevel=1)
        logging.getLogger("some.library").warning("a chatty library")
        logging.getLogger("musicvae.some").warning("ours")
        return model

    monkeypatch.setattr("musicvae.compose.model.load", noisy)
    code, _, err = run("generate", "--seed", "1")
    assert code == 0
    assert "ours" in err
    assert "deprecated" not in err
    assert "chatty" not in err


def test_an_unknown_command_in_a_process_of_its_own(tmp_path):
    done = shell("genrate", cwd=tmp_path)
    assert done.returncode == 2
    assert done.stdout == ""
    assert done.stderr.startswith("musicvae: unknown command 'genrate'")
    assert done.stderr.count("\n") == 1


@pytest.mark.skipif(os.name == "nt", reason="pipes end differently there")
def test_a_reader_that_goes_away_is_no_error(tmp_path):
    command = f"{sys.executable} -m musicvae --help; echo code $? >&2"
    done = subprocess.run(["bash", "-c", f"({command}) | true"], capture_output=True, text=True, env=ENVIRONMENT, cwd=tmp_path, timeout=60)
    assert "Traceback" not in done.stderr
    assert "Broken" not in done.stderr
    # argparse itself passes over a reader that had gone before it wrote
    assert done.stderr in ("code 141\n", "code 0\n", "")


def test_a_reader_that_goes_away_before_the_last_flush_is_told(monkeypatch):
    class Gone(io.StringIO):
        def flush(self):
            raise BrokenPipeError

    monkeypatch.setattr(sys, "stdout", Gone())
    monkeypatch.setattr(main_module, "_drop_output", lambda: None)
    assert main(["--help"]) == 141


def test_a_narrow_encoding_is_no_error(tmp_path):
    name = "n\u00f6\u266d.mid"
    environment = {**ENVIRONMENT, "PYTHONIOENCODING": "ascii", "PYTHONUTF8": "0"}
    command = [sys.executable, "-m", "musicvae", "info", name]
    done = subprocess.run(command, capture_output=True, env=environment, cwd=tmp_path, timeout=60)
    assert done.returncode == 2, done.stderr
    assert done.stderr.startswith(b"musicvae: n\\xf6\\u266d.mid ")
    assert done.stderr.count(b"\n") == 1


@pytest.mark.skipif(os.name == "nt", reason="signals differ there")
def test_control_c_in_a_process_of_its_own():
    # Shells start what they put in the background with interrupts ignored; the test may be in there.
    probe = """
import signal, sys, time
signal.signal(signal.SIGINT, signal.default_int_handler)
from musicvae.cli import main as module
module._run = lambda words: (print("ready", flush=True), time.sleep(60))
sys.exit(module.main([]))
"""
    process = subprocess.Popen([sys.executable, "-c", probe], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=ENVIRONMENT)
    assert process.stdout.readline() == "ready\n"
    time.sleep(0.1)
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=20)
    assert process.returncode == 130
    assert err == "musicvae: stopped\n"


def test_main_reads_the_words_of_the_process(monkeypatch, capsys):
    monkeypatch.setattr(sys, "argv", ["musicvae", "--version"])
    assert main() == 0
    assert capsys.readouterr().out.startswith("musicvae ")
