"""How far instances are kept apart from each other and from us, and how far this machine lets us.

Three degrees, the strongest that works is taken:

    own view   an unprivileged user for each instance, in a mount namespace that shows nothing else (`mounts.py`)
    own user   the user alone; the modes of files keep it out
    none       the instance is us: it can do whatever we can

A user costs nothing to make: it is a number without an entry anywhere. Numbers come from a range that systemd's
table of ids leaves to nobody (1879048192–2147483647), and are chosen by a hash of the instance's id, so that two
data directories do not meet, nor does a new instance find files of an old one. What is enforced is tried with a
real process before it is promised; what is not is said with its reason (`describe`).
"""

import asyncio
import hashlib
import os
import re
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from modelyard.processes import supervise
from modelyard.processes.directory import ProcessDir, Spec
from modelyard.processes.mounts import Mount

AUTO, OFF = "auto", "off"
SHARED, NONE = "shared", "none"
NETWORKS = (SHARED, NONE)
IPC, NETWORK = "ipc", "net"
"""Namespaces, as /proc names them."""
RANGES = ((1_879_048_192, 2_147_483_647), (50_000, 59_999))
"""First and last; the second for containers that map few ids."""
TRIAL_S = 20.0


@dataclass(frozen=True, slots=True)
class Users:
    """Who instances run as: each takes one of `first`…`last` for itself, or all share the one there is.

    `group` None: the group has the user's number.
    """

    first: int
    last: int
    group: int | None = None

    @property
    def shared(self) -> bool:
        return self.first == self.last

    def of(self, name: str, taken: Collection[int] = ()) -> tuple[int, int]:
        """(uid, gid) for the instance of this name; not one of `taken` unless all are."""
        count = self.last - self.first + 1
        start = int.from_bytes(hashlib.sha256(name.encode()).digest()[:8], "big")
        tries = (self.first + (start + step) % count for step in range(min(count, len(taken) + 1)))
        uid = next((uid for uid in tries if uid not in taken), self.first + start % count)
        return uid, uid if self.group is None else self.group

    def __str__(self) -> str:
        return f"user {self.first}" if self.shared else f"users {self.first}-{self.last}"


@dataclass(frozen=True, slots=True)
class Isolation:
    """What holds. `users` None: instances run as we do. `views`: each has its own view of the file system; `ipc`:
    its own shared memory, semaphores and queues; `network`: nothing but its own loopback. `reasons`: why not, for
    `user`, `view`, `ipc` and `network`."""

    users: Users | None = None
    views: bool = False
    reasons: Mapping[str, str] = field(default_factory=dict)
    ipc: bool = False
    network: bool = False

    @property
    def shared_user(self) -> int | None:
        """Whom all instances are; None: each is somebody else, or they are us."""
        return self.users.first if self.users is not None and self.users.shared else None

    @property
    def namespaces(self) -> tuple[str, ...]:
        """Besides that of the view."""
        return tuple(name for name, held in ((IPC, self.ipc), (NETWORK, self.network)) if held)

    def describe(self) -> Mapping[str, str]:
        """For people, as `limits.Enforcement.describe`."""
        if self.users is None:
            user = self._not("user")
        elif self.users.shared:
            user = f"partly enforced ({self.users} for all instances: they can reach each other)"
        else:
            user = f"enforced ({self.users}, one for each instance)"
        return {
            "user": user,
            "files": "enforced (mount namespace)" if self.views else self._not("view"),
            "shared_memory": self._shared_memory(),
            "network": "enforced (none but its own loopback)" if self.network else "shared with this machine",
        }

    def _shared_memory(self) -> str:
        if self.ipc and self.views:
            return "enforced (IPC namespace, /dev/shm of its own)"
        if self.ipc:
            return f"partly enforced (IPC namespace; /dev/shm {self._not('view')})"
        return self._not("ipc")

    def _not(self, what: str) -> str:
        return f"not enforced: {self.reasons.get(what, 'switched off')}"


