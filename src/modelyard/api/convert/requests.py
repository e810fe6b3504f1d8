"""Requests about services: wire → use case."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from modelyard.api.convert.echo import echo
from modelyard.api.schemas.config import Affinity, CustomSpec, ModelProperties, ServiceConfig
from modelyard.api.schemas.queries import ClusterList, EventList, ServiceList
from modelyard.api.schemas.services import ServiceCreate, ServiceUpdate
from modelyard.api.schemas.wire import Parsed
from modelyard.core.admission import affinity as of_nodes
from modelyard.core.admission import placement
from modelyard.core.admission.batch import BatchFields
from modelyard.core.admission.batch_options import Options, ThresholdRequest
from modelyard.core.admission.fields import DEFAULT_WORKSPACE
from modelyard.core.admission.infer_types import TypedFields
from modelyard.core.admission.placement import Placement
from modelyard.core.admission.properties import numbered
from modelyard.core.admission.service import NETWORK, PlaceRequest, SecretRequest, SettingsRequest
from modelyard.core.admission.variant_request import VariantRequest
from modelyard.core.admission.volumes import VolumeRequest
from modelyard.core.schedule import Entry
from modelyard.domain.revision import Revision
from modelyard.domain.service import Desired, InferType
from modelyard.operations.catalog import ClusterQuery
from modelyard.operations.services.change import UpdateRequest
from modelyard.operations.services.create import ServiceRequest
from modelyard.store.page import Page
from modelyard.store.services import EventQuery, ServiceQuery

DEFAULT_LIMIT = 1000


def service_request(parsed: Parsed[ServiceCreate]) -> ServiceRequest:
    body = parsed.value
    network = ((name, getattr(body, name) or "") for name in NETWORK)
    return ServiceRequest(
        name=body.service_name,
        infer_type=InferType(body.infer_type) if body.infer_type else None,
        config=config(body.config or [], parsed.raw),
        description=body.description or "",
        workspace_id=DEFAULT_WORKSPACE if body.workspace_id is None else body.workspace_id,
        settings=_settings(body, parsed.raw),
        place=PlaceRequest(Placement(body.cluster_id, body.pool_name), tuple(network)),
        violations=parsed.violations,
    )


def update_request(parsed: Parsed[ServiceUpdate]) -> UpdateRequest:
    body = parsed.value
    return UpdateRequest(
        description=body.description,
        status=Desired(body.status) if body.status else None,
        config=None if body.config is None else config(body.config, parsed.raw),
        settings=_settings(body, parsed.raw),
        violations=parsed.violations,
    )


def rollback_request(revision: Revision) -> UpdateRequest:
    """A PUT of the revision's config as it was sent, with the values that its secrets had then, if that is not in
    use."""
    files = next((variant.template.secrets for variant in revision.variants), ())
    return replace(config_request([variant.raw for variant in revision.variants]), unless_same=True, files=files)


def config_request(entries: Sequence[Mapping[str, Any]]) -> UpdateRequest:
    """A PUT of this config."""
    return update_request(ServiceUpdate.parse({"config": [dict(entry) for entry in entries]}))


def _settings(body: ServiceCreate | ServiceUpdate, raw: Mapping[str, Any]) -> SettingsRequest:
    properties = None
    if body.additional_properties is not None:
        properties = echo(body.additional_properties, raw["additional_properties"])
        if "smn_notification" in properties:
            properties["smn_notification"] = numbered(properties["smn_notification"])
    return SettingsRequest(
        schedule=None
        if body.schedule is None
        else tuple(Entry(e.type, e.time_unit, e.duration) for e in body.schedule),
        properties=properties,
        load_balancer=body.load_balancer_policy or None,
        secrets=None
        if body.service_secrets is None
        else tuple(SecretRequest(s.secretId, s.mouthPath) for s in body.service_secrets),
        priority=body.priority,
    )


def config(entries: Sequence[ServiceConfig], body: Mapping[str, Any]) -> tuple[VariantRequest, ...]:
    return tuple(_variant(entry, raw) for entry, raw in zip(entries, body.get("config") or [], strict=True))


def _variant(entry: ServiceConfig, raw: Mapping[str, Any]) -> VariantRequest:
    more = entry.additional_properties
    return VariantRequest(
        model_id=entry.model_id,
        specification=entry.specification,
        instance_count=entry.instance_count,
        weight=entry.weight,
        envs=tuple((entry.envs or {}).items()),
        secret_envs=tuple(entry.secret_envs or ()),
        deploy_timeout_s=entry.deploy_timeout_in_seconds,
        max_surge=more.max_surge if more else None,
        max_unavailable=more.max_unavailable if more else None,
        termination_grace_s=more.termination_grace_period_seconds if more else None,
        placement=Placement(
            cluster_id=entry.cluster_id,
            pool_name=entry.pool_name,
            custom_spec=_custom(entry.custom_spec),
            affinity=_affinity(entry.affinity),
        ),
        volumes=_volumes(more) if more else (),
        typed=TypedFields(
            nodes=None if entry.nodes is None else tuple(entry.nodes),
            batch=BatchFields(
                src_path=entry.src_path,
                dest_path=entry.dest_path,
                req_uri=entry.req_uri,
                mapping_type=entry.mapping_type,
                mapping_rule=entry.mapping_rule,
                src_type=entry.src_type,
                options=_options(more) if more else Options(),
            ),
        ),
        raw=echo(entry, raw),
    )


def _options(more: ModelProperties) -> Options:
    threshold = more.error_threshold
    return Options(
        csv_header=more.csv_header,
        csv_delimiter=more.csv_delimiter,
        csv_encoding=more.csv_encoding,
        output_format=more.output_format,
        error_threshold=ThresholdRequest(threshold.count, threshold.share) if threshold else None,
        row_timeout_seconds=more.row_timeout_seconds,
        max_row_bytes=more.max_row_bytes,
    )


def _custom(spec: CustomSpec | None) -> placement.CustomSpec | None:
    if spec is None:
        return None
    return placement.CustomSpec(spec.cpu, spec.memory, spec.gpu_p4, spec.ascend_a310)


def _affinity(affinity: Affinity | None) -> of_nodes.Affinity | None:
    if affinity is None or affinity.node_affinity is None:
        return None
    node = affinity.node_affinity
    infos = tuple((info.pool_name, tuple(n.name for n in info.nodes or ())) for info in node.pool_infos or ())
    return of_nodes.Affinity(node.mode, infos)


def _volumes(more: ModelProperties) -> tuple[VolumeRequest, ...]:
    logs = (
        VolumeRequest(f"log_volume[{i}]", "host_path", v.host_path, v.mount_path, only_in_pool=True)
        for i, v in enumerate(more.log_volume or ())
    )
    kept = (
        VolumeRequest(
            f"persistent_volumes[{i}]",
            "source_address",
            v.source_address,
            v.mount_path,
            v.storage_type,
            host_optional=True,
            read_only=bool(v.read_only),
        )
        for i, v in enumerate(more.persistent_volumes or ())
    )
    return (*logs, *kept)


def service_query(query: ServiceList) -> ServiceQuery:
    return ServiceQuery(
        service_id=query.service_id,
        name=query.service_name,
        model_id=query.model_id,
        workspace_id=query.workspace_id,
        infer_type=query.infer_type,
        status=query.status,
        page=page(query.offset, query.limit, query.sort_by or "publish_at", query.order),
    )


def event_query(query: EventList) -> EventQuery:
    return EventQuery(
        type=query.event_type,
        info=query.event_info,
        start_ms=query.start_time,
        end_ms=query.end_time,
        page=page(query.offset, query.limit, "occur_time", query.order),
    )


def cluster_query(query: ClusterList) -> ClusterQuery:
    return ClusterQuery(
        name=query.cluster_name,
        status=query.status,
        page=page(query.offset, query.limit, query.sort_by or "created_at", query.order),
    )


def page(offset: int | None, limit: int | None, sort_by: str = "", order: str | None = None) -> Page:
    return Page(offset or 0, limit or DEFAULT_LIMIT, sort_by, descending=order != "asc")
