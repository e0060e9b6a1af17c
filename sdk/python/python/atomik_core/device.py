# SPDX-License-Identifier: MIT OR Apache-2.0
"""The device's classes, and what the driver says of itself."""

from typing import NamedTuple

from ._native import Device, DeviceContext, DeviceTable

__all__ = ["Device", "DeviceContext", "DeviceInfo", "DeviceTable"]


class DeviceInfo(NamedTuple):
    """The driver's version and counters: ``info`` of a Device or a DeviceTable."""

    numbers: tuple[int, int, int]
    """The version of the driver's interface, as three numbers."""
    backend: str
    """The part that executes the operations: ``"software"``, the kernel itself."""
    hw_banks: int
    """Banks of hardware contexts; 0 for the software backend."""
    fp_enabled: bool
    """True where the driver serves fingerprints of user memory. No version does so far."""
    ops_total: int
    """Operations served through ioctls since the module was loaded, for all files together."""
    fp_checks: int
    """Fingerprint checks served."""
    fp_bytes_saved: int
    """Bytes of user memory that these checks found unchanged."""

    @property
    def version(self) -> str:
        """The version of the driver's interface, such as ``"0.4.0"``."""
        return ".".join(map(str, self.numbers))

    @property
    def version_major(self) -> int:
        """The version's first number."""
        return self.numbers[0]

    @property
    def version_minor(self) -> int:
        """The version's second number."""
        return self.numbers[1]

    @property
    def version_patch(self) -> int:
        """The version's third number."""
        return self.numbers[2]


DeviceInfo.__module__ = "atomik_core.device"