def users(text: str, *, root: bool, uid_map: str) -> tuple[Users | None, str]:
    """What the setting `instance_user` means here: the users, or None and why.

    auto: a range of our own; off: as we are; `1234` or `1234:5678`: one for all; `2000-2999`: one each. Raises
    ValueError when it means nothing.
    """
    if text == OFF:
        return None, "instance_user is off"
    match = re.fullmatch(r"(\d+)(?:-(\d+)|:(\d+))?", text)
    if text != AUTO and (match is None or int(match[1]) == 0 or (match[2] and int(match[2]) <= int(match[1]))):
        raise ValueError(f"{text!r} is none of auto, off, UID, UID:GID, FIRST-LAST (0 is root, never an instance)")
    if not root:
        return None, "only root may run instances as another user"
    if match is not None:
        first = int(match[1])
        return Users(first, int(match[2] or first), int(match[3]) if match[3] else None), ""
    for first, last in RANGES:
        if _mapped(uid_map, first, last):
            return Users(first, last), ""
    return None, "this user namespace maps no range of ids for instances: set instance_user"


def _mapped(uid_map: str, first: int, last: int) -> bool:
    lines = (list(map(int, line.split())) for line in uid_map.splitlines())
    return any(inside <= first and last < inside + count for inside, _, count in lines)


async def detect(
    directory: Path,
    wanted: Users | None,
    why: str,
    trial: Spec,
    view: Callable[[Path], Sequence[Mount]],
    *,
    network: bool = False,
) -> Isolation:
    """The strongest isolation in which `trial` works, tried in `directory`, which lies in the data directory.

    `view` gives the mounts for a work directory; `network`: one of its own is wanted. `why`: the reason for no
    users. Where users have no view of their own, they are let through the data directory, and see no name in it.
    """
    if wanted is None:
        return Isolation(reasons=dict.fromkeys(("user", "view", IPC, "network"), why))
    apart = (IPC, NETWORK) if network else (IPC,)
    plain = replace(trial, user=wanted.of("trial"))
    viewing = replace(plain, view=tuple(view(directory / "work")))
    if not (failure := await _failure(directory, replace(viewing, namespaces=apart))):
        return Isolation(wanted, True, ipc=True, network=network)
    no_ipc = await _failure(directory, replace(trial, namespaces=(IPC,)))
    no_network = await _failure(directory, replace(trial, namespaces=(NETWORK,))) if network else ""
    reasons = {IPC: no_ipc, "network": no_network}
    held = tuple(name for name, reason in ((IPC, no_ipc), (NETWORK, no_network)) if name in apart and not reason)
    isolation = Isolation(wanted, reasons=reasons, ipc=IPC in held, network=NETWORK in held)
    no_view = failure if held == apart else await _failure(directory, replace(viewing, namespaces=held))
    if not no_view:
        return replace(isolation, views=True)
    data_dir = directory.parent
    data_dir.chmod(0o711)  # the way to its work directory, and to nothing else
    no_user = await _failure(directory, replace(plain, namespaces=held))
    if not no_user:
        return replace(isolation, reasons={**reasons, "view": no_view})
    data_dir.chmod(0o700)
    return Isolation(reasons={"user": no_user, "view": no_view, IPC: no_user, "network": no_user})


async def _failure(path: Path, trial: Spec) -> str:
    """Why it does not work; "" when it does."""
    directory = ProcessDir(path)
    await asyncio.to_thread(supervise.remove, directory)
    try:
        supervise.spawn(directory, trial)
        async with asyncio.timeout(TRIAL_S):
            sight = await supervise.wait(directory)
        if sight.exit is not None and sight.exit.code == 0:
            return ""
        return (directory.log_tail(1) or str(sight.exit)).strip()
    except (OSError, TimeoutError) as error:
        supervise.stop(directory, 0)
        return str(error) or f"did not end within {TRIAL_S:.0f} s"
    finally:
        await asyncio.to_thread(supervise.remove, directory)


def id_map() -> str:
    """The ids that exist in this user namespace; "" where there is no such thing."""
    try:
        return Path("/proc/self/uid_map").read_text()
    except OSError:
        return ""


def is_root() -> bool:
    return os.geteuid() == 0
