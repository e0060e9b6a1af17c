# SPDX-License-Identifier: MIT OR Apache-2.0
"""From a schema to `atomikctl` reading what Python wrote: the console blocks of the SDK's README,
which print what it shows. They make a DeviceTable."""

import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from conftest import HAS_DEVICE

PROJECT = Path(__file__).parents[3]
README = PROJECT / "README.md"
SDK = PROJECT / "sdk" / "README.md"
MARK = "\x01"


def console() -> list[tuple[str, list[str]]]:
    """The commands, each with the lines that it prints."""
    blocks = re.findall(r"^```console\n(.*?)^```$", SDK.read_text(), re.DOTALL | re.MULTILINE)
    commands: list[tuple[str, list[str]]] = []
    continued = False
    for line in "".join(blocks).splitlines():
        if continued:
            command, _ = commands.pop()
            commands.append((f"{command}\n{line}", []))
        elif line.startswith("$ "):
            commands.append((line.removeprefix("$ "), []))
        else:
            commands[-1][1].append(line)
        continued = line.endswith("\\")
    return commands


def fits(line: str, expected: str) -> bool:
    """`[..]` stands for anything."""
    return re.fullmatch(".*".join(map(re.escape, expected.split("[..]"))), line) is not None


@pytest.mark.skipif(not HAS_DEVICE, reason="there is no device")
def test_the_console_blocks_are_real(tmp_path: Path) -> None:
    shutil.copytree(SDK.parent / "examples", tmp_path / "sdk" / "examples")
    commands = console()
    assert len(commands) > 8
    script = "exec 2>&1\n" + "".join(f"{command}\nprintf '{MARK}'\n" for command, _ in commands)
    ran = subprocess.run(
        ["/bin/sh", "-c", script],
        cwd=tmp_path,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "HOME": str(tmp_path)},
    )
    outputs = ran.stdout.split(MARK)
    assert len(outputs) == len(commands) + 1, ran.stdout
    for (command, expected), output in zip(commands, outputs, strict=False):
        lines = output.splitlines()
        assert len(lines) == len(expected) and all(map(fits, lines, expected)), (
            f"$ {command}\nprints\n{output}and not\n" + "\n".join(expected)
        )


def test_the_short_form_says_the_same() -> None:
    """In the README of the project, whose lines are lines of the whole."""
    (block,) = re.findall(r"^```text\n(.*?)^```$", README.read_text(), re.DOTALL | re.MULTILINE)
    whole = iter(SDK.read_text().splitlines())
    for line in block.splitlines():
        assert line in whole, line
    assert any(command.startswith("atomikctl session exec") for command, _ in console())


def test_wildcards() -> None:
    assert fits("a 1 b", "a [..] b") and fits("a", "a")
    assert not fits("a 1 c", "a [..] b") and not fits("a.", "a[..]b") and not fits("ab", "a.")
