"""Services: create, change live, start, stop, look at, wait for."""

from collections.abc import AsyncIterator, Callable, Iterable
from urllib.parse import quote

from modelyard.client.aio.following import AsyncFollowed
from modelyard.client.aio.logs import AsyncLogs
from modelyard.client.aio.session import AsyncSession
from modelyard.client.aio.waiting import AsyncPatience
from modelyard.client.errors import ApiError, OperationFailed, Subject, Unanswered, Unreachable
from modelyard.client.lines import unheard
from modelyard.client.records import Event, Json, Service, UpdateRecord, Variant, json_value, record, rows
from modelyard.client.status import ENDED, Progress, moves

WATCH_AGAIN_S, WATCH_TRIES = 1.0, 60
NOT_THERE = 404


class AsyncServices:
    """The `/services` calls (contract §2). Methods take a service id; `find` turns a name into one."""

    def __init__(self, session: AsyncSession) -> None:
        self._session = session
        logs = AsyncLogs(session)
        self.logs = logs.page
        self.follow = logs.follow
        self.newest_logs = logs.newest

    async def list(self, **filters: str | int) -> list[Service]:
        answer = await self._session.call("GET", "/services", params=filters)
        return [record(row, Service) for row in rows(answer, "services")]

    async def get(self, service_id: str) -> Service:
        return record(await self._session.call("GET", f"/services/{service_id}"), Service)

    async def find(self, key: str) -> Service:
        """The service with this name or this id."""
        named = [s for s in await self.list(service_name=key) if s.service_name == key]
        return await self.get(named[0].service_id if named else quote(key, safe=""))

    async def create(self, name: str, config: Iterable[Variant], **optional: object) -> str:
        """Create and begin to deploy a real-time service; its id."""
        body: Json = {
            "service_name": name,
            "infer_type": "real-time",
            "config": [v.request() for v in config],
            **optional,
        }
        return str((await self._session.call("POST", "/services", body=body))["service_id"])

    async def put(self, service_id: str, **fields: object) -> Json:
        """`PUT` these fields as they are; the answer carries `update_time` when an update began."""
        return await self._session.call("PUT", f"/services/{service_id}", body=fields)

    async def configure(self, service_id: str, config: Iterable[Variant], **optional: object) -> int | None:
        """Replace the config; the `update_time` that names the update, None if the service is stopped."""
        answer = await self.put(service_id, config=[v.request() for v in config], **optional)
        time = answer.get("update_time")
        return time if isinstance(time, int) else None

    async def start(self, service_id: str) -> None:
        await self.put(service_id, status="running")

    async def stop(self, service_id: str) -> None:
        await self.put(service_id, status="stopped")

    async def delete(self, service_id: str) -> None:
        """Begin to delete; `wait_gone` waits for the end."""
        await self._session.call("DELETE", f"/services/{service_id}")

    async def updates(self, service_id: str) -> tuple[UpdateRecord, ...]:
        """The update records, newest first."""
        answer = await self._session.call("GET", f"/services/{service_id}/logs")
        return tuple(sorted((record(r, UpdateRecord) for r in rows(answer, "logs")), key=lambda u: -u.update_time))

    async def events(self, service_id: str) -> tuple[Event, ...]:
        """What happened to the service, as the server orders it (newest first)."""
        answer = await self._session.call("GET", f"/services/{service_id}/events")
        return tuple(record(r, Event) for r in rows(answer, "events"))

    async def wait(
        self, service_id: str, progress: Progress | None = None, patience: AsyncPatience | None = None
    ) -> Service:
        """The service once it no longer moves; OperationFailed when it failed or its last update did.

        `progress` is called with every answer on the way.
        """
        service = await self.settled(service_id, progress, patience)
        if service.status == "failed":
            why = service.error_msg or "no cause known"
            text = f"service {service.service_name} failed: {why}"
            raise OperationFailed(text, Subject("service", service.service_name))
        return service

    async def wait_update(
        self,
        service_id: str,
        update_time: int,
        progress: Progress | None = None,
        patience: AsyncPatience | None = None,
    ) -> Service:
        """As `wait`, for one update: OperationFailed also when it was rolled back."""
        service = await self.wait(service_id, progress, patience)
        if any(u.update_time == update_time and u.result == "FAIL" for u in await self.updates(service_id)):
            why = service.error_msg or "no cause known"
            text = f"the update of {service.service_name} was rolled back: {why}"
            raise OperationFailed(text, Subject("service", service.service_name))
        return service

    async def settled(
        self, service_id: str, progress: Progress | None = None, patience: AsyncPatience | None = None
    ) -> Service:
        """The service once it says of itself that it stays as it is."""

        shown = _shown(progress)

        async def ask() -> Service:
            return shown(await self.get(service_id))

        service = await ask()
        if not moves(service):
            return service
        name = service.service_name
        what, subject = f"service {name} still changes", Subject("service", name)
        followed = AsyncFollowed(ask, shown, lambda s: not moves(s), what, subject)
        return await followed.end(self._session, service_id, patience or AsyncPatience())

    async def watch(self, service_id: str, told: Callable[[str], None] = unheard) -> AsyncIterator[Service]:
        """The service as it is, then once more whenever it has changed, until it is deleted. A connection that
        breaks is made anew, for a minute again and again; Unreachable after that. `told` hears of it."""
        seen, failures, away = "", 0, False
        while True:
            headers = {"Last-Event-ID": seen} if seen else {}
            try:
                async with self._session.stream(f"/services/{service_id}/watch", headers) as answer:
                    async for event in answer.events():
                        if event.event == "deleted":
                            return
                        if event.event == "service":
                            if away:
                                told("connected again")
                            seen, failures, away = event.id, 0, False
                            yield record(json_value(event.data), Service)
            except Unreachable as e:
                if failures >= WATCH_TRIES:
                    raise
                if not away:
                    told(f"the connection broke ({e}), trying again")
                away = True
            except ApiError as e:
                if e.status == NOT_THERE and seen:
                    return
                raise
            if failures >= WATCH_TRIES:
                raise Unanswered(f"nothing is said of service {service_id}, again and again")
            failures += 1
            await self._session.pause(WATCH_AGAIN_S)

    async def wait_ended(
        self, service_id: str, progress: Progress | None = None, patience: AsyncPatience | None = None
    ) -> Service:
        """A batch service once it does not work any more; OperationFailed unless it finished.

        `progress` is called with every answer on the way.
        """

        shown = _shown(progress)

        async def ask() -> Service:
            return shown(await self.get(service_id))

        service = await ask()
        name = service.service_name
        if service.status not in ENDED:
            what, subject = f"batch service {name} still works", Subject("service", name)
            followed = AsyncFollowed(ask, shown, lambda s: s.status in ENDED, what, subject)
            service = await followed.end(self._session, service_id, patience or AsyncPatience())
        if service.status != "finished":
            why = service.error_msg or f"it was {service.status}"
            raise OperationFailed(f"batch service {name} did not finish: {why}", Subject("service", name))
        return service

    async def wait_gone(self, service_id: str, patience: AsyncPatience | None = None) -> None:
        """Return when the service does not exist any more."""

        async def gone() -> bool:
            try:
                await self.get(service_id)
            except ApiError as e:
                if e.status == 404:
                    return True
                raise
            return False

        if await gone():
            return
        what, subject = f"service {service_id} is still there", Subject("deletion", service_id)
        followed = AsyncFollowed(gone, lambda _: False, bool, what, subject)
        await followed.end(self._session, service_id, patience or AsyncPatience(timeout_s=600))


def _shown(progress: Progress | None) -> Callable[[Service], Service]:
    def shown(service: Service) -> Service:
        if progress is not None:
            progress(service)
        return service

    return shown
