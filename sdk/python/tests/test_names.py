# SPDX-License-Identifier: MIT OR Apache-2.0
"""The README's list of the public names of atomik-core 0.4.0: each is here, and tested."""

import ast
import importlib
import re
from pathlib import Path

import pytest

import atomik_core
import atomik_core.device

HERE = Path(__file__).parent
README = (HERE.parent / "README.md").read_text()
ROW = re.compile(r"^\| `([\w.]+)` \| `(\w+)::(\w+)` \|$", re.MULTILINE)
NAMES = ROW.findall(README)
CLASSES = {
    "AtomikContext": "width reference accumulator is_clean delta_count load accum read swap "
    "rollback merge snapshot from_snapshot",
    "AtomikTable": "num_contexts width load accum read swap context batch_accum snapshot",
    "DeltaMessage": "addr delta epoch seq to_dict from_dict to_bytes from_bytes",
    "DeltaStream": "load accum apply read pending contexts",
    "Fingerprint": "load update accumulate_delta changed value delta reset",
    "SyncTable": "num_contexts width put get receive on_delta snapshot from_snapshot diff",
    "PersistentSyncTable": "num_contexts width put get receive on_delta compact snapshot diff "
    "close",
    "MemoryTransport": "connect disconnect peer_count",
    "CallbackTransport": "receive_bytes",
    "AsyncCallbackTransport": "send_pending receive_bytes pending_count",
    "AsyncSyncTable": "num_contexts width put get receive receive_bytes snapshot diff",
    "DeviceContext": "load accum read swap close",
    "DeviceTable": "load accum read swap info table_id num_contexts close",
}
# Of the module `device`.
NUMBERS = {
    "ATOMIK_IOC_CREATE_TABLE": ("rw", 0x01, 8),
    "ATOMIK_IOC_DESTROY_TABLE": ("w", 0x02, 4),
    "ATOMIK_IOC_LOAD": ("w", 0x10, 16),
    "ATOMIK_IOC_ACCUM": ("w", 0x11, 16),
    "ATOMIK_IOC_READ": ("rw", 0x12, 16),
    "ATOMIK_IOC_SWAP": ("rw", 0x13, 24),
    "ATOMIK_IOC_GET_INFO": ("r", 0x40, 40),
}
OTHERS = "ATOMIK_DEVICE ATOMIK_MAX_CONTEXTS ATOMIK_MAX_TABLES DeviceInfo DeviceInfo.version"
FUNCTIONS = "rollback change_detection convergence bandwidth throughput"
MODULES = {
    "context": "AtomikContext",
    "table": "AtomikTable",
    "stream": "DeltaMessage DeltaStream",
    "fingerprint": "Fingerprint",
    "sync": "SyncTable",
    "persistent": "PersistentSyncTable",
    "transport": "MemoryTransport CallbackTransport",
    "async_transport": "AsyncCallbackTransport AsyncSyncTable",
    "device": "DeviceContext DeviceTable DeviceInfo",
    "benchmark": "main bench_rollback bench_throughput",
}


def test_the_list_is_complete() -> None:
    names = {f"{name}.{member}" for name in CLASSES for member in CLASSES[name].split()}
    names |= {f"device.{name}" for name in (*NUMBERS, *OTHERS.split())}
    names |= {*CLASSES, "__version__"} | {f"bench_{name}" for name in FUNCTIONS.split()}
    assert {name for name, _, _ in NAMES} == names
    assert len(NAMES) == len(names)


@pytest.mark.parametrize(("name", "file", "test"), NAMES)
def test_each_name_is_there_and_tested(name: str, file: str, test: str) -> None:
    found: object = atomik_core
    for part in name.split("."):
        found = getattr(found, part)
    text = (HERE / f"{file}.py").read_text()
    functions = [
        function
        for function in ast.walk(ast.parse(text))
        if isinstance(function, ast.FunctionDef) and function.name == test
    ]
    assert functions, f"{file}.py has no {test}"
    # A test that reaches it by another name has it in its data.
    last = name.split(".")[-1]
    assert re.search(rf"\b{last.removeprefix('bench_')}\b", text), f"{file}.py has no {last}"


@pytest.mark.parametrize("name", NUMBERS)
def test_numbers_of_commands(name: str) -> None:
    """As the kernel makes them: the direction, the size, the letter and the number."""
    direction, number, size = NUMBERS[name]
    bits = {"w": 1, "r": 2, "rw": 3}[direction]
    expected = bits << 30 | size << 16 | ord("A") << 8 | number
    assert getattr(atomik_core.device, name) == expected


def test_limits() -> None:
    device = atomik_core.device
    limits = device.ATOMIK_DEVICE, device.ATOMIK_MAX_CONTEXTS, device.ATOMIK_MAX_TABLES
    assert limits == ("/dev/atomik", 65536, 256)


@pytest.mark.parametrize("module", MODULES)
def test_modules_have_what_programs_import_from_them(module: str) -> None:
    found = importlib.import_module(f"atomik_core.{module}")
    for name in MODULES[module].split():
        assert getattr(found, name) is getattr(atomik_core, name, getattr(found, name))
