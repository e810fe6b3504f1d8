"""How an instance is handed the accelerators that it was granted, and kept from all others.

    CUDA_VISIBLE_DEVICES          of GPUs their names (GPU-…), or numbers in the order of the bus
    NVIDIA_VISIBLE_DEVICES        the same, for what starts containers
    ASCEND_RT_VISIBLE_DEVICES,    of NPUs their numbers
    ASCEND_VISIBLE_DEVICES
    MODELYARD_GPU_SHARE, …_NPU_…  of a part of one: how much of its memory and time is its own (0.5)

Who was granted none finds them empty: programs take that for "no card", and an unset one for "all of them".
Variables are a request; what holds is which files of /dev can be opened: in a view of its own an instance opens
none of a card that it was not granted. No driver holds an instance to its share of a card: that is an agreement
between those who share it, which our model server keeps, and other programs have to.
"""

import re
import stat
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from modelyard.domain.devices import Grant, Kind
from modelyard.engines.base import StartRefusedError
from modelyard.processes.isolation import Isolation

DEV = Path("/dev")
NODE = re.compile(r"(nvidia|v?davinci)\d+")
"""Of one card each; others (`nvidiactl`, `davinci_manager`) are of the driver."""
SHARED_NPU_NODES = ("davinci_manager", "devmm_svm", "hisi_hdc")
NAMES = {Kind.GPU: "nvidia", Kind.NPU: "davinci"}
READ_WRITE = stat.S_IROTH | stat.S_IWOTH


def environment(grants: Sequence[Grant]) -> dict[str, str]:
    """Of a process."""
    gpus, npus = (_of(grants, kind) for kind in Kind)
    named = ",".join(gpu.uuid or str(gpu.number) for gpu in gpus)
    numbers = ",".join(str(npu.number) for npu in npus)
    found = {
        "CUDA_VISIBLE_DEVICES": named,
        "NVIDIA_VISIBLE_DEVICES": named,
        "ASCEND_VISIBLE_DEVICES": numbers,
        "ASCEND_RT_VISIBLE_DEVICES": numbers,
    }
    if gpus:
        found["CUDA_DEVICE_ORDER"] = "PCI_BUS_ID"
    return found | shares(grants)


def shares(grants: Sequence[Grant]) -> dict[str, str]:
    """Told where it is a part."""
    return {f"MODELYARD_{g.kind.upper()}_SHARE": f"{g.share:.6g}" for g in grants if g.share < 1}


def polite(grants: Sequence[Grant]) -> dict[str, str]:
    """Where a card is shared: what keeps frameworks from taking all of its memory at once, unless the variant says
    otherwise. (PyTorch takes what it needs.)"""
    part = next((grant.share for grant in _of(grants, Kind.GPU) if grant.share < 1), None)
    if part is None:
        return {}
    return {"XLA_PYTHON_CLIENT_MEM_FRACTION": f"{part:.6g}", "TF_FORCE_GPU_ALLOW_GROWTH": "true"}


def container_environment(grants: Sequence[Grant]) -> dict[str, str]:
    """Of a container, which sees none but its own cards, counted from 0. `void` also undoes what an image asks
    for: many ask for all, and an engine that runs everything by NVIDIA's runtime would give them."""
    gpus, npus = (_of(grants, kind) for kind in Kind)
    found = {
        "NVIDIA_VISIBLE_DEVICES": ",".join(g.uuid or str(g.number) for g in gpus) or "void",
        "ASCEND_VISIBLE_DEVICES": ",".join(str(g.number) for g in npus),
    }
    if not gpus:
        found["CUDA_VISIBLE_DEVICES"] = ""
    if not npus:
        found["ASCEND_RT_VISIBLE_DEVICES"] = ""
    return found | shares(grants)


def container_requests(grants: Sequence[Grant]) -> dict[str, object]:
    """The part of `HostConfig` that asks for them."""
    gpus, npus = (_of(grants, kind) for kind in Kind)
    found: dict[str, object] = {}
    if gpus:
        ids = [gpu.uuid or str(gpu.number) for gpu in gpus]
        found["DeviceRequests"] = [{"Driver": "nvidia", "DeviceIDs": ids, "Capabilities": [["gpu"]]}]
    if npus:
        paths = [node(npu) for npu in npus] + [str(DEV / name) for name in SHARED_NPU_NODES]
        found["Devices"] = [
            {"PathOnHost": path, "PathInContainer": path, "CgroupPermissions": "rw"} for path in paths
        ]
    return found


def node(grant: Grant) -> str:
    """The file of a card."""
    return grant.node or str(DEV / f"{NAMES[grant.kind]}{grant.number}")


def denied(grants: Iterable[Grant], dev: Path = DEV) -> tuple[str, ...]:
    """The files of cards that are there and were not granted."""
    mine = {node(grant) for grant in grants}
    try:
        names = sorted(path.name for path in dev.iterdir() if NODE.fullmatch(path.name))
    except OSError:
        return ()
    return tuple(str(dev / name) for name in names if str(dev / name) not in mine)


def described(isolation: Isolation, dev: Path = DEV) -> Mapping[str, str]:
    """What holds of them here, for people; nothing where there are none."""
    if not denied((), dev):
        return {}
    why = isolation.describe()["files"].removeprefix("not enforced: ")
    held = "enforced (files of other cards cannot be opened)" if isolation.views else f"not enforced: {why}"
    return {"accelerators": held}


def groups(grants: Iterable[Grant], user: tuple[int, int] | None) -> tuple[int, ...]:
    """The groups without which an instance of a user of its own could not open its cards: their files are
    everybody's (NVIDIA's usually are) or one group's (Ascend's). Raises StartRefusedError: neither lets it in."""
    if user is None or user[0] == 0:
        return ()
    found = set()
    for grant in grants:
        path = node(grant)
        try:
            about = Path(path).stat()
        except FileNotFoundError:
            continue  # set by hand: another file may be its
        mode = stat.S_IMODE(about.st_mode)
        if mode & READ_WRITE == READ_WRITE or (about.st_uid == user[0] and mode & 0o600 == 0o600):
            continue
        if mode & 0o060 != 0o060 or about.st_gid == 0:
            raise StartRefusedError(
                f"{path} can be opened by user {about.st_uid} and group {about.st_gid} only (mode {mode:04o}), "
                "and instances run as users of their own: let others, or a group but root's, read and write it "
                "(a rule of udev does)"
            )
        if about.st_gid != user[1]:
            found.add(about.st_gid)
    return tuple(sorted(found))


def _of(grants: Sequence[Grant], kind: Kind) -> list[Grant]:
    return [grant for grant in grants if grant.kind is kind]
