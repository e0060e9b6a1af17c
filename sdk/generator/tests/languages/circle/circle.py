# SPDX-License-Identifier: MIT OR Apache-2.0
"""A mirror of the object, which does what its standard input says."""

import sys

from atomik import MessageError
from atomik.Network.Circle import Ring

ring = Ring()
for line in sys.stdin:
    op, *rest = line.split()
    if op == "accum":
        answer = getattr(ring, f"accum_{rest[0]}")(int(rest[1], 16)).hex()
    elif op == "apply":
        try:
            getattr(ring, f"apply_{rest[0]}")(bytes.fromhex("".join(rest[1:])))
            answer = "ok"
        except MessageError as error:
            answer = error.reason
    elif op == "rollback":
        answer = str(ring.rollback(int(rest[0])))
    else:
        answer = ",".join(f"{word:x}" for word in ring.contexts())
    print(answer, flush=True)
