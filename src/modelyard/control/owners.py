"""Whose the output of an instance is, and which values must not be told of it."""

from modelyard.control.collecting import Owner
from modelyard.domain.logs import Origin
from modelyard.domain.output import OutputSource
from modelyard.domain.record import ServiceRecord
from modelyard.store.base import Store

MOST_KNOWN = 10_000


class Owners:
    """Asks the store; raises StoreUnavailableError. `secrets`: what no line of any service may tell."""

    def __init__(self, store: Store, secrets: frozenset[str] = frozenset()) -> None:
        self._store = store
        self.secrets = secrets
        self._projects: dict[str, str] = {}

    async def of(self, source: OutputSource) -> Owner | None:
        """None: its service is gone."""
        record = await self._record(source.service_id)
        if record is None:
            return None
        model = f"{source.model_name}:{source.model_version}"
        origin = Origin(record.service.project_id, source.service_id, source.instance_id, source.revision, model)
        return Owner(origin, self.secrets | _secrets(record, source))

    async def project(self, service_id: str) -> str | None:
        """None: there is no such service."""
        if service_id not in self._projects:
            record = await self._record(service_id)
            if record is None:
                return None
            if len(self._projects) >= MOST_KNOWN:
                self._projects.clear()
            self._projects[service_id] = record.service.project_id
        return self._projects[service_id]

    async def _record(self, service_id: str) -> ServiceRecord | None:
        async with self._store.read() as reading:
            return await reading.record(service_id)


def _secrets(record: ServiceRecord, source: OutputSource) -> frozenset[str]:
    """Its own, and those of all revisions: an instance may tell what another one was given."""
    variants = [variant for revision in record.revisions.values() for variant in revision.variants]
    names = {name for variant in variants for name in variant.secret_names}
    envs = [*source.envs, *(env for variant in variants for env in variant.template.envs)]
    return frozenset(value for name, value in envs if name in names)
