# SPDX-License-Identifier: MIT OR Apache-2.0
"""The examples of the README and of the docstrings."""

import doctest
import re
from pathlib import Path

import pytest

import atomik_core
from conftest import HAS_DEVICE, STORAGES

README = Path(__file__).parents[1] / "README.md"
SDK = Path(__file__).parents[2] / "README.md"
BLOCKS = re.findall(r"^```python\n(.*?)^```$", README.read_text(), re.DOTALL | re.MULTILINE)
DOCUMENTED = [name for name in atomik_core.__all__ if not name.startswith("_")]


def run(name: str, text: str) -> int:
    """Runs the examples of a text, and returns how many there were."""
    test = doctest.DocTestParser().get_doctest(text, dict(vars(atomik_core)), name, None, None)
    output: list[str] = []
    result = doctest.DocTestRunner(optionflags=doctest.ELLIPSIS).run(test, out=output.append)
    assert result.failed == 0, "".join(output)
    return result.attempted


@pytest.mark.parametrize("number", range(len(BLOCKS)))
def test_readme(number: int) -> None:
    block = BLOCKS[number]
    if "Device" in re.sub("#.*", "", block) and not HAS_DEVICE:
        pytest.skip("there is no device")
    assert run(f"README.md, block {number}", block) > 0


def test_the_readme_has_the_ten_lines_and_the_one_that_changes() -> None:
    here, there = (block.splitlines() for block in BLOCKS[:2])
    changed = [(one, other) for one, other in zip(here, there, strict=True) if one != other]
    assert changed == [
        (">>> table = atomik_core.AtomikTable(256)", ">>> table = atomik_core.DeviceTable(256)")
    ]


@pytest.mark.parametrize("storage", STORAGES)
def test_the_readme_of_the_sdk(storage: str) -> None:
    """With the one line changed, as it says, for the device."""
    (block,) = re.findall(r"^```python\n(.*?)^```$", SDK.read_text(), re.DOTALL | re.MULTILINE)
    line = re.compile(r"^table = (.*)  # on the device: (.*)$", re.MULTILINE)
    assert line.search(block)
    if storage == "device":
        block = line.sub(r"table = \2", block).replace("import AtomikTable", "import DeviceTable")
    variables: dict[str, object] = {}
    exec(block, variables)
    assert type(variables["table"]).__name__ == (
        "AtomikTable" if storage == "process" else "DeviceTable"
    )
    with pytest.raises(AssertionError):
        exec(block.replace("0xCAFEBABF", "0xCAFEBABE"), variables)


@pytest.mark.parametrize("name", DOCUMENTED)
def test_docstrings(name: str) -> None:
    documented = getattr(atomik_core, name)
    run(name, documented.__doc__)
    for member in vars(documented):
        if not member.startswith("_"):
            text = getattr(documented, member).__doc__
            assert text, f"{name}.{member} has no docstring"
            run(f"{name}.{member}", text)


def test_a_wrong_example_fails() -> None:
    with pytest.raises(AssertionError, match="Expected"):
        run("wrong", ">>> AtomikTable(256).read(0)\n1\n")
