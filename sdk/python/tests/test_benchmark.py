# SPDX-License-Identifier: MIT OR Apache-2.0
"""The program `python -m atomik_core`, and what it measures."""

import json
import subprocess
import sys
from collections.abc import Callable
from typing import Any

import pytest

import atomik_core
from atomik_core import benchmark

KEYS = {
    "rollback": "n trad_time_ms atomik_time_ms speedup trad_mem_bytes atomik_mem_bytes "
    "mem_reduction",
    "change_detection": "buf_size n_checks trad_time_ms atomik_time_ms speedup incr_trad_time_ms "
    "incr_atomik_time_ms incr_speedup",
    "convergence": "n_nodes n_updates trad_time_ms atomik_time_ms speedup",
    "bandwidth": "entries",
    "throughput": "n load_ops_sec accum_ops_sec read_ops_sec accum_many_ops_sec",
}


@pytest.mark.parametrize("name", KEYS)
def test_each_benchmark(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    function: Callable[[], dict[str, Any]] = getattr(atomik_core, f"bench_{name}")
    result = function()
    assert capsys.readouterr().out
    assert result.pop("test") == name
    assert set(result) == set(KEYS[name].split())
    entries = result.pop("entries", [])
    assert all(value > 0 for entry in [result, *entries] for value in entry.values())


def run(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "atomik_core", *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def test_the_program() -> None:
    version = run("version")
    assert version.stdout.startswith(f"atomik-core {atomik_core.__version__}\nPython 3.")
    demo = run()
    assert demo.stdout.startswith(version.stdout)
    assert demo.stdout.count("the state is 0xcafebabe") == 2
    assert demo.stdout.endswith("returns 0xcafebabe, the state is 0x5\n")
    for arguments in (["other"], ["benchmark", "other"]):
        wrong = run(*arguments)
        assert (wrong.returncode, wrong.stdout) == (2, "")
        assert "usage: python -m atomik_core" in wrong.stderr


def test_all_benchmarks(capsys: pytest.CaptureFixture[str]) -> None:
    printed = json.loads(run("benchmark", "--json").stdout)
    assert [result["test"] for result in printed["benchmarks"]] == list(KEYS)
    results = benchmark.main([])
    assert [result["test"] for result in results] == list(KEYS)
    assert "undo 10,000 changes" in capsys.readouterr().out
