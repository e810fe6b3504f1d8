"""Stores to run the suite over, and values to put in them."""

from collections.abc import AsyncIterator
from contextlib import ExitStack, asynccontextmanager
from dataclasses import replace
from pathlib import Path

import pytest
from tests.postgresql import Cluster
from tests.worlds import services

from modelyard.domain.batch import Dialect, Fields, Format, Items, Job, Leaf, LeafType, Output, Threshold
from modelyard.domain.devices import Grant, Kind
from modelyard.domain.identity import Project, User
from modelyard.domain.instance import Instance, Phase
from modelyard.domain.model import Model, ModelStatus
from modelyard.domain.resources import Resources
from modelyard.domain.revision import Budget, Revision, Template, Variant, Volume
from modelyard.domain.service import (
    Desired,
    Event,
    EventType,
    InferType,
    Rollout,
    RolloutKind,
    RolloutState,
    Service,
    ServiceStatus,
)
from modelyard.domain.settings import ServiceSettings
from modelyard.store.sql import SqlStore

KINDS = ("memory", "file", "postgresql")


@asynccontextmanager
async def opened(kind: str, folder: Path, request: pytest.FixtureRequest) -> AsyncIterator[SqlStore]:
    with ExitStack() as stack:
        if kind == "memory":
            store = SqlStore.memory()
        elif kind == "file":
            store = SqlStore(folder / "data" / "modelyard.db")
        else:
            cluster: Cluster = request.getfixturevalue("postgresql")
            store = SqlStore(stack.enter_context(cluster.database()), key_file=folder / "store.key")
        await store.open()
        try:
            yield store
        finally:
            await store.close()


PROJECT = Project("p1", "north", "d1", "Domain", enabled=False)
USER = User("u1", "ada", "d1", "argon", enabled=False)

MODEL = Model(
    id="m1",
    project_id="p1",
    name="mnist",
    version="1.0.0",
    type="Custom",
    source_location="/bucket/model",
    owner="u1",
    created_ms=2**41,
    status=ModelStatus.FAILED,
    digest="d" * 64,
    size_bytes=2**40,
    install_types=frozenset({"batch"}),
    attributes={"zebra": 1, "apple": [1.5, None, {"z": "ü", "a": True}], "description": "first"},
    config={"runtime": "python3", "apis": []},
    error="why\nnot",
)

SERVICE = Service(
    id="s1",
    project_id="p1",
    name="digits",
    infer_type=InferType.BATCH,
    owner="u1",
    created_ms=2**41,
    desired=Desired.STOPPED,
    revision=7,
    stable=6,
    failed=True,
    description="größer",
    workspace_id="1",
    status=ServiceStatus.CONCERNING,
    error="because",
    updated_ms=11,
    transition_ms=12,
    due_ms=5000,
    version=9,
    attributes={"z": {"y": [], "b": None}, "a": "\u0000", "n": 2**70, "pool_name": "north"},
    settings=ServiceSettings(pool_name="north"),
)

JOB = Job(
    source="obs://in/data/list.manifest",
    destination="s3://out",
    uri="/predict",
    format=Format.CSV,
    method="PUT",
    manifest=True,
    mapping=Fields(
        (
            ("z", Leaf(LeafType.NUMBER, 3)),
            ("a", Items((Fields(()), Items(()), Leaf(LeafType.STRING, column="größe")))),
            ("", Leaf(LeafType.BOOLEAN)),
        )
    ),
    file_field="images",
    csv=Dialect(True, ";", "cp1252"),
    output=Output.PARQUET,
    error_threshold=Threshold(share=0.25),
    row_timeout_s=0.5,
    max_row_bytes=1000,
)

REVISION = Revision(
    service_id="s1",
    number=7,
    created_ms=2**41,
    variants=(
        Variant(
            track=3,
            model_id="m1",
            model_name="mnist",
            model_version="1.0.0",
            template=Template(
                "m1",
                "digest",
                "custom",
                (("Z", "1"), ("A", "2")),
                "pool",
                (Volume("/srv/logs", "/logs"),),
                Resources(0.34, 512, 1024, 16_384, gpus=0.5, npus=2),
                Resources(0.34, 512),
            ),
            instance_count=2,
            weight=40,
            budget=Budget(0.25, 0.5),
            deploy_timeout_s=30,
            termination_grace_s=5,
            job=JOB,
            raw={"weight": "40", "model_id": "m1", "envs": {"Z": "1", "A": "2"}},
        ),
        Variant(0, "m2", "mnist", "1.0.1", Template("m2", "e", "custom"), 1, 60, Budget(2, 1)),
    ),
)

ROLLOUT = Rollout(
    id="r1",
    service_id="s1",
    kind=RolloutKind.START,
    target=7,
    base=6,
    started_ms=2**41,
    state=RolloutState.FAIL,
    switched=True,
    cause="last\nlines",
    ended_ms=2**41 + 1,
)

CARD = Grant(Kind.NPU, 3, 0.5, "GPU-5e1c", "/dev/nvidia3")
INSTANCE = Instance(
    *("i1", "s1", 3, 7, "hash", Phase.EXITED, 2**41, 2**41 + 1, 2**41 + 2),
    exit="exit 1",
    node="n1",
    address="unix:i1",
    devices=(CARD, replace(CARD, kind=Kind.GPU)),
)

EVENT = Event("s1", EventType.ABNORMAL, "service failed to start", 2**41)


service = services.service
"""A plain one, named by its id."""


def revision(service_id: str, number: int, *model_ids: str) -> Revision:
    variants = (services.variant(model_id, track=at) for at, model_id in enumerate(model_ids or ("m1",)))
    return Revision(service_id, number, 1, tuple(variants))


def rollout(key: str, service_id: str, state: RolloutState = RolloutState.RUNNING, target: int = 1) -> Rollout:
    return Rollout(key, service_id, RolloutKind.UPDATE, target, None, 1, state)


def instance(key: str, service_id: str, phase: Phase = Phase.READY, revision: int = 1) -> Instance:
    return Instance(key, service_id, 0, revision, "t", phase, 1, 1)


def model(key: str, **changes: object) -> Model:
    fields: dict[str, object] = {
        "id": key,
        "project_id": "p1",
        "name": key,
        "version": "1.0.0",
        "type": "Custom",
        "source_location": "/b/m",
        "owner": "u1",
        "created_ms": 1,
    }
    return Model(**(fields | changes))  # type: ignore[arg-type]


async def filled(store: SqlStore, *added: Service) -> None:
    """Add each service with its present revision."""
    async with store.write() as w:
        for one in added:
            await w.add_service(one)
            await w.add_revision(revision(one.id, one.revision))
