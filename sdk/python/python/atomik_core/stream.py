# SPDX-License-Identifier: MIT OR Apache-2.0
"""DeltaMessage and DeltaStream, where programs for atomik-core 0.4.0 import them from."""

from ._native import DeltaMessage, DeltaStream

__all__ = ["DeltaMessage", "DeltaStream"]
