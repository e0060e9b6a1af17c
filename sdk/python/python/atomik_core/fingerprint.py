# SPDX-License-Identifier: MIT OR Apache-2.0
"""Fingerprint, where programs for atomik-core 0.4.0 import it from."""

from ._native import Fingerprint

__all__ = ["Fingerprint"]
