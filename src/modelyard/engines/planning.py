"""Which process runs an instance: its own, or the door of its container."""

import asyncio
from collections.abc import Callable, Collection
from dataclasses import dataclass, replace
from pathlib import Path

from modelyard.engines import commands, volumes
from modelyard.engines.base import InstanceSpec, StartRefusedError, WaitingError
from modelyard.engines.containers.launch import door_spec
from modelyard.engines.containers.machine import contained
from modelyard.engines.containers.several import ContainerEngines, in_container, is_image
from modelyard.engines.launch import LaunchOptions, process_spec
from modelyard.engines.tracked import TrackedInstance
from modelyard.processes.directory import Spec
from modelyard.processes.limits import Enforcement

LOOK_S = 10.0


@dataclass(frozen=True, slots=True)
class Planner:
    """`package_path` gives the snapshot of a digest."""

    package_path: Callable[[str], Path]
    options: LaunchOptions
    containers: ContainerEngines

    async def planned(
        self,
        spec: InstanceSpec,
        directory: Path,
        others: Collection[TrackedInstance],
        enforcement: Enforcement,
        changed: Callable[[], None],
    ) -> tuple[InstanceSpec, Spec]:
        """What is really run, and the process that runs it in `directory`. `others`: whose users and ports it may
        not have; `changed` is called when there is more to say of a start that waits. Raises NoRoomError,
        StartRefusedError."""
        package = await asyncio.to_thread(self.package_path, spec.package)
        if not package.is_dir():
            raise StartRefusedError(f"the package snapshot {spec.package} is not at {package}")
        if spec.volumes:
            await self._look(spec)
        if not is_image(spec):
            spec = commands.settled(spec, package)
        if in_container(spec):
            engine = self.containers.of(spec.engine)
            await engine.admit(spec, changed)
            await engine.hand(spec)
            if is_image(spec):
                return spec, door_spec(spec, directory, self.options, engine.orders(spec, package))
            runs = contained(
                spec, package, self.options, directory.absolute().parents[1], joins=engine.options.joins
            )
            if (users := self.options.isolation.users) is not None:
                uid, gid = users.of(spec.instance_id, _users(others))
                runs = replace(runs, user=f"{uid}:{gid}")
            return spec, door_spec(spec, directory, self.options, engine.package_orders(spec, runs))
        if spec.secrets and not self.options.isolation.views:
            raise StartRefusedError("it has secrets, and no view of the files of its own, where they would lie")
        process = process_spec(
            spec,
            package,
            directory,
            enforcement,
            self.options,
            taken=_users(others),
            taken_ports={other.port for other in others if other.port is not None},
        )
        return spec, process

    async def _look(self, spec: InstanceSpec) -> None:
        try:
            async with asyncio.timeout(LOOK_S):
                await asyncio.to_thread(volumes.check, spec.volumes, self.options.volume_dirs)
        except TimeoutError:
            raise WaitingError(f"its volumes cannot be looked at: no answer within {LOOK_S:g} s") from None


def _users(others: Collection[TrackedInstance]) -> set[int]:
    return {other.user for other in others if other.user is not None}
