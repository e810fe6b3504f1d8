"""The store port: every fact that must survive.

Contract:

- A `read()` sees one consistent state. A `write()` is serialised with every other writer, commits when its
  block ends without an error and rolls back otherwise; a commit that has begun is not cut off by a
  cancellation. No network call is made while one is open.
- What a committed write said is there after a kill -9 of this process, at any moment.
- Values in, values out: nothing of the database leaks. Rows belong to projects; a lookup with a project id
  never finds another project's row.
- Losing the database raises StoreUnavailableError; a broken uniqueness rule AlreadyExists (`domain.errors`).
"""

from collections.abc import Collection, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from typing import Protocol

from modelyard.domain.identity import Grant, Project, Revocations, Role, Standing, User
from modelyard.domain.instance import Instance
from modelyard.domain.model import Model, ModelStatus
from modelyard.domain.revision import Revision
from modelyard.domain.service import Event, Invocations, Rollout, Service


class StoreUnavailableError(Exception):
    """The database cannot be reached or written now."""


class SchemaError(Exception):
    """The database is not one that this release can use (a newer release wrote it, or it is not ours)."""


@dataclass(frozen=True, slots=True)
class Page:
    """`offset` is a page index (row = offset x limit), contract §1.7."""

    offset: int = 0
    limit: int = 1000
    sort_by: str = ""
    descending: bool = True


@dataclass(frozen=True, slots=True)
class ServiceQuery:
    """None: any. `name` is a substring, matched without regard to case; `model_id`: in its present revision;
    `or_status` is as good as `status`."""

    service_id: str | None = None
    name: str | None = None
    model_id: str | None = None
    workspace_id: str | None = None
    infer_type: str | None = None
    status: str | None = None
    or_status: str | None = None
    page: Page = Page()


@dataclass(frozen=True, slots=True)
class ModelQuery:
    """None: any. `name` is a substring unless `exact`."""

    name: str | None = None
    exact: bool = False
    version: str | None = None
    status: ModelStatus | None = None
    type: str | None = None
    not_type: str | None = None
    description: str | None = None
    workspace_id: str | None = None
    page: Page = Page()


@dataclass(frozen=True, slots=True)
class EventQuery:
    """None: any. `info` is a substring; times are inclusive milliseconds."""

    type: str | None = None
    info: str | None = None
    start_ms: int | None = None
    end_ms: int | None = None
    page: Page = Page()


@dataclass(frozen=True, slots=True)
class Counter:
    """Totals of a service, and the last raw reading they include (`epoch` names the gateway process)."""

    totals: Invocations = Invocations()
    epoch: str = ""
    raw: Invocations = Invocations()


@dataclass(frozen=True, slots=True)
class ServiceRecord:
    """Everything stored that a decision about one service needs.

    `revisions` holds at least those that the service, its rollout and its instances mention. `rollout` is the
    active one, `instances` every one that is not GONE: those that EXITED are kept for a while, for the cause of
    a failure and the back-off. `last_revision` is the highest number that any revision of it has.
    """

    service: Service
    revisions: Mapping[int, Revision]
    rollout: Rollout | None = None
    instances: Sequence[Instance] = ()
    last_revision: int = 0


@dataclass(frozen=True, slots=True)
class App:
    """An application: whoever has one of its codes may invoke the services it is bound to."""

    id: str
    project_id: str
    name: str
    owner: str
    created_ms: int
    description: str = ""


@dataclass(frozen=True, slots=True)
class AppCode:
    """`digest` finds a code; `code` is what callers send, sealed at rest and kept out of reprs."""

    digest: str
    app_id: str
    created_ms: int
    code: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class FlavorEntry:
    """A resource specification: open to all, or opened for `projects`. `attributes` is its size and the rest."""

    name: str
    open: bool
    attributes: Mapping[str, object] = field(default_factory=dict)
    projects: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class PoolEntry:
    """A dedicated pool of a project."""

    id: str
    project_id: str
    name: str
    status: str
    created_ms: int
    attributes: Mapping[str, object] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class StoredAnswer:
    """What a request with an Idempotency-Key was answered. `digest` is of the request: another request under the
    same key is refused."""

    digest: str
    status: int
    answer: str
    expires_ms: int


