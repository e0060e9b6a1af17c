# SPDX-License-Identifier: MIT OR Apache-2.0
"""Other interpreters of the same process, which share nothing: they refuse the package."""

import importlib
import subprocess
import sys

import pytest

NAME = "_interpreters" if sys.version_info >= (3, 13) else "_xxsubinterpreters"

PROGRAM = f"""
import atomik_core, {NAME} as interpreters
for kind in KINDS:
    other = interpreters.create(kind) if kind else interpreters.create()
    code = '''
try:
    import atomik_core
except ImportError as error:
    assert "is another interpreter" in str(error), error
else:
    raise AssertionError("it was imported")
'''
    failed = interpreters.run_string(other, code)
    assert failed is None, failed
    interpreters.destroy(other)
assert atomik_core.AtomikTable(4).read(0) == 0
"""


def test_other_interpreters_are_refused() -> None:
    """In a process of its own, so that a crash is this test's."""
    try:
        importlib.import_module(NAME)
    except ImportError:
        pytest.skip("Python has no other interpreters here")
    kinds = "('isolated', 'legacy')" if sys.version_info >= (3, 13) else "(None,)"
    program = PROGRAM.replace("KINDS", kinds)
    result = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=False
    )
    assert result.returncode == 0, result.stderr
