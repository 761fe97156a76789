"""What a look has used goes back to the kernel at once, so that a capture of days takes what it holds.

Every look makes columns of some hundred kilobytes and frees them. glibc keeps such pieces in its heap,
between the small things that stay, and takes larger ones there the larger those were that were freed
(mallopt(3), "dynamic mmap threshold"). The heap then keeps nearly as much again as is in use, and rises for
as long as one watches. With a fixed threshold pieces above it are mappings of their own, which end when they
are freed.
"""

from __future__ import annotations

import ctypes

M_MMAP_THRESHOLD = -3  # glibc malloc.h
OWN_MAPPING_BYTES = 128 << 10
"""glibc's own first threshold."""


def give_back_at_once() -> bool:
    """For the whole process; False where the C library knows no such thing, and nothing is done."""
    try:
        return bool(ctypes.CDLL(None).mallopt(M_MMAP_THRESHOLD, OWN_MAPPING_BYTES))
    except (AttributeError, OSError, TypeError):
        return False
