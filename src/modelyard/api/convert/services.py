"""Services as callers read them."""

from collections.abc import Mapping, Sequence

from modelyard.api.convert.echo import Json, set_only
from modelyard.core import schedule
from modelyard.core.admission import properties
from modelyard.domain.revision import Revision
from modelyard.domain.service import Event, Rollout, RolloutState, Service
from modelyard.operations.progress import DEPLOYING, percent, variant_status
from modelyard.operations.reading import Detail, Summary, UpdateRecord
from modelyard.operations.services.preconditions import Changed

WHERE = ("cluster_id", "pool_name", "vpc_id", "subnet_network_id", "security_group_id")
SHOWN = (*WHERE, schedule.SCHEDULE)
MORE_SHOWN = (properties.PROPERTIES, properties.LOAD_BALANCER, properties.PRIORITY)
"""Attributes of a service that are fields of their own, shown as they are kept."""


def created(value: Changed) -> Json:
    assert value.rollout is not None
    return {"service_id": value.service.id, "resource_ids": _resources(value.rollout)}


def updated(value: Changed) -> Json:
    if value.rollout is None:
        return {}
    return {"update_time": value.rollout.started_ms, "resource_ids": _resources(value.rollout)}


def _resources(rollout: Rollout) -> list[str]:
    return [f"INF-{rollout.id}"]


def service_summary(value: Summary, gateway_url: str) -> Json:
    service = value.service
    address = f"{gateway_url.rstrip('/')}/v1/infers/{service.id}"
    kept = service.attributes
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
        access_address=address,
        bind_access_address=address,
        debug_url=address,
        **{name: kept[name] for name in SHOWN if name in kept},
        due_time=service.due_ms,
        **{name: kept[name] for name in MORE_SHOWN if name in kept},
    )


def service_detail(value: Detail, gateway_url: str) -> Json:
    service = value.service
    return {
        **service_summary(Summary(service, value.invocations), gateway_url),
        **({"progress": percent(value.record, value.revision)} if service.status in DEPLOYING else {}),
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


def services(total: int, found: Sequence[Summary], gateway_url: str) -> Json:
    shown = [service_summary(summary, gateway_url) for summary in found]
    return {"total_count": total, "count": len(found), "services": shown}


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
                cluster_id=_pool_of(record.revision),
                extend_config=[],
                error_msg=record.rollout.cause or None,
            )
            for record in found
        ],
    }


def _pool_of(revision: Revision) -> str | None:
    return next((v.template.pool for v in revision.variants if v.template.pool), None)


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
