"""Rows to domain values and back: the only place where both are known.

Every field is written out, so that a new one is missed by a test (`test_store_values`) and not by a user. JSON
keeps the order of keys as given and any text or number that JSON can hold.
"""

import json
from collections.abc import Iterable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import asdict
from typing import Any

import msgspec
from sqlalchemy import Row

from modelyard.core import settings
from modelyard.core.size import resolved
from modelyard.domain.devices import Grant, Kind
from modelyard.domain.identity import Project, Role, User
from modelyard.domain.instance import Instance, Phase
from modelyard.domain.model import Model, ModelStatus
from modelyard.domain.resources import Resources
from modelyard.domain.revision import Budget, Revision, Template, Variant, Volume
from modelyard.domain.secrets import SecretFile, SecretValue
from modelyard.domain.service import (
    Counter,
    Desired,
    Event,
    EventType,
    InferType,
    Invocations,
    Rollout,
    RolloutKind,
    RolloutState,
    Service,
    ServiceStatus,
)
from modelyard.domain.texts import sound, storable
from modelyard.store.sql import jobs, sealing
from modelyard.store.sql.secrets import SecretBox

Values = dict[str, Any]
AnyRow = Row[Any]


def _plain(value: object) -> object:
    if isinstance(value, Mapping):
        return dict(value)
    if isinstance(value, AbstractSet):
        return sorted(value)
    raise TypeError(f"{type(value).__name__} is not a JSON value")


def to_json(value: object) -> str:
    """Compact and pure ASCII, so that a lone surrogate in a caller's text cannot break the driver."""
    return json.dumps(value, separators=(",", ":"), default=_plain)


def from_json(text: str | bytes) -> object:
    """What is stored, without what breaks its readers: former releases let a lone surrogate, NaN and 1e400 pass
    where they stood in a JSON string. msgspec refuses those, and is four times as fast as the standard."""
    try:
        result: object = msgspec.json.decode(text)
    except msgspec.DecodeError:
        result = sound(json.loads(text))
    return result


def project(row: AnyRow) -> Project:
    return Project(
        id=row.id, name=row.name, domain_id=row.domain_id, domain_name=row.domain_name, enabled=row.enabled
    )


def project_row(value: Project) -> Values:
    return {
        "id": value.id,
        "name": value.name,
        "domain_id": value.domain_id,
        "domain_name": value.domain_name,
        "enabled": value.enabled,
    }


def user(row: AnyRow) -> User:
    return User(
        id=row.id,
        name=row.name,
        domain_id=row.domain_id,
        password_hash=row.password_hash,
        enabled=row.enabled,
    )


def user_row(value: User) -> Values:
    return {
        "id": value.id,
        "name": value.name,
        "domain_id": value.domain_id,
        "password_hash": value.password_hash,
        "enabled": value.enabled,
    }


def role(row: AnyRow) -> Role:
    return Role(row.role)


def model(row: AnyRow) -> Model:
    return Model(
        id=row.id,
        project_id=row.project_id,
        name=row.name,
        version=row.version,
        type=row.type,
        source_location=row.source_location,
        owner=row.owner,
        created_ms=row.created_ms,
        status=ModelStatus(row.status),
        digest=row.digest,
        size_bytes=row.size_bytes,
        install_types=frozenset(row.install_types),
        attributes=row.attributes,
        config=row.config,
        error=row.error,
    )


def model_row(value: Model) -> Values:
    return {
        "id": value.id,
        "project_id": value.project_id,
        "name": value.name,
        "version": value.version,
        "type": value.type,
        "source_location": value.source_location,
        "owner": value.owner,
        "created_ms": value.created_ms,
        "status": value.status.value,
        "digest": value.digest,
        "size_bytes": value.size_bytes,
        "install_types": sorted(value.install_types),
        "attributes": dict(value.attributes),
        "config": dict(value.config),
        "error": storable(value.error),
        "workspace_id": _text(value.attributes.get("workspace_id"), "0"),
        "description": _text(value.attributes.get("description"), ""),
    }


def _text(value: object, otherwise: str) -> str:
    return value if isinstance(value, str) else otherwise


