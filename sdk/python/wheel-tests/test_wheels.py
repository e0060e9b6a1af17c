# SPDX-License-Identifier: MIT OR Apache-2.0
"""All wheels, and the source distribution: what they are for, what is in them, and that what is for
the Python here runs. ../test-wheels says where they are, in the environment."""

import os
import re
import shutil
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path

import pytest

PROJECT = Path(__file__).resolve().parents[3]
WHEELS = Path(os.environ["WHEELS"])
SDIST = Path(os.environ["SDIST"])

# By the names that wheels have: the Python's tags, and the end of the module's name.
PYTHONS = {
    "cp311-abi3": "abi3.so",
    "cp314-cp314t": "cpython-314t-{}-linux-gnu.so",
}
# As ELF has them.
MACHINES = {"x86_64": 62, "aarch64": 183}
KINDS = [(python, machine) for python in PYTHONS for machine in MACHINES]
LIBRARIES = {"libc.so.6", "libgcc_s.so.1", "ld-linux-x86-64.so.2", "ld-linux-aarch64.so.1"}

SMOKE = """
import atomik_core
table = atomik_core.AtomikTable(4)
table.accum_many([1, 2], [5, 7])
assert table.snapshot() == {1: 5, 2: 7}
stream = atomik_core.DeltaStream.join(atomik_core.DeltaStream().encode())
assert stream.snapshot() == {}
print(atomik_core.__version__)
"""


def wheel(python: str, machine: str) -> Path:
    (found,) = WHEELS.glob(f"atomik_core-*-{python}-*_{machine}.whl")
    return found


def run(*command: object, **environment: str) -> str:
    """What a program prints; it must succeed."""
    result = subprocess.run(
        [*map(str, command)],
        env=os.environ | environment,
        cwd="/tmp",
        capture_output=True,
        text=True,
        check=False,
    )
    assert result.returncode == 0, result.stdout + result.stderr
    return result.stdout


def version() -> str:
    text = (PROJECT / "Cargo.toml").read_text()
    (found,) = re.findall(r'^version = "(.*)"$', text, re.MULTILINE)
    return str(found)


def test_there_are_no_others() -> None:
    assert set(WHEELS.glob("*.whl")) == {wheel(*kind) for kind in KINDS}


@pytest.mark.parametrize(("python", "machine"), KINDS)
def test_contents(python: str, machine: str) -> None:
    sources = PROJECT / "sdk" / "python" / "python"
    package = {
        str(path.relative_to(sources))
        for path in sources.rglob("*")
        if path.suffix in (".py", ".pyi", ".typed")
    }
    module = f"atomik_core/_native.{PYTHONS[python].format(machine)}"
    info = f"atomik_core-{version()}.dist-info"
    files = {f"{info}/{name}" for name in ("METADATA", "WHEEL", "RECORD")}
    files |= {f"{info}/licenses/LICENSE-{name}" for name in ("APACHE", "MIT")}
    with zipfile.ZipFile(wheel(python, machine)) as opened:
        # maturin 1.16 writes what the package is made of, too.
        names = {name for name in opened.namelist() if "/sboms/" not in name}
        metadata = opened.read(f"{info}/METADATA").decode()
        tags = opened.read(f"{info}/WHEEL").decode()
        native = opened.read(module)
    assert names == package | files | {module}
    assert "Requires-Python: >=3.11\n" in metadata and "Requires-Dist" not in metadata
    assert "Root-Is-Purelib: false\n" in tags
    (tag,) = re.findall("^Tag: (.*)$", tags, re.MULTILINE)
    assert wheel(python, machine).name == f"atomik_core-{version()}-{tag}.whl"
    assert native[:6] == b"\x7fELF\x02\x01"
    assert int.from_bytes(native[18:20], "little") == MACHINES[machine]


@pytest.mark.parametrize(("python", "machine"), KINDS)
def test_the_platform_is_right(python: str, machine: str, tmp_path: Path) -> None:
    """No library, and no newer C library, is needed than the tag says."""
    (minor,) = re.findall(rf"-manylinux_2_(\d+)_{machine}\.whl$", wheel(python, machine).name)
    with zipfile.ZipFile(wheel(python, machine)) as opened:
        (module,) = (name for name in opened.namelist() if name.endswith(".so"))
        native = opened.extract(module, tmp_path)
    needed = re.findall(r"NEEDED.*\[(.*)\]", run("readelf", "--dynamic", native))
    assert "libc.so.6" in needed and set(needed) <= LIBRARIES
    versions = re.findall(r"Name: GLIBC_2\.(\d+)", run("readelf", "--version-info", native))
    assert max(map(int, versions)) == int(minor)


def test_the_one_for_all_runs(tmp_path: Path) -> None:
    run(sys.executable, "-m", "venv", tmp_path)
    python = tmp_path / "bin" / "python3"
    run(python, "-m", "pip", "install", "--no-index", wheel("cp311-abi3", "x86_64"))
    assert run(python, "-c", SMOKE, PYTHONPATH="") == f"{version()}\n"
    assert version() in run(python, "-m", "atomik_core", "version", PYTHONPATH="")


def test_others_are_refused(tmp_path: Path) -> None:
    for kind in KINDS[1:]:
        options = ["--no-index", "--target", str(tmp_path), str(wheel(*kind))]
        command = [sys.executable, "-m", "pip", "install", *options]
        result = subprocess.run(command, capture_output=True, check=False)
        assert result.returncode != 0 and b"not a supported wheel" in result.stderr


def test_the_sources_build(tmp_path: Path) -> None:
    """Elsewhere, with nothing but the crates, which cargo has already."""
    with tarfile.open(SDIST) as opened:
        names = opened.getnames()
    root = f"atomik_core-{version()}"
    assert f"{root}/PKG-INFO" in names and f"{root}/sdk/python/src/lib.rs" in names
    for name in ("APACHE", "MIT"):
        assert any(file.endswith(f"/LICENSE-{name}") for file in names)
    sources = tmp_path / SDIST.name
    shutil.copy(SDIST, sources)
    options = ["--no-index", "--no-deps", "--no-build-isolation", "--wheel-dir", tmp_path]
    environment = {"CARGO_NET_OFFLINE": "true", "CARGO_TARGET_DIR": str(tmp_path / "target")}
    run(sys.executable, "-m", "pip", "wheel", *options, sources, **environment)
    (made,) = tmp_path.glob("*.whl")
    with zipfile.ZipFile(made) as opened, zipfile.ZipFile(wheel("cp311-abi3", "x86_64")) as other:
        assert set(opened.namelist()) == set(other.namelist())
    run(sys.executable, "-m", "venv", tmp_path / "venv")
    python = tmp_path / "venv" / "bin" / "python3"
    run(python, "-m", "pip", "install", "--no-index", made)
    assert run(python, "-c", SMOKE, PYTHONPATH="") == f"{version()}\n"
