"""Between the wire and the domain: the only place where they meet. Pure.

What is unset is left out of an answer, never null; numbers are numbers; `config` keeps the order in which it was
sent (contract §1).
"""

import json
from collections.abc import Mapping, Sequence
from typing import Any

from modelyard.api.schemas.models import ModelCreate, ModelList
from modelyard.api.schemas.services import (
    EventList,
    ServiceConfig,
    ServiceCreate,
    ServiceList,
    ServiceUpdate,
)
from modelyard.api.schemas.wire import Parsed, Wire
from modelyard.core.admission import VariantRequest
from modelyard.core.admission_fields import DEFAULT_WORKSPACE
from modelyard.domain.model import Model, ModelStatus
from modelyard.domain.revision import Revision
from modelyard.domain.service import (
    Desired,
    Event,
    InferType,
    RolloutState,
    Service,
)
from modelyard.operations.models import Deleted, ModelRequest
from modelyard.operations.progress import DEPLOYING, percent, variant_status
from modelyard.operations.reading import Detail, Summary, UpdateRecord
from modelyard.operations.services import Created, ServiceRequest, Updated, UpdateRequest
from modelyard.store.base import EventQuery, ModelQuery, Page, ServiceQuery

Json = dict[str, object]

DEFAULT_LIMIT = 1000


def set_only(**fields: object) -> Json:
    """The fields that say something."""
    return {name: value for name, value in fields.items() if value is not None}


# ---- requests


def service_request(parsed: Parsed[ServiceCreate]) -> ServiceRequest:
    body = parsed.value
    return ServiceRequest(
        name=body.service_name,
        infer_type=InferType(body.infer_type) if body.infer_type else None,
        config=_config(body.config or [], parsed.raw),
        description=body.description or "",
        workspace_id=DEFAULT_WORKSPACE if body.workspace_id is None else body.workspace_id,
        violations=parsed.violations,
    )


def update_request(parsed: Parsed[ServiceUpdate]) -> UpdateRequest:
    body = parsed.value
    return UpdateRequest(
        description=body.description,
        status=Desired(body.status) if body.status else None,
        config=None if body.config is None else _config(body.config, parsed.raw),
        violations=parsed.violations,
    )


def _config(entries: Sequence[ServiceConfig], body: Mapping[str, Any]) -> tuple[VariantRequest, ...]:
    return tuple(
        _variant_request(entry, raw) for entry, raw in zip(entries, body.get("config") or [], strict=True)
    )


def _variant_request(entry: ServiceConfig, raw: Mapping[str, Any]) -> VariantRequest:
    more = entry.additional_properties
    return VariantRequest(
        model_id=entry.model_id,
        specification=entry.specification,
        instance_count=entry.instance_count,
        weight=entry.weight,
        envs=tuple((entry.envs or {}).items()),
        deploy_timeout_s=entry.deploy_timeout_in_seconds,
        max_surge=more.max_surge if more else None,
        max_unavailable=more.max_unavailable if more else None,
        termination_grace_s=more.termination_grace_period_seconds if more else None,
        raw=_echo(entry, raw),
    )


def _echo(model: Wire, raw: Mapping[str, Any]) -> Json:
    """What was sent and is known, in the order in which it was sent; numbers are numbers."""
    echo: Json = {}
    for name in raw:
        if name in type(model).model_fields and (value := getattr(model, name)) is not None:
            echo[name] = _echo(value, raw[name]) if isinstance(value, Wire) else value
    return echo


def model_request(parsed: Parsed[ModelCreate]) -> ModelRequest:
    body = parsed.value
    apart = {"model_name", "model_version", "model_type", "source_location"}
    return ModelRequest(
        name=body.model_name,
        version=body.model_version,
        type=body.model_type,
        source_location=body.source_location,
        description=body.description or "",
        workspace_id=DEFAULT_WORKSPACE if body.workspace_id is None else body.workspace_id,
        install_types=None if body.install_type is None else tuple(body.install_type),
        attributes={name: value for name, value in _echo(body, parsed.raw).items() if name not in apart},
        violations=parsed.violations,
    )


def service_query(query: ServiceList) -> ServiceQuery:
    return ServiceQuery(
        service_id=query.service_id,
        name=query.service_name,
        model_id=query.model_id,
        workspace_id=query.workspace_id,
        infer_type=query.infer_type,
        status=query.status,
        page=_page(query.offset, query.limit, query.sort_by or "publish_at", query.order),
    )


def model_query(query: ModelList) -> ModelQuery:
    return ModelQuery(
        name=query.model_name,
        exact=bool(query.exact_match),
        version=query.model_version,
        status=ModelStatus(query.model_status) if query.model_status else None,
        type=query.model_type,
        not_type=query.not_model_type,
        description=query.description,
        workspace_id=query.workspace_id,
        page=_page(query.offset, query.limit, query.sort_by or "create_at", query.order),
    )


def event_query(query: EventList) -> EventQuery:
    return EventQuery(
        type=query.event_type,
        info=query.event_info,
        start_ms=query.start_time,
        end_ms=query.end_time,
        page=_page(query.offset, query.limit, "occur_time", query.order),
    )


