# SPDX-License-Identifier: MIT OR Apache-2.0
"""The type stubs: they say what the module has, and these tests are typed by them."""

import ast
import inspect
import os
import shutil
import subprocess
import sys
from importlib.resources import files
from importlib.util import find_spec
from pathlib import Path

import pytest

import atomik_core
from conftest import HAS_DEVICE

# The directory of pyright, where there is one.
PYRIGHT = os.environ.get("PYRIGHT")

VERSIONS = ["3.11", "3.12", "3.13", "3.14"]

needs_mypy = pytest.mark.skipif(find_spec("mypy") is None, reason="there is no mypy")
needs_pyright = pytest.mark.skipif(PYRIGHT is None, reason="there is no pyright")
PACKAGE = Path(str(files("atomik_core")))


def check(
    module: str, *arguments: object, path: Path, cwd: Path
) -> subprocess.CompletedProcess[str]:
    environment = os.environ | {"MYPYPATH": str(path), "PYTHONPATH": str(PACKAGE.parent)}
    command = [sys.executable, "-m", module, *map(str, arguments)]
    return subprocess.run(
        command, env=environment, cwd=cwd, capture_output=True, text=True, check=False
    )


@needs_mypy
def test_the_stubs_are_the_module(tmp_path: Path) -> None:
    result = check("mypy.stubtest", "atomik_core._native", path=PACKAGE.parent, cwd=tmp_path)
    assert result.returncode == 0, result.stdout + result.stderr


@needs_mypy
@pytest.mark.parametrize(
    ("right", "wrong"),
    [
        ("new_reference: SupportsIndex", "reference: SupportsIndex"),
        ("def is_clean(self)", "def is_clear(self)"),
        ("    def pending(self) -> list[DeltaMessage]: ...\n", ""),
    ],
)
def test_other_stubs_are_not(tmp_path: Path, right: str, wrong: str) -> None:
    stubs = tmp_path / "atomik_core"
    shutil.copytree(PACKAGE, stubs)
    text = (stubs / "_native.pyi").read_text()
    assert right in text
    (stubs / "_native.pyi").write_text(text.replace(right, wrong, 1))
    result = check("mypy.stubtest", "atomik_core._native", path=tmp_path, cwd=tmp_path)
    assert result.returncode != 0


def constructors() -> dict[str, ast.arguments]:
    """The arguments of the classes, by the stubs."""
    tree = ast.parse((PACKAGE / "_native.pyi").read_text())
    return {
        of_class.name: member.args
        for of_class in tree.body
        if isinstance(of_class, ast.ClassDef)
        for member in of_class.body
        if isinstance(member, ast.FunctionDef) and member.name == "__new__"
    }


@pytest.mark.parametrize("name", constructors())
def test_the_stubs_are_the_constructors(name: str) -> None:
    """Of these stubtest doesn't know the arguments."""
    arguments = constructors()[name]
    defaults = [ast.literal_eval(default) for default in arguments.defaults]
    names = [argument.arg for argument in arguments.args[1:]]
    missing = [inspect.Parameter.empty] * (len(names) - len(defaults))
    stubs = list(zip(names, missing + defaults, strict=True))
    for argument, keyword in zip(arguments.kwonlyargs, arguments.kw_defaults, strict=True):
        assert keyword is not None
        stubs.append((argument.arg, ast.literal_eval(keyword)))
    signature = inspect.signature(getattr(atomik_core, name))
    assert [(p.name, p.default) for p in signature.parameters.values()] == stubs


@pytest.mark.parametrize("name", constructors())
def test_the_defaults_are_what_is_documented(name: str) -> None:
    """The defaults in the stubs have the same effect as leaving them out."""
    kind = getattr(atomik_core, name)
    parameters = inspect.signature(kind).parameters.values()
    defaults = {p.name: p.default for p in parameters if p.default is not p.empty}
    if name.startswith("Device") and not HAS_DEVICE:
        pytest.skip("there is no device")
    required = [1 for p in parameters if p.default is p.empty]
    one, other = kind(*required), kind(*required, **defaults)
    for member in ("width", "num_contexts", "sender"):
        if member != "sender" or name != "DeltaStream":
            assert getattr(one, member, None) == getattr(other, member, None)
    # Each stream has a sender, and each device a file, of its own.
    assert name in ("DeltaStream", "Device") or one == other


@needs_mypy
def test_these_tests_are_typed(tmp_path: Path) -> None:
    here = Path(__file__).parent
    config = here.parent / "pyproject.toml"
    options = ["--config-file", config, "--cache-dir", tmp_path]
    others = [here.parent / "bench", here.parent / "wheel-tests"]
    result = check("mypy", *options, here, *others, path=PACKAGE.parent, cwd=here)
    assert result.returncode == 0, result.stdout + result.stderr


@needs_mypy
@pytest.mark.parametrize("version", VERSIONS)
def test_the_package_is_typed(tmp_path: Path, version: str) -> None:
    """For each Python that it is for."""
    options = ["--strict", "--python-version", version, "--cache-dir", tmp_path]
    result = check("mypy", *options, "-p", "atomik_core", path=PACKAGE.parent, cwd=tmp_path)
    assert result.returncode == 0, result.stdout + result.stderr


def pyright(*arguments: object, cwd: Path) -> subprocess.CompletedProcess[str]:
    environment = os.environ | {"PYTHONPATH": str(PACKAGE.parent)}
    command = ["node", f"{PYRIGHT}/index.js", *map(str, arguments)]
    return subprocess.run(
        command, env=environment, cwd=cwd, capture_output=True, text=True, check=False
    )


PROGRAM = """
from atomik_core import AtomikTable, DeltaMessage, DeltaStream, DeviceTable

def changed(table: AtomikTable | DeviceTable) -> dict[int, int]:
    return table.changed()

table = AtomikTable(4, width=8)
table.load_many(range(4), [1, 2, 3, 4])
stream = DeltaStream.join(DeltaStream().encode())
messages, taken = DeltaMessage.take_many(DeltaMessage.encode_many(stream.pending()))
print(changed(table), table.read(3) + 1, [message.seq for message in messages][:taken])
"""


@needs_pyright
@pytest.mark.parametrize("version", VERSIONS)
def test_pyright_takes_the_package(tmp_path: Path, version: str) -> None:
    """For each Python that it is for, with a program that uses it. One that misuses it is refused
    in the same run, as pyright takes its time."""
    (tmp_path / "right.py").write_text(PROGRAM)
    (tmp_path / "wrong.py").write_text(PROGRAM.replace("read(3)", "read('3')"))
    options = ["--pythonversion", version, "--pythonpath", sys.executable]
    result = pyright(*options, PACKAGE, "right.py", "wrong.py", cwd=tmp_path)
    errors = [line for line in result.stdout.splitlines() if " - error: " in line]
    assert len(errors) == 1 and "wrong.py" in errors[0], result.stdout + result.stderr


@needs_pyright
def test_pyright_knows_all_types(tmp_path: Path) -> None:
    options = ["--verifytypes", "atomik_core", "--ignoreexternal"]
    result = pyright(*options, "--pythonpath", sys.executable, cwd=tmp_path)
    assert result.returncode == 0, result.stdout + result.stderr
    assert "Type completeness score: 100%" in result.stdout


def test_the_package_says_that_it_is_typed() -> None:
    assert (PACKAGE / "py.typed").exists()