def service(row: AnyRow) -> Service:
    """Its settings are read from its attributes. Former releases kept the end of the countdown there too."""
    attributes = {name: value for name, value in row.attributes.items() if name != "due_time"}
    return Service(
        id=row.id,
        project_id=row.project_id,
        name=row.name,
        infer_type=InferType(row.infer_type),
        owner=row.owner,
        created_ms=row.created_ms,
        desired=Desired(row.desired),
        revision=row.revision,
        stable=row.stable,
        failed=row.failed,
        description=row.description,
        workspace_id=row.workspace_id,
        status=ServiceStatus(row.status),
        error=row.error,
        updated_ms=row.updated_ms,
        transition_ms=row.transition_ms,
        due_ms=row.due_ms,
        version=row.version,
        attributes=attributes,
        settings=settings.parsed(attributes),
    )


def service_row(value: Service) -> Values:
    return {
        "id": value.id,
        "project_id": value.project_id,
        "name": value.name,
        "infer_type": value.infer_type.value,
        "owner": value.owner,
        "created_ms": value.created_ms,
        "desired": value.desired.value,
        "revision": value.revision,
        "stable": value.stable,
        "failed": value.failed,
        "description": value.description,
        "workspace_id": value.workspace_id,
        "status": value.status.value,
        "error": storable(value.error),
        "updated_ms": value.updated_ms,
        "transition_ms": value.transition_ms,
        "request_timeout_s": value.settings.requests.timeout_s,
        "max_body_bytes": value.settings.requests.max_body_bytes,
        "version": value.version,
        "attributes": dict(value.attributes),
        "due_ms": value.due_ms,
    }


def revision(row: AnyRow, box: SecretBox) -> Revision:
    variants = sealing.opened(box, row.service_id, row.number, row.variants)
    return Revision(
        service_id=row.service_id,
        number=row.number,
        created_ms=row.created_ms,
        variants=tuple(variant(v) for v in variants),
    )


def revision_row(value: Revision, box: SecretBox) -> Values:
    variants = [variant_json(v) for v in value.variants]
    return {
        "service_id": value.service_id,
        "number": value.number,
        "created_ms": value.created_ms,
        "variants": sealing.sealed(box, value.service_id, value.number, variants),
    }


def variant(v: Mapping[str, Any]) -> Variant:
    """Former releases stored no job, and had no batch services."""
    return Variant(
        track=v["track"],
        model_id=v["model_id"],
        model_name=v["model_name"],
        model_version=v["model_version"],
        template=_template(v["template"]),
        instance_count=v["instance_count"],
        weight=v["weight"],
        budget=Budget(max_surge=v["max_surge"], max_unavailable=v["max_unavailable"]),
        deploy_timeout_s=v["deploy_timeout_s"],
        termination_grace_s=v["termination_grace_s"],
        job=jobs.from_values(job) if (job := v.get("job")) else None,
        raw=v["raw"],
    )


def _template(t: Mapping[str, Any]) -> Template:
    """Former releases stored what is explicit of the size only, and the first one nothing at all."""
    explicit = Resources(
        cpu=t.get("cpu", 0.0),
        memory_mib=t.get("memory_mib", 0),
        pids=t.get("pids", 0),
        open_files=t.get("open_files", 0),
        gpus=t.get("gpus", 0),
        npus=t.get("npus", 0),
    )
    whole = t.get("resources")
    return Template(
        model_id=t["model_id"],
        digest=t["digest"],
        specification=t["specification"],
        envs=tuple((name, value) for name, value in t["envs"]),
        pool=t["pool"],
        volumes=tuple(_volume(*said) for said in t.get("volumes", ())),
        resources=resolved(t["specification"], explicit) if whole is None else Resources(**whole),
        explicit=explicit,
        secrets=tuple(
            SecretFile(name, version, path, SecretValue(value))
            for name, version, path, value in t.get("secrets", ())
        ),
    )


def _volume(host_path: str, mount_path: str, *flags: str) -> Volume:
    return Volume(host_path, mount_path, read_only="read_only" in flags, log="log" in flags)


