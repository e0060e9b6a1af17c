# SPDX-License-Identifier: MIT OR Apache-2.0
"""Refuses to be imported by other interpreters than a process's first.

The library in Rust has objects of the interpreter that loaded it, which others must not touch.
"""

import importlib
import sys
from typing import Any


def _id(interpreter: Any) -> int:
    """An interpreter's number; newer Pythons tell more of it."""
    return int(interpreter[0] if isinstance(interpreter, tuple) else interpreter)


def _check() -> None:
    name = "_interpreters" if sys.version_info >= (3, 13) else "_xxsubinterpreters"
    try:
        interpreters: Any = importlib.import_module(name)
    except ImportError:
        # Without them, this Python has only one.
        return
    if _id(interpreters.get_current()) != _id(interpreters.get_main()):
        raise ImportError(
            "atomik_core can be used by a process's first interpreter alone, and this is another "
            "interpreter: use a process of its own",
            name="atomik_core",
        )


_check()
