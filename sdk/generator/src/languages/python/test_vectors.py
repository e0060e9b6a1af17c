# SPDX-License-Identifier: MIT OR Apache-2.0
"""The vectors, which all languages are tested with: `python -m unittest discover tests`."""

from __future__ import annotations

import importlib
import json
import sys
import types
import unittest
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from atomik import MessageError

try:
    Canceled: Any = importlib.import_module("atomik_core").Canceled
except ImportError:
    # These tests do without, and have an exception of their own in its place.
    Canceled = type("Canceled", (Exception,), {})
    sys.modules["atomik_core"] = types.ModuleType("atomik_core")
    sys.modules["atomik_core"].__dict__["Canceled"] = Canceled

VECTORS = sorted((Path(__file__).parent / "vectors").glob("*.json"))


class Words:
    """A table in the process, with the batches of the device's."""

    def __init__(self, contexts: int) -> None:
        self.words = [[0xDEAD, 0xBEEF] for _ in range(contexts)]

    def batch(self, operations: Iterable[Any], /) -> list[int]:
        results = []
        operations = list(operations)
        for operation, addr, *value in operations:
            reference, accumulator = self.words[addr]
            if operation == "expect" and reference ^ accumulator != value[0]:
                raise Canceled(0, addr, value[0], reference ^ accumulator)
        for operation, addr, *value in operations:
            word = self.words[addr]
            if operation == "load":
                word[:] = [value[0], 0]
            elif operation == "accum":
                word[1] ^= value[0]
            elif operation == "set":
                word[1] = word[0] ^ value[0]
            elif operation != "expect":
                results.append(word[0] ^ word[1])
                if operation == "swap":
                    word[:] = [word[0] ^ word[1], 0]
        return results


class Vectors(unittest.TestCase):
    def test_in_the_process(self) -> None:
        self.run_vectors(lambda new: new())

    def test_in_a_table(self) -> None:
        def place(new: Any) -> Any:
            # Between two others, which must stay as they are.
            table = Words(3 * new.CONTEXTS)
            tables.append((table, new.CONTEXTS))
            target = new(table, 1)
            target.reset()
            return target

        tables: list[tuple[Words, int]] = []
        self.run_vectors(place)
        for table, count in tables:
            others = table.words[:count] + table.words[2 * count :]
            self.assertEqual(others, [[0xDEAD, 0xBEEF]] * (2 * count))

    def run_vectors(self, place: Any) -> None:
        self.assertTrue(VECTORS)
        for path in VECTORS:
            vectors = json.loads(path.read_text(encoding="utf-8"))
            self.assertEqual(vectors["format"], 1)
            module, _, name = f"atomik.{vectors['object']}".rpartition(".")
            new = getattr(importlib.import_module(module), name)
            self.assertEqual(new.VERSION, vectors["version"])
            for case in vectors["cases"]:
                target = place(new)
                for number, step in enumerate(case["steps"], 1):
                    with self.subTest(object=name, case=case["name"], number=number, step=step):
                        self.step(target, dict(step))

    def step(self, target: Any, step: dict[str, Any]) -> None:
        op = step.pop("op")
        field = step.pop("field", "")
        values = {
            key: {name: int(value, 16) for name, value in step.pop(key).items()}
            for key in ("values", "expected")
            if key in step
        }
        arguments = [int(step.pop(k), 16) for k in ("value", "delta") if k in step]
        arguments += [step.pop(key) for key in ("bit", "steps") if key in step]
        if op.endswith("_cell"):
            arguments = step.pop("cell") + arguments
        expect: Any = step.pop("expect", None)
        if isinstance(expect, str):
            expect = int(expect, 16)
        elif isinstance(expect, list):
            expect = [int(word, 16) for word in expect]
        if op == "apply":
            apply = getattr(target, f"apply_{field}")
            message = bytes.fromhex(step.pop("message"))
            error = step.pop("error", None)
            self.assertEqual(step, {})
            if error is None:
                apply(message)
                return
            with self.assertRaises(MessageError) as raised:
                apply(message)
            self.assertEqual(raised.exception.reason, error)
            return
        if "message" in step:
            expect = bytes.fromhex(step.pop("message"))
        self.assertEqual(step, {})
        if op == "update":
            target.update(**values["values"])
        elif op == "compare_update":
            # Fields go by their order in the schema; expectations have a mapping of their own.
            self.assertEqual(target.compare_update(values["expected"], **values["values"]), expect)
        elif op in ("rollback", "contexts"):
            self.assertEqual(getattr(target, op)(*arguments), expect)
        else:
            verb, _, suffix = op.partition("_")
            name = f"{verb}_{field}_{suffix}" if suffix else f"{verb}_{field}"
            self.assertEqual(getattr(target, name)(*arguments), expect)


if __name__ == "__main__":
    unittest.main()
