"""The accelerators of this machine: which there are, and what they do now. One inventory for all that runs here.

NVIDIA's GPUs and Ascend's NPUs are found by the tools of their drivers, where there is none by their files in
/dev, or are set by hand: `0,2` are these two, whatever a tool says, `none` is none. They are looked for at start.
While nobody can tell (a driver that is being loaded, or sick), they are looked for again when somebody needs one.
"""

import asyncio
import logging
import re
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path

from modelyard.domain.devices import Device, Inventory, Kind, Reading
from modelyard.processes import driver_tools
from modelyard.processes.driver_tools import Card, ToolError, ToolMissingError
from modelyard.processes.refreshing import Refreshing

log = logging.getLogger(__name__)

NONE = "none"
MOST = 1024
AGAIN_S = 30.0
READINGS_S = 3.0
"""A page of a dashboard asks for several services at once, and a tool takes up to a second."""
OLD_S = 120.0
"""What is older says nothing of now."""

NODES = {Kind.GPU: "nvidia", Kind.NPU: "davinci"}
ASK: Mapping[Kind, Callable[[], tuple[Card, ...]]] = {Kind.GPU: driver_tools.gpus, Kind.NPU: driver_tools.npus}


def numbers(text: str) -> tuple[int, ...] | None:
    """What a setting says: None asks the driver's tool. Raises ValueError."""
    if not text.strip():
        return None
    if text.strip() == NONE:
        return ()
    parts = [part.strip() for part in text.split(",")]
    if not all(re.fullmatch(r"\d{1,4}", part) and int(part) < MOST for part in parts):
        raise ValueError(
            f"{text!r} is neither none nor numbers of cards with commas between them (0,1), below {MOST}"
        )
    if len(set(map(int, parts))) != len(parts):
        raise ValueError(f"{text!r} names a card twice")
    return tuple(map(int, parts))


class Accelerators:
    """See the module. Raises ValueError for settings that mean nothing. Nobody waits long for a tool that hangs:
    it is asked beside those who need it (`refreshing`), each kind by itself."""

    def __init__(
        self, gpus: str = "", npus: str = "", *, dev: Path = Path("/dev"), proc: Path = Path("/proc")
    ) -> None:
        self._set = {Kind.GPU: numbers(gpus), Kind.NPU: numbers(npus)}
        self._dev = dev
        self._proc = proc
        self._known = {kind: Inventory() for kind in Kind}
        self._readings: dict[Kind, Mapping[int, Reading]] = {}
        self._looking = {kind: Refreshing(partial(self._look, kind), f"look for {kind}s") for kind in Kind}
        self._reading = {kind: Refreshing(partial(self._read, kind), f"read {kind}s") for kind in Kind}

    @property
    def inventory(self) -> Inventory:
        """As it was last found."""
        known = [self._known[kind] for kind in Kind]
        devices = tuple(device for one in known for device in one.devices)
        return Inventory(devices, "; ".join(one.trouble for one in known if one.trouble))

    def look(self) -> None:
        """What there is. Blocks for as long as the tools take."""
        for looking in self._looking.values():
            looking.ask()

    async def fresh(self) -> Inventory:
        """The inventory; looked for again, now and then, while nobody can tell or nothing was found. What was
        found stays."""
        if (found := self.inventory).trouble or not found.devices:
            lacking = [self._looking[kind] for kind in Kind if not found.of(kind)]
            await asyncio.gather(*(looking.newer_than(AGAIN_S) for looking in lacking))
        return self.inventory

    async def readings(self) -> Mapping[tuple[Kind, int], Reading]:
        """What each card does, by kind and number: now, or when its tool last answered while that takes long.
        Without those that nobody can tell of."""
        there = [kind for kind in Kind if self._known[kind].devices]
        await asyncio.gather(*(self._reading[kind].newer_than(self._good_s(kind)) for kind in there))
        recent = [kind for kind in there if self._reading[kind].age_s() <= OLD_S]
        return {(k, number): one for k in recent for number, one in self._readings.get(k, {}).items()}

    def _good_s(self, kind: Kind) -> float:
        """How long the last reading is good for; of a tool that failed, how long it is left alone."""
        return READINGS_S if self._readings.get(kind) else AGAIN_S

    def _read(self, kind: Kind) -> None:
        devices = {device.number: device for device in self._known[kind].devices}
        try:
            cards = ASK[kind]()
        except (ToolMissingError, ToolError) as error:
            log.debug("what the %ss do cannot be told: %s", kind.upper(), error)
            cards = ()
        by_name = {device.uuid: device for device in devices.values() if device.uuid}
        found = {}
        for card in cards:
            device = by_name.get(card.uuid) or devices.get(card.number)
            if device is not None and device.uuid in {"", card.uuid}:
                found[device.number] = Reading(card.busy, card.used_mib)
        self._readings[kind] = found

    def _look(self, kind: Kind) -> None:
        devices, trouble = self._found(kind)
        if trouble and trouble != self._known[kind].trouble:
            log.warning("accelerators cannot be told: %s", trouble)
        self._known[kind] = Inventory(tuple(devices), trouble)

    def _found(self, kind: Kind) -> tuple[list[Device], str]:
        """Those of a kind, and why nobody can tell."""
        wanted = self._set[kind]
        if wanted == ():
            return [], ""
        nodes, cards, trouble = self._nodes(kind), {}, ""
        try:
            cards = {card.number: card for card in ASK[kind]()}
        except ToolMissingError:
            cards = {number: Card(number) for number in nodes} if wanted is None else {}
        except ToolError as error:
            trouble = str(error) if nodes and wanted is None else ""
        minors = self._minors() if kind is Kind.GPU else {}
        devices = []
        for number in cards if wanted is None else wanted:
            card = cards.get(number, Card(number))
            node = nodes.get(minors.get(card.uuid, number), "")
            devices.append(Device(kind, number, card.uuid, card.name, card.memory_mib, node))
        return devices, trouble

    def _nodes(self, kind: Kind) -> Mapping[int, str]:
        pattern = re.compile(rf"{NODES[kind]}(\d+)")
        try:
            names = [path.name for path in self._dev.iterdir()]
        except OSError:
            return {}
        found = (match for name in names if (match := pattern.fullmatch(name)))
        return {int(match[1]): str(self._dev / match[0]) for match in found}

    def _minors(self) -> Mapping[str, int]:
        """By the name of a GPU, which of the files in /dev is its: not always the one of its number."""
        found = {}
        for path in sorted((self._proc / "driver" / "nvidia" / "gpus").glob("*/information")):
            try:
                text = path.read_text()
            except OSError:
                continue
            said = dict(re.findall(r"^(GPU UUID|Device Minor):\s*(\S+)", text, re.MULTILINE))
            if said.get("Device Minor", "").isdigit() and "GPU UUID" in said:
                found[said["GPU UUID"]] = int(said["Device Minor"])
        return found
