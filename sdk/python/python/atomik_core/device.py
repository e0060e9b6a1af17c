# SPDX-License-Identifier: MIT OR Apache-2.0
"""The device's classes, what the driver says of itself, and its numbers, for programs that call
``fcntl.ioctl`` by themselves: ``uapi/atomik.h`` describes them."""

from typing import Final, NamedTuple

from ._native import Device, DeviceContext, DeviceTable

__all__ = ["Device", "DeviceContext", "DeviceInfo", "DeviceTable"]

ATOMIK_DEVICE: Final = "/dev/atomik"
ATOMIK_MAX_CONTEXTS: Final = 65536
ATOMIK_MAX_TABLES: Final = 256
ATOMIK_IOC_CREATE_TABLE: Final = 0xC0084101
ATOMIK_IOC_DESTROY_TABLE: Final = 0x40044102
ATOMIK_IOC_LOAD: Final = 0x40104110
ATOMIK_IOC_ACCUM: Final = 0x40104111
ATOMIK_IOC_READ: Final = 0xC0104112
ATOMIK_IOC_SWAP: Final = 0xC0184113
ATOMIK_IOC_GET_INFO: Final = 0x80284140


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
