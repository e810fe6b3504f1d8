"""Keep the memory that each call needs again, instead of giving it back and faulting it in anew.

A network's intermediate arrays of megabytes are freed after each call. The C library by default returns them to
the kernel at once, and the next call pays a page fault for every 4 KB: measured, 7 of 9 µs of system time of a
request and a tenth of the throughput of a 784-1024-1024-10 network. The price is at most `KEEP_BYTES` for each
thread that computes.
"""

import os
import sys

KEEP_BYTES = 64 << 20
_LARGEST_BYTES = 32 << 20  # what the C library allows; larger arrays are mapped and unmapped as before
_M_TRIM_THRESHOLD, _M_MMAP_THRESHOLD = -1, -3


def keep_freed() -> bool:
    """For models of arrays only: ctypes costs 10 ms at a start. False where the C library is another one (musl),
    or the environment has its own opinion."""
    if "numpy" not in sys.modules:
        return False
    import ctypes

    if sys.platform != "linux" or "MALLOC_TRIM_THRESHOLD_" in os.environ:
        return False
    try:
        mallopt = ctypes.CDLL(None).mallopt
    except (AttributeError, OSError):
        return False
    return bool(mallopt(_M_MMAP_THRESHOLD, _LARGEST_BYTES) and mallopt(_M_TRIM_THRESHOLD, KEEP_BYTES))
