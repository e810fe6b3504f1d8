"""Who is ended when the machine has no memory left: instances, before what all of them stand on.

The kernel's score is a process's share of the memory in thousandths, plus what is said here; only root may be
spared. What a process starts begins with its parent's: whoever starts what is not ours says so (`NOBODY`).
"""

import contextlib
from pathlib import Path

NOBODY = 0
OURS = -900
"""The control plane and the gateway: after everybody else, and not never, since they may be what grew."""
NEVER = -1000
"""Who holds the ports: a few megabytes, and nothing is safe without them."""


def spare(score: int, pid: int | str = "self") -> None:
    """Lower what it has, or (NOBODY) take away what it was spared; else an administrator's word stays."""
    with contextlib.suppress(OSError, ValueError):
        place = Path(f"/proc/{pid}/oom_score_adj")
        now = int(place.read_text())
        if score < now if score else now < 0:
            place.write_text(str(score))