def _page(offset: int | None, limit: int | None, sort_by: str, order: str | None) -> Page:
    return Page(offset or 0, limit or DEFAULT_LIMIT, sort_by, descending=order != "asc")


# ---- answers


def created(value: Created) -> Json:
    return {"service_id": value.service_id, "resource_ids": [f"INF-{value.rollout_id}"]}


def updated(value: Updated) -> Json:
    if value.rollout is None:
        return {}
    return {"update_time": value.rollout.started_ms, "resource_ids": [f"INF-{value.rollout.id}"]}


def service_summary(value: Summary) -> Json:
    service = value.service
    return set_only(
        service_id=service.id,
        service_name=service.name,
        description=service.description,
        tenant=service.project_id,
        project=service.project_id,
        owner=service.owner,
        publish_at=service.created_ms,
        infer_type=service.infer_type.value,
        workspace_id=service.workspace_id,
        status=service.status.value,
        error_msg=service.error or None,
        update_time=service.updated_ms or None,
        transition_at=service.transition_ms or None,
        operation_time=service.transition_ms or None,
        invocation_times=value.invocations.total,
        failed_times=value.invocations.failed,
        is_shared=False,
        shared_count=0,
        is_free=False,
    )


def service_detail(value: Detail, gateway_url: str) -> Json:
    service = value.service
    address = f"{gateway_url.rstrip('/')}/v1/infers/{service.id}"
    return {
        **service_summary(Summary(service, value.invocations)),
        **({"progress": percent(value.record, value.revision)} if service.status in DEPLOYING else {}),
        "access_address": address,
        "debug_url": address,
        "config": _config_detail(value),
    }


def _config_detail(value: Detail) -> list[Json]:
    return [
        {
            **variant.raw,
            "model_name": variant.model_name,
            "model_version": variant.model_version,
            "weight": variant.weight,
            "status": variant_status(value.record, variant),
            "scaling": False,
            "support_debug": False,
        }
        for variant in value.revision.variants
    ]


def services(total: int, found: Sequence[Summary]) -> Json:
    return {"total_count": total, "count": len(found), "services": [service_summary(s) for s in found]}


def events(service: Service, total: int, found: Sequence[Event]) -> Json:
    return {
        "service_name": service.name,
        "service_id": service.id,
        "total_count": total,
        "count": len(found),
        "events": [{"event_type": e.type.value, "event_info": e.info, "occur_time": e.occur_ms} for e in found],
    }


RESULTS: Mapping[RolloutState, str] = {
    RolloutState.RUNNING: "RUNNING",
    RolloutState.ROLLING_BACK: "RUNNING",
    RolloutState.SUCCESS: "SUCCESS",
    RolloutState.FAIL: "FAIL",
    RolloutState.CANCELLED: "FAIL",
}


def update_records(service: Service, found: Sequence[UpdateRecord]) -> Json:
    return {
        "service_name": service.name,
        "service_id": service.id,
        "logs": [
            set_only(
                update_time=record.rollout.started_ms,
                result=RESULTS[record.rollout.state],
                config=_config_record(record.revision),
                error_msg=record.rollout.cause or None,
            )
            for record in found
        ],
    }


def _config_record(revision: Revision) -> list[Json]:
    return [
        {
            **variant.raw,
            "weight": variant.weight,
            "model_name": variant.model_name,
            "model_version": variant.model_version,
        }
        for variant in revision.variants
    ]


def model(value: Model) -> Json:
    """A model: what was sent, and what was found in the package where the request said nothing."""
    attributes = {k: v for k, v in value.attributes.items() if k not in {"apis", "model_metrics"}}
    apis = value.attributes.get("apis") or value.config.get("apis")
    metrics = value.attributes.get("model_metrics") or value.config.get("metrics")
    found = {
        key: value.config[key]
        for key in ("runtime", "model_algorithm", "dependencies", "health")
        if value.config.get(key) is not None
    }
    return {
        **found,
        **attributes,
        **set_only(
            model_id=value.id,
            model_name=value.name,
            model_version=value.version,
            model_type=value.type,
            model_status=value.status.value,
            model_size=value.size_bytes,
            model_source="custom",
            source_location=value.source_location,
            description=attributes.get("description", ""),
            workspace_id=attributes.get("workspace_id", DEFAULT_WORKSPACE),
            tenant=value.project_id,
            project=value.project_id,
            owner=value.owner,
            create_at=value.created_ms,
            install_type=attributes.get("install_type") or sorted(value.install_types),
            config=json.dumps(value.config) if value.config else None,
            apis=json.dumps(apis) if apis else None,
            model_metrics=metrics if isinstance(metrics, str) else json.dumps(metrics) if metrics else None,
            error_msg=value.error or None,
            tunable=False,
            market_flag=False,
            publishable_flag=False,
        ),
    }


def models(total: int, found: Sequence[Model]) -> Json:
    return {"total_count": total, "count": len(found), "models": [model(m) for m in found]}


def deleted_models(value: Deleted) -> Json:
    return {
        "delete_success_list": list(value.deleted),
        "delete_failed_list": [
            {"model_id": r.model_id, "error_code": f"ModelArts.{r.code}", "error_msg": r.text}
            for r in value.refused
        ],
    }
