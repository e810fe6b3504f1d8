"""Services as callers read them."""

from collections.abc import Mapping, Sequence
from typing import Any, Literal

from modelyard.api.convert.tasks import task
from modelyard.api.schemas import answers
from modelyard.api.schemas.answer import Json, said
from modelyard.core.admission.secret_envs import masked
from modelyard.domain.batch import Counts
from modelyard.domain.revision import Revision, Variant
from modelyard.domain.service import (
    Event,
    InferType,
    Rollout,
    RolloutState,
    Service,
    ServiceStatus,
)
from modelyard.operations.progress import DEPLOYING, percent, rows_percent, variant_status
from modelyard.operations.reading import Detail, Summary, UpdateRecord
from modelyard.operations.services.preconditions import Changed


def created(value: Changed) -> answers.CreatedService:
    assert value.rollout is not None
    return answers.CreatedService(service_id=value.service.id, resource_ids=_resources(value.rollout))


def updated(value: Changed) -> answers.UpdatedService:
    if value.rollout is None:
        return answers.UpdatedService()
    return answers.UpdatedService(update_time=value.rollout.started_ms, resource_ids=_resources(value.rollout))


def _resources(rollout: Rollout) -> list[str]:
    return [f"INF-{rollout.id}"]


def service_summary(value: Summary, gateway_url: str) -> answers.ServiceSummary:
    service = value.service
    reached = service.infer_type is not InferType.BATCH
    address = f"{gateway_url.rstrip('/')}/v1/infers/{service.id}" if reached else None
    sent: Mapping[str, Any] = service.attributes
    return answers.ServiceSummary(
        service_id=service.id,
        service_name=service.name,
        description=service.description,
        tenant=service.project_id,
        project=service.project_id,
        owner=service.owner,
        publish_at=service.created_ms,
        infer_type=service.infer_type,
        workspace_id=service.workspace_id,
        status=service.status,
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
        cluster_id=sent.get("cluster_id"),
        pool_name=sent.get("pool_name"),
        vpc_id=sent.get("vpc_id"),
        subnet_network_id=sent.get("subnet_network_id"),
        security_group_id=sent.get("security_group_id"),
        schedule=sent.get("schedule"),
        due_time=service.due_ms,
        additional_properties=sent.get("additional_properties"),
        load_balancer_policy=sent.get("load_balancer_policy"),
        priority=sent.get("priority"),
        batch=task(value.task) if value.task is not None else None,
    )


def service_detail(value: Detail, gateway_url: str) -> answers.ServiceDetail:
    service = value.service
    return answers.ServiceDetail(
        **said(service_summary(Summary(service, value.invocations, value.task), gateway_url)),
        progress=_progress(value),
        service_secrets=[
            answers.SecretMounted(secretId=one.name, mouthPath=one.path, version=one.version)
            for one in next((variant.template.secrets for variant in value.revision.variants), ())
        ]
        or None,
        config=[_entry(variant, value) for variant in value.revision.variants],
    )


def _progress(value: Detail) -> int | None:
    """Of a deployment, and of the rows of a batch service."""
    status = value.service.status
    if value.service.infer_type is not InferType.BATCH:
        return percent(value.record, value.revision) if status in DEPLOYING else None
    counts = value.task.task.counts if value.task is not None else Counts()
    return rows_percent(counts, finished=status is ServiceStatus.FINISHED)


def _entry(variant: Variant, value: Detail) -> Json:
    facts = answers.ConfigFacts(
        model_name=variant.model_name,
        model_version=variant.model_version,
        weight=variant.weight,
        status=variant_status(value.record, variant),
        scaling=False,
        support_debug=False,
        start_time=value.task.task.started_ms if value.task is not None else None,
        finished_time=value.task.task.finished_ms if value.task is not None else None,
    )
    return {**masked(variant.raw), **said(facts)}


def services(total: int, page: Sequence[Summary], gateway_url: str) -> answers.ServicePage:
    shown = [service_summary(summary, gateway_url) for summary in page]
    return answers.ServicePage(total_count=total, count=len(shown), services=shown)


def events(service: Service, total: int, page: Sequence[Event]) -> answers.EventPage:
    return answers.EventPage(
        service_name=service.name,
        service_id=service.id,
        total_count=total,
        count=len(page),
        events=[
            answers.EventShown(event_type=one.type, event_info=one.info, occur_time=one.occur_ms) for one in page
        ],
    )


Result = Literal["SUCCESS", "FAIL", "RUNNING"]
RESULTS: Mapping[RolloutState, Result] = {
    RolloutState.RUNNING: "RUNNING",
    RolloutState.ROLLING_BACK: "RUNNING",
    RolloutState.SUCCESS: "SUCCESS",
    RolloutState.FAIL: "FAIL",
    RolloutState.CANCELLED: "FAIL",
}


def update_records(service: Service, records: Sequence[UpdateRecord]) -> answers.UpdateRecords:
    return answers.UpdateRecords(
        service_name=service.name, service_id=service.id, logs=[_record(one) for one in records]
    )


def _record(value: UpdateRecord) -> answers.UpdateRecordShown:
    return answers.UpdateRecordShown(
        update_time=value.rollout.started_ms,
        result=RESULTS[value.rollout.state],
        config=[_recorded(variant) for variant in value.revision.variants],
        cluster_id=_pool_of(value.revision),
        extend_config=[],
        error_msg=value.rollout.cause or None,
    )


def _pool_of(revision: Revision) -> str | None:
    return next((v.template.pool for v in revision.variants if v.template.pool), None)


def _recorded(variant: Variant) -> Json:
    """As `_entry`, with the weight before the model where the entry was sent without one."""
    facts = answers.ConfigFacts(
        model_name=variant.model_name, model_version=variant.model_version, weight=variant.weight
    )
    return {**masked(variant.raw), "weight": variant.weight, **said(facts)}