@dataclass(frozen=True, slots=True)
class Changes:
    """What one decision writes: rows replaced whole. Empty means nothing to write.

    `seen_version` is the `Service.version` that the decision was made from: if a user changed the service
    since, nothing of it is written.
    """

    seen_version: int
    service: Service | None = None
    rollouts: tuple[Rollout, ...] = ()
    instances: tuple[Instance, ...] = ()
    forget_instances: tuple[str, ...] = ()
    events: tuple[Event, ...] = ()
    delete_service: bool = False

    def __bool__(self) -> bool:
        return bool(
            self.service
            or self.rollouts
            or self.instances
            or self.forget_instances
            or self.events
            or self.delete_service
        )


class ReadTransaction(Protocol):
    """Lookups. A `project_id` narrows to that project; None finds in any (for the loops)."""

    async def project(self, key: str) -> Project | None:
        """By id, else by name."""

    async def projects(self, *, name: str | None = None, user_id: str | None = None) -> Sequence[Project]: ...

    async def user(self, key: str) -> User | None:
        """By id, else by name."""

    async def roles(self, user_id: str, project_id: str) -> frozenset[Role]: ...

    async def access_key(self, access_key: str) -> tuple[str, str, str] | None:
        """(user_id, project_id, secret_key) of an AK; None when it is unknown or revoked."""

    async def model(self, project_id: str | None, model_id: str) -> Model | None: ...

    async def models_by_id(self, project_id: str | None, model_ids: Collection[str]) -> Mapping[str, Model]:
        """Those of them that there are, in one statement."""

    async def models(self, project_id: str | None, query: ModelQuery) -> tuple[int, Sequence[Model]]:
        """(how many match, one page of them)."""

    async def services_using(self, model_id: str) -> Sequence[str]:
        """Names of services whose present or stable revision, or an active rollout, uses the model."""

    async def service(self, project_id: str | None, service_id: str) -> Service | None: ...

    async def service_named(self, project_id: str, name: str) -> Service | None: ...

    async def services(self, project_id: str | None, query: ServiceQuery) -> tuple[int, Sequence[Service]]: ...

    async def count_services(self, project_id: str, infer_type: str) -> int: ...

    async def service_ids(self) -> Sequence[str]:
        """Every service of every project: what the loop must look at."""

    async def revision(self, service_id: str, number: int) -> Revision | None: ...

    async def revisions(self, service_id: str) -> Sequence[Revision]:
        """Newest first: the last 200, and older ones that a record mentions."""

    async def rollouts(self, service_id: str) -> Sequence[Rollout]:
        """Newest first: the last 200, and an older one that is active."""

    async def record(self, service_id: str, project_id: str | None = None) -> ServiceRecord | None: ...

    async def counted_record(
        self, service_id: str, project_id: str | None = None
    ) -> tuple[ServiceRecord, Counter] | None:
        """The same with its counter, in as many statements."""

    async def records(self) -> Sequence[ServiceRecord]:
        """Every service, in a constant number of statements: what a fresh control plane reads first."""

    async def events(self, service_id: str, query: EventQuery) -> tuple[int, Sequence[Event]]: ...

    async def counters(self, service_ids: Sequence[str] | None = None) -> Mapping[str, Counter]: ...

    async def users(self, *, name: str | None = None) -> Sequence[User]: ...

    async def grants(self, *, user_id: str | None = None, project_id: str | None = None) -> Sequence[Grant]: ...

    async def access_keys(self, user_id: str) -> Sequence[tuple[str, str]]:
        """(access_key, project_id) of each; secrets are not listed."""

    async def standing(self, user_id: str, project_id: str | None, token_id: str | None) -> Standing | None:
        """Who calls with this token, in one statement: every call of the API asks. None: no such user."""

    async def revocations(self) -> Revocations: ...

    async def due_services(self, now_ms: int) -> Sequence[str]:
        """Services whose `due_ms` has come, the longest overdue first."""

    async def apps(self, project_id: str) -> Sequence[App]: ...

    async def app(self, project_id: str | None, app_id: str) -> App | None: ...

    async def app_codes(self, app_id: str) -> Sequence[AppCode]: ...

    async def app_of_code(self, digest: str) -> App | None: ...

    async def bound_apps(self, service_id: str) -> Sequence[App]: ...

    async def bound_services(self, app_id: str) -> Sequence[str]: ...

    async def codes_of_services(self) -> Mapping[str, Sequence[AppCode]]:
        """Service id → every code that may invoke it: what the gateway must know, in one statement."""

    async def quotas(self, project_id: str) -> Mapping[str, int]:
        """Only what was set; the defaults are the product's."""

    async def flavors(self) -> Sequence[FlavorEntry]: ...

    async def pools(self, project_id: str | None) -> Sequence[PoolEntry]: ...

    async def pool(self, project_id: str | None, key: str) -> PoolEntry | None:
        """By id, else by name."""

    async def buckets(self, project_id: str | None = None) -> Mapping[str, str]:
        """Bucket → project."""

    async def answer(self, project_id: str, key: str, now_ms: int) -> StoredAnswer | None:
        """What was answered under this Idempotency-Key, unless it expired."""


