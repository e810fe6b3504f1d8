"""The API over a store in memory, with users in two projects: what the API's tests stand on."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import httpx
from fastapi import FastAPI

from modelyard.api.app import Deps, create_app
from modelyard.domain.identity import Principal, Project, Role, User
from modelyard.domain.instance import Instance, Phase
from modelyard.domain.model import Model, ModelStatus
from modelyard.domain.record import Changes
from modelyard.domain.service import Desired, Rollout, RolloutState, Service, ServiceStatus
from modelyard.iam.passwords import Passwords
from modelyard.iam.tokens import TokenKey
from modelyard.objects.memory import MemoryObjects
from modelyard.objects.staging import Staging
from modelyard.operations.audit import Audit
from modelyard.operations.context import Context
from modelyard.operations.object_usage import Usage
from modelyard.operations.objects import Storage
from modelyard.store.base import Store
from modelyard.store.sql import SqlStore

PASSWORD = "correct horse"
ROLES = {"admin": Role.ADMIN, "member": Role.MEMBER, "reader": Role.READER, "invoker": Role.INVOKER}
FIRST = Project("p1", "default", "d1", "Default")
SECOND = Project("p2", "second", "d1", "Default")


@dataclass
class ApiWorld:
    """A client and what is behind it. `call` uses the admin of the first project unless told otherwise."""

    store: Store
    key: TokenKey
    client: httpx.AsyncClient
    app: FastAPI = field(default_factory=FastAPI)
    now: int = 1_700_000_000_000
    ids: int = 0
    nudges: list[tuple[str, str]] = field(default_factory=list)
    objects: MemoryObjects = field(default_factory=MemoryObjects)
    spare_bytes: int = 1 << 50

    @property
    def deps(self) -> Deps:
        deps = self.app.state.deps
        assert isinstance(deps, Deps)
        return deps

    def clock(self) -> int:
        self.now += 1
        return self.now

    def new_id(self) -> str:
        self.ids += 1
        return f"00000000-0000-4000-8000-{self.ids:012d}"

    def token(self, user: str = "admin", project: Project | None = FIRST) -> str:
        roles = frozenset({ROLES.get(user, Role.ADMIN)}) if project else frozenset[Role]()
        project_id, name = (project.id, project.name) if project else (None, None)
        who = Principal(f"u-{user}", user, "d1", "Default", project_id, name, roles)
        return self.key.issue(who, self.now)[0]

    async def call(
        self,
        method: str,
        path: str,
        body: Any = None,
        *,
        user: str = "admin",
        project: Project = FIRST,
        **more: Any,
    ) -> httpx.Response:
        headers = {"X-Auth-Token": self.token(user, project), **more.pop("headers", {})}
        content = {} if body is None else {"content": body} if isinstance(body, bytes) else {"json": body}
        return await self.client.request(method, path, headers=headers, **content, **more)

    async def model(self, version: str = "1.0.0", name: str = "digits", project: str = "p1", **more: Any) -> str:
        """A published model in the store."""
        model = Model(
            id=f"m-{name}-{version}",
            project_id=project,
            name=name,
            version=version,
            type="Scikit_Learn",
            source_location="obs://models/digits",
            owner="u-admin",
            created_ms=self.clock(),
            status=ModelStatus.PUBLISHED,
            digest="d" * 64,
        )
        async with self.store.write() as w:
            await w.add_model(replace(model, **more))
        return model.id

    async def service(self, status: ServiceStatus = ServiceStatus.RUNNING, name: str = "digits-service") -> str:
        """A service made through the API, in a status as if the loop had brought it there."""
        model_id = f"m-{name}-1.0.0"
        async with self.store.read() as r:
            known = await r.model("p1", model_id)
        if known is None:
            await self.model("1.0.0", name)
        body = {"service_name": name, "infer_type": "real-time", "config": [entry(model_id)]}
        answer = await self.call("POST", "/v1/p1/services", body)
        assert answer.status_code == 200, answer.text
        service_id = str(answer.json()["service_id"])
        await self.brought(service_id, status)
        return service_id

    async def brought(self, service_id: str, status: ServiceStatus) -> None:
        """End what is under way, and say the status that the loop would have derived."""
        done = status not in {ServiceStatus.DEPLOYING, ServiceStatus.WAITING, ServiceStatus.PENDING}
        async with self.store.write() as w:
            service = await w.service("p1", service_id)
            assert service is not None
            if done:
                for rollout in await w.rollouts(service_id):
                    if rollout.active:
                        ended = replace(rollout, state=RolloutState.SUCCESS, switched=True, ended_ms=self.now)
                        await w.save_rollout(ended)
                        service = replace(service, stable=rollout.target)
            desired = Desired.STOPPED if status is ServiceStatus.STOPPED else service.desired
            await w.save_service(replace(service, status=status, desired=desired))
        self.nudges.clear()

    async def instances(self, service_id: str, *ids: str) -> None:
        """Ready instances of the first variant."""
        async with self.store.write() as w:
            record = await w.record(service_id)
            assert record is not None
            service = record.service
            (variant, *_) = record.revisions[service.revision].variants
            made = tuple(
                Instance(i, service_id, variant.track, service.revision, variant.template.hash, Phase.READY, 1, 1)
                for i in ids
            )
            await w.apply(service_id, Changes(service.version, instances=made))

    async def stored(self, service_id: str) -> tuple[Service, Any, tuple[Rollout, ...]]:
        """(service, present revision, rollouts newest first) as they are in the store."""
        async with self.store.read() as r:
            service = await r.service(None, service_id)
            assert service is not None
            revision = await r.revision(service_id, service.revision)
            return service, revision, tuple(await r.rollouts(service_id))


def entry(model_id: str, **more: Any) -> dict[str, Any]:
    """A config entry with the mandatory fields."""
    fields = {"model_id": model_id, "weight": 100, "specification": "modelarts.vm.cpu.2u", "instance_count": 1}
    return {**fields, **more}


@asynccontextmanager
async def api_world(store: SqlStore | None = None, *, images: bool = False) -> AsyncIterator[ApiWorld]:
    """`images`: there is a container engine."""
    store = store or SqlStore.memory()
    await store.open()
    passwords = Passwords(memory_kib=8, passes=1)
    hashed = await passwords.hash(PASSWORD)
    async with store.write() as w:
        for project in (FIRST, SECOND):
            await w.save_project(project)
        for name, role in ROLES.items():
            await w.save_user(User(f"u-{name}", name, "d1", hashed))
            await w.grant(f"u-{name}", FIRST.id, role)
        await w.save_user(User("u-other", "other", "d1", hashed))
        await w.grant("u-other", SECOND.id, Role.ADMIN)
    world = ApiWorld(store, TokenKey.generate(), httpx.AsyncClient())
    await world.client.aclose()
    context = Context(
        store=store,
        clock=world.clock,
        new_id=world.new_id,
        nudge=lambda kind, key: world.nudges.append((kind, key)),
        gateway_url="http://gateway:8080",
        home_project=FIRST.id,
        images=images,
    )
    with TemporaryDirectory() as directory:
        objects = world.objects
        staging = Staging(Path(directory), world.clock)
        storage = Storage(objects, staging, Usage(objects), lambda: world.spare_bytes)
        audit = Audit(store, lambda: world.now)  # asking for the time moves the world's
        deps = Deps(context=context, tokens=world.key, storage=storage, passwords=passwords, audit=audit)
        app = world.app = create_app(deps)
        transport = httpx.ASGITransport(app=app)
        async with httpx.AsyncClient(transport=transport, base_url="http://api:8000") as client:
            world.client = client
            yield world
        await storage.usage.close()
        await audit.close()
    await store.close()
