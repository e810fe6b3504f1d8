"""What an instance sees of the host besides: its volumes, looked at again when it starts.

They were allowed when the config was admitted. What the administrator takes back later, and what leads elsewhere
since, is refused; what is not there (a disk that is not mounted) is waited for. The look here gives the cause;
that nothing else is mounted is `processes.attach`'s promise, which keeps it at the moment of the mount.
"""

import errno
import os
from collections.abc import Iterator, Sequence
from pathlib import PurePosixPath

from modelyard.domain.revision import Volume
from modelyard.engines.base import StartRefusedError, WaitingError
from modelyard.processes import attach
from modelyard.processes.mounts import Mount


def check(volumes: Sequence[Volume], allowed: Sequence[str]) -> None:
    """Touches the disk. Raises StartRefusedError, WaitingError."""
    for volume in volumes:
        path = volume.host_path
        if not any(PurePosixPath(path).is_relative_to(one) for one in allowed):
            what = f"{path} is not below a directory that the administrator allows (volume_dirs) any more"
            raise StartRefusedError(f"{_named(volume)}: {what}")
        try:
            os.close(attach.opened(path))
        except OSError as error:
            if error.errno in {errno.ENOTDIR, errno.ELOOP}:
                what = f"{path} leads elsewhere now: it is no directory, or there is a symbolic link in it"
                raise StartRefusedError(f"{_named(volume)}: {what}") from None
            raise WaitingError(f"{_named(volume)}: {path} cannot be opened: {error.strerror}") from None


def mounts(volumes: Sequence[Volume]) -> Iterator[Mount]:
    """In the view of a process."""
    for volume in volumes:
        yield Mount(
            "volume", volume.mount_path, volume.host_path, writable=not volume.read_only, programs=not volume.log
        )


def _named(volume: Volume) -> str:
    return f"the volume at {volume.mount_path} cannot be mounted"
