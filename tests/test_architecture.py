"""The plan of the house, held by walking the syntax tree of every module: nothing is imported, so that a broken room fails alone."""

from __future__ import annotations

import ast
import os
import subprocess
import sys
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import pytest

import musicvae

ROOT = Path(musicvae.__file__).parent

# From the ground up: a room imports itself and those before it.
ROOMS = ("music", "corpus", "model", "train", "compose", "evaluate", "cli")

# Inside corpus: the types, then three closets that know nothing of one another, then what joins them.
CORPUS_ORDER = (
    {"corpus.reasons", "corpus.options", "corpus.tunes"}, {"corpus.disk", "corpus.likeness", "corpus.sources", "corpus.store"},
    {"corpus.lines", "corpus.splits"}, {"corpus.work"}, {"corpus.choosing", "corpus.assemble", "corpus.build", "corpus.report",
    "corpus.inspect", "corpus.inspection"},
)  # fmt: skip

# package -> rooms or modules that import it
TORCH_ROOMS = {"model", "train"}
LIGHTNING_ROOMS = {"train"}
DOORS = {
    "mido": {"music.midi"},
    "symusic": {"music.abc", "music.bulk"},
    "music21": {"music.written", "music.export"},
    "pretty_midi": {"music.export"},
    "matplotlib": {"music.picture"},
    "distributed": {"corpus.work.engines"},
}
INSIDE_FUNCTIONS_ONLY = ("music21", "pretty_midi", "matplotlib", "distributed", "dask")
# What reads a corpus, and all it imports, needs no more than these.
CORPUS_READERS = ("corpus.store", "corpus.disk.windows")
TRAINING_MACHINE_HAS = {"torch", "lightning", "numpy", "safetensors"}
MAX_LINES = 400


@dataclass(frozen=True)
class Import:
    """target: dotted name as written, made absolute. lazy: inside a function. typing_only: under `if TYPE_CHECKING`."""

    target: str
    line: int
    lazy: bool
    typing_only: bool

    @property
    def package(self) -> str:
        return self.target.split(".")[0]


def dotted(path: Path) -> str:
    """`music.midi` for musicvae/music/midi.py, `music` for its __init__.py, `` for that of the package."""
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


MODULES = {dotted(path): path for path in sorted(ROOT.rglob("*.py"))}


def imports_of(source: str, package: str) -> list[Import]:
    """Every import in this source; `package` is the dotted package that a relative import starts from."""
    found: list[Import] = []

    def visit(node: ast.AST, lazy: bool, typing_only: bool) -> None:
        if isinstance(node, ast.Import):
            found.extend(Import(alias.name, node.lineno, lazy, typing_only) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            above = package.split(".")
            base = ".".join(above[: len(above) - node.level + 1]) if node.level else ""
            module = ".".join(filter(None, (base, node.module)))
            found.extend(Import(f"{module}.{alias.name}", node.lineno, lazy, typing_only) for alias in node.names)
        elif isinstance(node, ast.Call) and ast.unparse(node.func) in {"importlib.import_module", "import_module", "__import__"}:
            name = node.args[0]
            if isinstance(name, ast.Constant) and isinstance(name.value, str):
                found.append(Import(name.value, node.lineno, lazy, typing_only))
        if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test):
            for child in node.body:
                visit(child, lazy, True)
            for child in node.orelse:
                visit(child, lazy, typing_only)
            return
        lazy = lazy or isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda)
        for child in ast.iter_child_nodes(node):
            visit(child, lazy, typing_only)

    visit(ast.parse(source), False, False)
    return found


@cache
def imports(module: str) -> tuple[Import, ...]:
    path = MODULES[module]
    package = ".".join(filter(None, ("musicvae", module if path.name == "__init__.py" else module.rpartition(".")[0])))
    return tuple(imports_of(path.read_text(encoding="utf-8"), package))


def inside(target: str) -> str | None:
    """The module of ours that `musicvae.x.y` or `musicvae.x.y.name` means; None for one that is not ours."""
    if target != "musicvae" and not target.startswith("musicvae."):
        return None
    name = target.removeprefix("musicvae").lstrip(".")
    while name and name not in MODULES:
        name = name.rpartition(".")[0]
    return name


