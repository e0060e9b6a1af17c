# SPDX-License-Identifier: MIT OR Apache-2.0
"""AtomikTable, where programs for atomik-core 0.4.0 import it from."""

from ._native import AtomikTable

__all__ = ["AtomikTable"]
