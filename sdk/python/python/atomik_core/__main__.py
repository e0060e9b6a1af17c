# SPDX-License-Identifier: MIT OR Apache-2.0
"""`python -m atomik_core`: the version, and the four operations. `benchmark` measures some jobs."""

from __future__ import annotations

import argparse
import platform
import sys
from collections.abc import Sequence

from . import AtomikContext, __version__, benchmark


def version() -> None:
    """Prints the versions of the package and of what it runs on."""
    print(f"atomik-core {__version__}")
    print(f"Python {platform.python_version()}, {platform.platform()}")


def demo() -> None:
    """Prints the four operations and their effects."""
    context = AtomikContext()
    context.load(0xCAFEBABE)
    print(f"load(0xcafebabe)   the state is {context.read():#x}")
    for again in ("", ", the same delta again: undone"):
        context.accum(0xFF)
        print(f"accum(0xff)        the state is {context.read():#x}{again}")
    print(f"swap(5)            returns {context.swap(5):#x}, the state is {context.read():#x}")


def main(arguments: Sequence[str] | None = None) -> None:
    """Does what the arguments say."""
    arguments = sys.argv[1:] if arguments is None else arguments
    if arguments[:1] == ["benchmark"]:
        benchmark.main(arguments[1:])
        return
    parser = argparse.ArgumentParser(prog="python -m atomik_core", description=__doc__)
    help = "only the version, or how long some jobs take, with --json for programs"
    parser.add_argument("command", nargs="?", choices=["version", "benchmark"], help=help)
    command = parser.parse_args(arguments).command
    version()
    if command is None:
        demo()


if __name__ == "__main__":
    main()