def room(module: str) -> str:
    return module.split(".")[0]


def users(package: str) -> set[str]:
    """Modules that import this package when they run."""
    return {module for module in MODULES if any(i.package == package and not i.typing_only for i in imports(module))}


def where(module: str, found: Import) -> str:
    return f"{MODULES[module].relative_to(ROOT.parent)}:{found.line} imports {found.target}"


def test_the_walk_sees_every_kind_of_import():
    source = """
from __future__ import annotations
from typing import TYPE_CHECKING
import a.b as c, d
from . import e
from ..music import midi
if TYPE_CHECKING:
    import f
def g():
    from h import i
    import importlib
    importlib.import_module("j.k")
class L:
    def m(self):
        import n
"""
    found = {(i.target, i.lazy, i.typing_only) for i in imports_of(source, "musicvae.model")}
    expected = {("a.b", False, False), ("d", False, False), ("musicvae.model.e", False, False), ("musicvae.music.midi", False, False)}
    assert expected | {("f", False, True), ("h.i", True, False), ("j.k", True, False), ("n", True, False)} <= found


def test_all_rooms_are_there_and_no_others():
    assert {room(module) for module in MODULES} - {"", "__main__"} == set(ROOMS)


def asks_for_the_version_only(module: str) -> bool:
    """Whether a module that imports the whole package takes nothing from it but its version."""
    tree = ast.parse(MODULES[module].read_text(encoding="utf-8"))
    taken = [node.attr for node in ast.walk(tree) if isinstance(node, ast.Attribute) and ast.unparse(node.value) == "musicvae"]
    named = [node for node in ast.walk(tree) if isinstance(node, ast.Name) and node.id == "musicvae"]
    return set(taken) == {"__version__"} and len(named) == len(taken)


@pytest.mark.parametrize("module", [module for module in MODULES if room(module) in ROOMS])
def test_imports_only_go_down(module):
    allowed = ROOMS[: ROOMS.index(room(module)) + 1]
    wrong = []
    for found in imports(module):
        target = inside(found.target)
        if target is None or found.target == "musicvae.__version__" or (found.target == "musicvae" and asks_for_the_version_only(module)):
            continue
        if room(target) not in allowed:
            wrong.append(where(module, found))
    assert not wrong


@pytest.mark.parametrize(("package", "doors"), DOORS.items())
def test_each_heavy_package_has_one_door(package, doors):
    assert users(package) == doors


def test_dask_enters_with_distributed():
    assert users("dask") <= DOORS["distributed"]
    assert not users("joblib") | users("ray")


def test_the_corpus_room_has_an_order_of_its_own():
    def place(module):
        name = ".".join(module.split(".")[:2])
        return next(i for i, names in enumerate(CORPUS_ORDER) if name in names), name

    for module in MODULES:
        if room(module) != "corpus" or module == "corpus":
            continue
        for found in imports(module):
            target = inside(found.target)
            if target and room(target) == "corpus" and target != "corpus":
                (here, mine), (there, its) = place(module), place(target)
                closets = {"corpus.disk", "corpus.likeness", "corpus.sources"}
                assert there <= here, where(module, found)
                assert mine == its or not {mine, its} <= closets, where(module, found)


@pytest.mark.parametrize("module", CORPUS_READERS)
def test_a_corpus_is_read_with_numpy_alone(module):
    assert loaded_by(module) == {"numpy"}


def test_torch_stays_in_model_and_train():
    assert {room(module) for module in users("torch")} == TORCH_ROOMS


@pytest.mark.parametrize("module", ["model.imports.importing", "model.published.presets", "model.published.conversion", "model.sizes"])
def test_presets_are_listed_and_checkpoints_imported_without_torch(module):
    assert loaded_by(module) <= {"numpy"}


def test_networks_know_nothing_of_where_their_weights_came_from():
    for module in MODULES:
        if module.startswith(("model.", "train.", "compose.")) and not module.startswith("model.imports"):
            targets = {inside(found.target) or "" for found in imports(module)}
            assert not [name for name in targets if name.startswith("model.imports")], module


def test_lightning_stays_in_train():
    assert {room(module) for module in users("lightning") | users("pytorch_lightning")} == LIGHTNING_ROOMS
    assert not users("pytorch_lightning")


