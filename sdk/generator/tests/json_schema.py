# SPDX-License-Identifier: MIT OR Apache-2.0
"""Reads a JSON Schema and documents from standard input, as one array, and prints the mistakes of
each document."""

import json
import sys
from typing import Any

import jsonschema


def in_python(schema: Any) -> Any:
    """With patterns as Python has them, whose `$` is also before a line's end."""
    if isinstance(schema, list):
        return list(map(in_python, schema))
    if not isinstance(schema, dict):
        return schema
    return {
        key: value.replace("$", r"\Z") if key == "pattern" else in_python(value)
        for key, value in schema.items()
    }


schema, *documents = json.load(sys.stdin)
jsonschema.Draft7Validator.check_schema(schema)
validator = jsonschema.Draft7Validator(in_python(schema))
json.dump([[e.message for e in validator.iter_errors(one)] for one in documents], sys.stdout)
