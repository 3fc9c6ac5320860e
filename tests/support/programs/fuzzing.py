"""Damage to the bytes of files, for what reads them to be tried on."""

from __future__ import annotations

import random


def damaged(content: bytes, rng: random.Random) -> bytes:
    """Bytes overwritten, bits flipped, bytes taken away or put in, or the end cut off."""
    data = bytearray(content)
    for _ in range(rng.choice((1, 1, 2, 3, 4))):  # once most often: more of that is still read
        size = len(data)
        # Half of the damage goes to the first bytes, where the structure is: an IDX header has
        # 8 or 16, the signature and first chunk of a PNG 33.
        where = rng.randrange(min(size, rng.choice((20, 40, size, size))))
        kind = rng.randrange(5)
        if kind == 0:
            data[where] = rng.randrange(256)
        elif kind == 1:
            data[where] ^= 1 << rng.randrange(8)
        elif kind == 2:
            del data[where : where + rng.randint(1, 9)]
        elif kind == 3:
            data[where:where] = rng.randbytes(rng.randint(1, 9))
        else:
            del data[max(1, where) :]
        if not data:  # an empty file is a case too
            break
    return bytes(data)