def test_rooms_without_torch_do_not_reach_for_it_by_the_back_door():
    """The modules of compose and above load without torch: only functions import what leads to it."""
    for module in MODULES:
        if room(module) not in TORCH_ROOMS:
            assert "torch" not in loaded_by(module), f"importing {module or 'musicvae'} would import torch"


@pytest.mark.parametrize("package", INSIDE_FUNCTIONS_ONLY)
def test_slow_packages_are_imported_where_they_are_used(package):
    assert not [where(m, i) for m in MODULES for i in imports(m) if i.package == package and not i.lazy and not i.typing_only]


def loaded_by(module: str) -> set[str]:
    """Third-party packages that importing this module imports, through our own modules."""
    seen: set[str] = set()
    packages: set[str] = set()
    todo = [module]
    while todo:
        name = todo.pop()
        if name in seen or name not in MODULES:
            continue
        seen.add(name)
        todo.append(name.rpartition(".")[0])  # importing a.b imports a
        for found in imports(name):
            if found.lazy or found.typing_only:
                continue
            target = inside(found.target)
            if target is None:
                packages.add(found.package)
            else:
                todo.append(target)
    return {package for package in packages if package not in sys.stdlib_module_names}


def test_training_needs_no_more_than_the_training_machine_has():
    for module in MODULES:
        if room(module) == "train":
            direct = {i.package for i in imports(module) if not i.typing_only} - set(sys.stdlib_module_names) - {"musicvae"}
            assert direct <= TRAINING_MACHINE_HAS, module
            assert loaded_by(module) <= TRAINING_MACHINE_HAS, module


@pytest.mark.parametrize("module", MODULES)
def test_names_say_what_is_inside(module):
    assert not {"utils", "util", "helpers", "helper", "common", "base", "misc"} & set(module.split("."))


@pytest.mark.parametrize("module", MODULES)
def test_modules_can_be_read_in_one_sitting(module):
    lines = len(MODULES[module].read_text(encoding="utf-8").splitlines())
    assert lines <= MAX_LINES, f"{module} has {lines} lines: split it where two readers differ"


@pytest.mark.parametrize("module", [module for module in MODULES if room(module) not in {"cli", "__main__"}])
def test_nothing_is_printed_outside_the_command_line(module):
    tree = ast.parse(MODULES[module].read_text(encoding="utf-8"))
    prints = [node.lineno for node in ast.walk(tree) if isinstance(node, ast.Call) and ast.unparse(node.func) == "print"]
    assert not prints, f"{module} prints in lines {prints}: use logging"


def packages_imported_by(*arguments: str, folder: Path) -> tuple[set[str], subprocess.CompletedProcess[str]]:
    """Run Python with these arguments, away from the checkout; the packages it imported by its own account."""
    path = os.pathsep.join(filter(None, (str(ROOT.parent), os.environ.get("PYTHONPATH"))))
    command = [sys.executable, "-X", "importtime", *arguments]
    done = subprocess.run(
        command, cwd=folder, env={**os.environ, "PYTHONPATH": path}, capture_output=True, encoding="utf-8", timeout=60, check=False
    )
    names = [line.rpartition("|")[2].strip() for line in done.stderr.splitlines() if line.startswith("import time:")]
    return {name.split(".")[0] for name in names}, done


HEAVY = {"torch", "lightning", "music21", "matplotlib", "pretty_midi", "symusic", "scipy", "tensorboard", "distributed", "dask"}


def test_import_musicvae_is_light(tmp_path):
    packages, done = packages_imported_by("-c", "import musicvae", folder=tmp_path)
    assert done.returncode == 0, done.stderr[-2000:]
    assert "musicvae" in packages
    assert not packages & HEAVY
    assert done.stdout == ""


@pytest.mark.parametrize("option", ["--help", "--version"])
def test_help_and_version_load_no_library(option, tmp_path):
    packages, done = packages_imported_by("-m", "musicvae", option, folder=tmp_path)
    assert done.returncode == 0, done.stderr[-2000:]
    assert "musicvae" in done.stdout
    assert not packages & (HEAVY | {"numpy", "mido"})