class WriteTransaction(ReadTransaction, Protocol):
    """Lookups and changes inside one serialised transaction. `save_*` inserts or replaces the whole row."""

    async def save_project(self, project: Project) -> None: ...

    async def save_user(self, user: User) -> None: ...

    async def grant(self, user_id: str, project_id: str, role: Role) -> None: ...

    async def revoke(self, user_id: str, project_id: str, role: Role) -> None: ...

    async def save_access_key(self, access_key: str, user_id: str, project_id: str, secret_key: str) -> None: ...

    async def add_model(self, model: Model) -> None:
        """Raises AlreadyExists for a taken (project, name, version)."""

    async def save_model(self, model: Model) -> None: ...

    async def delete_model(self, model_id: str) -> None: ...

    async def add_service(self, service: Service) -> None:
        """Raises AlreadyExists for a name taken in the project."""

    async def save_service(self, service: Service) -> None: ...

    async def add_revision(self, revision: Revision) -> None: ...

    async def save_rollout(self, rollout: Rollout) -> None: ...

    async def apply(self, service_id: str, changes: Changes) -> bool:
        """Write everything a decision changed; False, and nothing written, when it was made from a stale version
        (or the service is gone): observe again."""

    async def save_counters(self, counters: Mapping[str, Counter]) -> None: ...

    async def add_events(self, events: Sequence[Event]) -> None:
        """Of services that are there. A service keeps the newest thousand, and some tens more for a while."""

    async def delete_user(self, user_id: str) -> None:
        """With its grants and access keys."""

    async def delete_access_key(self, access_key: str) -> None: ...

    async def revoke_tokens(self, user_id: str, before_ms: int) -> None:
        """All that the user was given before. Never moves an earlier revocation back."""

    async def revoke_token(self, user_id: str, token_id: str, until_ms: int) -> None:
        """This one."""

    async def add_app(self, app: App) -> None:
        """Raises AlreadyExists for a name taken in the project."""

    async def delete_app(self, app_id: str) -> None:
        """With its codes and bindings."""

    async def add_app_code(self, code: AppCode) -> None: ...

    async def delete_app_code(self, app_id: str, digest: str) -> bool:
        """False: the app has no such code."""

    async def bind_app(self, app_id: str, service_id: str) -> None: ...

    async def unbind_app(self, app_id: str, service_id: str) -> None: ...

    async def save_quota(self, project_id: str, name: str, value: int) -> None: ...

    async def save_flavor(self, flavor: FlavorEntry) -> None: ...

    async def delete_flavor(self, name: str) -> None: ...

    async def save_pool(self, pool: PoolEntry) -> None: ...

    async def delete_pool(self, pool_id: str) -> None: ...

    async def claim_bucket(self, name: str, project_id: str) -> str:
        """The project that has the bucket now: this one, if nobody had it."""

    async def release_bucket(self, name: str, project_id: str) -> None: ...

    async def save_answer(self, project_id: str, key: str, answer: StoredAnswer, now_ms: int) -> None:
        """Keep an answer; those that expired before `now_ms` are forgotten."""


class Store(Protocol):
    """See the module's contract."""

    async def open(self) -> None:
        """Connect and bring the schema to this release."""

    async def close(self) -> None: ...

    def read(self) -> AbstractAsyncContextManager[ReadTransaction]: ...

    def write(self) -> AbstractAsyncContextManager[WriteTransaction]: ...
