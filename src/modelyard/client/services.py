# Made by scripts/twin.py from aio/services.py: change that one, then `make client`.

"""Services: create, change live, start, stop, look at, wait for."""

from collections.abc import Callable, Iterable, Iterator
from urllib.parse import quote

from modelyard.client.errors import ApiError, OperationFailed, Subject, Unanswered, Unreachable
from modelyard.client.following import Followed
from modelyard.client.lines import unheard
from modelyard.client.logs import Logs
from modelyard.client.records import Event, Json, Service, UpdateRecord, Variant, json_value, record, rows
from modelyard.client.session import Session
from modelyard.client.status import ENDED, Progress, moves
from modelyard.client.waiting import Patience

WATCH_AGAIN_S, WATCH_TRIES = 1.0, 60
NOT_THERE = 404


class Services:
    """The `/services` calls (contract §2). Methods take a service id; `find` turns a name into one."""

    def __init__(self, session: Session) -> None:
        self._session = session
        logs = Logs(session)
        self.logs = logs.page
        self.follow = logs.follow
        self.newest_logs = logs.newest

    def list(self, **filters: str | int) -> list[Service]:
        answer = self._session.call("GET", "/services", params=filters)
        return [record(row, Service) for row in rows(answer, "services")]

    def get(self, service_id: str) -> Service:
        return record(self._session.call("GET", f"/services/{service_id}"), Service)

    def find(self, key: str) -> Service:
        """The service with this name or this id."""
        named = [s for s in self.list(service_name=key) if s.service_name == key]
        return self.get(named[0].service_id if named else quote(key, safe=""))

    def create(self, name: str, config: Iterable[Variant], **optional: object) -> str:
        """Create and begin to deploy a real-time service; its id."""
        body: Json = {
            "service_name": name,
            "infer_type": "real-time",
            "config": [v.request() for v in config],
            **optional,
        }
        return str((self._session.call("POST", "/services", body=body))["service_id"])

    def put(self, service_id: str, **fields: object) -> Json:
        """`PUT` these fields as they are; the answer carries `update_time` when an update began."""
        return self._session.call("PUT", f"/services/{service_id}", body=fields)

    def configure(self, service_id: str, config: Iterable[Variant], **optional: object) -> int | None:
        """Replace the config; the `update_time` that names the update, None if the service is stopped."""
        answer = self.put(service_id, config=[v.request() for v in config], **optional)
        time = answer.get("update_time")
        return time if isinstance(time, int) else None

    def start(self, service_id: str) -> None:
        self.put(service_id, status="running")

    def stop(self, service_id: str) -> None:
        self.put(service_id, status="stopped")

    def delete(self, service_id: str) -> None:
        """Begin to delete; `wait_gone` waits for the end."""
        self._session.call("DELETE", f"/services/{service_id}")

    def updates(self, service_id: str) -> tuple[UpdateRecord, ...]:
        """The update records, newest first."""
        answer = self._session.call("GET", f"/services/{service_id}/logs")
        return tuple(sorted((record(r, UpdateRecord) for r in rows(answer, "logs")), key=lambda u: -u.update_time))

    def events(self, service_id: str) -> tuple[Event, ...]:
        """What happened to the service, as the server orders it (newest first)."""
        answer = self._session.call("GET", f"/services/{service_id}/events")
        return tuple(record(r, Event) for r in rows(answer, "events"))

    def wait(self, service_id: str, progress: Progress | None = None, patience: Patience | None = None) -> Service:
        """The service once it no longer moves; OperationFailed when it failed or its last update did.

        `progress` is called with every answer on the way.
        """
        service = self.settled(service_id, progress, patience)
        if service.status == "failed":
            why = service.error_msg or "no cause known"
            text = f"service {service.service_name} failed: {why}"
            raise OperationFailed(text, Subject("service", service.service_name))
        return service

    def wait_update(
        self,
        service_id: str,
        update_time: int,
        progress: Progress | None = None,
        patience: Patience | None = None,
    ) -> Service:
        """As `wait`, for one update: OperationFailed also when it was rolled back."""
        service = self.wait(service_id, progress, patience)
        if any(u.update_time == update_time and u.result == "FAIL" for u in self.updates(service_id)):
            why = service.error_msg or "no cause known"
            text = f"the update of {service.service_name} was rolled back: {why}"
            raise OperationFailed(text, Subject("service", service.service_name))
        return service

    def settled(
        self, service_id: str, progress: Progress | None = None, patience: Patience | None = None
    ) -> Service:
        """The service once it says of itself that it stays as it is."""

        shown = _shown(progress)

        def ask() -> Service:
            return shown(self.get(service_id))

        service = ask()
        if not moves(service):
            return service
        name = service.service_name
        what, subject = f"service {name} still changes", Subject("service", name)
        followed = Followed(ask, shown, lambda s: not moves(s), what, subject)
        return followed.end(self._session, service_id, patience or Patience())

    def watch(self, service_id: str, told: Callable[[str], None] = unheard) -> Iterator[Service]:
        """The service as it is, then once more whenever it has changed, until it is deleted. A connection that
        breaks is made anew, for a minute again and again; Unreachable after that. `told` hears of it."""
        seen, failures, away = "", 0, False
        while True:
            headers = {"Last-Event-ID": seen} if seen else {}
            try:
                with self._session.stream(f"/services/{service_id}/watch", headers) as answer:
                    for event in answer.events():
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
            self._session.pause(WATCH_AGAIN_S)

    def wait_ended(
        self, service_id: str, progress: Progress | None = None, patience: Patience | None = None
    ) -> Service:
        """A batch service once it does not work any more; OperationFailed unless it finished.

        `progress` is called with every answer on the way.
        """

        shown = _shown(progress)

        def ask() -> Service:
            return shown(self.get(service_id))

        service = ask()
        name = service.service_name
        if service.status not in ENDED:
            what, subject = f"batch service {name} still works", Subject("service", name)
            followed = Followed(ask, shown, lambda s: s.status in ENDED, what, subject)
            service = followed.end(self._session, service_id, patience or Patience())
        if service.status != "finished":
            why = service.error_msg or f"it was {service.status}"
            raise OperationFailed(f"batch service {name} did not finish: {why}", Subject("service", name))
        return service

    def wait_gone(self, service_id: str, patience: Patience | None = None) -> None:
        """Return when the service does not exist any more."""

        def gone() -> bool:
            try:
                self.get(service_id)
            except ApiError as e:
                if e.status == 404:
                    return True
                raise
            return False

        if gone():
            return
        what, subject = f"service {service_id} is still there", Subject("deletion", service_id)
        followed = Followed(gone, lambda _: False, bool, what, subject)
        followed.end(self._session, service_id, patience or Patience(timeout_s=600))


def _shown(progress: Progress | None) -> Callable[[Service], Service]:
    def shown(service: Service) -> Service:
        if progress is not None:
            progress(service)
        return service

    return shown