def variant_json(value: Variant) -> Values:
    t = value.template
    return {
        "track": value.track,
        "model_id": value.model_id,
        "model_name": value.model_name,
        "model_version": value.model_version,
        "template": {
            "model_id": t.model_id,
            "digest": t.digest,
            "specification": t.specification,
            "envs": [list(pair) for pair in t.envs],
            "pool": t.pool,
            "cpu": t.explicit.cpu,
            "memory_mib": t.explicit.memory_mib,
            "volumes": [v.told for v in t.volumes],
            **(
                {"secrets": [[s.name, s.version, s.path, s.value.reveal()] for s in t.secrets]}
                if t.secrets
                else {}
            ),
            "pids": t.explicit.pids,
            "open_files": t.explicit.open_files,
            "gpus": t.explicit.gpus,
            "npus": t.explicit.npus,
            "resources": {
                "cpu": t.resources.cpu,
                "memory_mib": t.resources.memory_mib,
                "pids": t.resources.pids,
                "open_files": t.resources.open_files,
                "gpus": t.resources.gpus,
                "npus": t.resources.npus,
            },
        },
        "instance_count": value.instance_count,
        "weight": value.weight,
        "max_surge": value.budget.max_surge,
        "max_unavailable": value.budget.max_unavailable,
        "deploy_timeout_s": value.deploy_timeout_s,
        "termination_grace_s": value.termination_grace_s,
        **({} if value.job is None else {"job": jobs.to_values(value.job)}),
        "raw": dict(value.raw),
    }


def rollout(row: AnyRow) -> Rollout:
    return Rollout(
        id=row.id,
        service_id=row.service_id,
        kind=RolloutKind(row.kind),
        target=row.target,
        base=row.base,
        started_ms=row.started_ms,
        state=RolloutState(row.state),
        switched=row.switched,
        cause=row.cause,
        ended_ms=row.ended_ms,
    )


def rollout_row(value: Rollout) -> Values:
    return {
        "id": value.id,
        "service_id": value.service_id,
        "kind": value.kind.value,
        "target": value.target,
        "base": value.base,
        "started_ms": value.started_ms,
        "state": value.state.value,
        "switched": value.switched,
        "cause": storable(value.cause),
        "ended_ms": value.ended_ms,
    }


def instance(row: AnyRow) -> Instance:
    return Instance(
        id=row.id,
        service_id=row.service_id,
        track=row.track,
        revision=row.revision,
        template=row.template,
        phase=Phase(row.phase),
        started_ms=row.started_ms,
        phase_ms=row.phase_ms,
        ready_ms=row.ready_ms,
        exit=row.exit,
        node=row.node,
        address=row.address,
        devices=grants(row.devices),
    )


def grants(stored: Sequence[Values] | None) -> tuple[Grant, ...]:
    return tuple(Grant(**{**one, "kind": Kind(one["kind"])}) for one in stored or ())


def grants_json(value: Iterable[Grant]) -> list[Values]:
    return [asdict(one) for one in value]


def instance_row(value: Instance) -> Values:
    return {
        "id": value.id,
        "service_id": value.service_id,
        "track": value.track,
        "revision": value.revision,
        "template": value.template,
        "phase": value.phase.value,
        "started_ms": value.started_ms,
        "phase_ms": value.phase_ms,
        "ready_ms": value.ready_ms,
        "exit": storable(value.exit),
        "node": value.node,
        "address": value.address,
        "devices": grants_json(value.devices) or None,
    }


def event(row: AnyRow) -> Event:
    return Event(service_id=row.service_id, type=EventType(row.type), info=row.info, occur_ms=row.occur_ms)


def event_row(value: Event) -> Values:
    return {
        "service_id": value.service_id,
        "type": value.type.value,
        "info": storable(value.info),
        "occur_ms": value.occur_ms,
    }


def counter(row: AnyRow) -> Counter:
    return Counter(
        totals=Invocations(row.total, row.failed),
        epoch=row.epoch,
        raw=Invocations(row.raw_total, row.raw_failed),
    )


def counter_row(service_id: str, value: Counter) -> Values:
    return {
        "service_id": service_id,
        "total": value.totals.total,
        "failed": value.totals.failed,
        "epoch": value.epoch,
        "raw_total": value.raw.total,
        "raw_failed": value.raw.failed,
    }
