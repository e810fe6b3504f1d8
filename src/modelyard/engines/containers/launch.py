"""How the door of a container is started: as ourselves, beside the engine, and in no limits of the instance's.

The container has the limits; the door is ours, and must not be the one that goes when the machine's memory is out.
"""

from collections.abc import Mapping
from pathlib import Path

from modelyard.engines.base import InstanceSpec, label
from modelyard.engines.launch import WORK, LaunchOptions
from modelyard.processes import oom
from modelyard.processes.directory import Spec
from modelyard.processes.limits import Plan
from modelyard_runtime import door

OOM = "oom"
"""In its work directory: the door says there that the container ran out of memory."""
FAREWELL_S = 10.0
"""The door's time to tell how a container that it killed at the end of its grace has ended."""
OPEN_FILES = 65_536
"""Each connection takes two, whatever the container itself may open."""
BOOT = "import sys; sys.path.append(sys.argv[1]); from modelyard_runtime.door import container; container.run()"


def door_spec(spec: InstanceSpec, directory: Path, options: LaunchOptions, orders: Mapping[str, object]) -> Spec:
    """The process that keeps the container of `spec`, in `directory`, which is `DATA_DIR/instances/ID`."""
    place = Path(next(iter(door.__path__))).parents[1]
    return Spec(
        argv=(options.python, "-I", "-S", "-E", "-c", BOOT, str(place)),
        env=(("LANG", "C.UTF-8"),),
        listen=True,
        open_files=OPEN_FILES,
        plan=Plan(oom=str(directory.absolute() / WORK / OOM)),
        farewell_s=FAREWELL_S,
        oom_score=oom.OURS,
        log_bytes=options.log_bytes,
        log_kept_bytes=options.log_kept_bytes,
        label=label(spec) | {"container": orders},
    )
