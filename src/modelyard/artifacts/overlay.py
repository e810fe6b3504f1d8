"""Which environment an instance of a snapshot imports from: the snapshot's config.json says what it depends on, so
its digest implies the answer, on every machine its own."""

from pathlib import Path

from modelyard import files
from modelyard.artifacts.environments import Environments, site
from modelyard.core.packages.contents import CONFIG
from modelyard.core.packages.requirements import requirements
from modelyard.engines.base import NoRoomError


class Overlays:
    def __init__(self, environments: Environments) -> None:
        self._environments = environments

    def of(self, package: Path) -> Path | None:
        """The packages for the snapshot in `package`; None when it needs none. Raises NoRoomError."""
        wanted = wanted_by(package)
        if not wanted:
            return None
        environment = self._environments.find(wanted)
        if environment is None:
            raise NoRoomError(f"the environment of its dependencies ({', '.join(wanted)}) is not built yet")
        return site(environment)


def wanted_by(package: Path) -> tuple[str, ...]:
    """What the snapshot in `package` depends on."""
    try:
        return requirements(files.read_object(package / "model" / CONFIG, files.SMALL * 16))
    except (OSError, ValueError):
        return ()
