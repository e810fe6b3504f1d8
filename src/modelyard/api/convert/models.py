"""Models: wire → use case, and back."""

import json
from collections.abc import Sequence

from modelyard.api.convert.echo import Json, echo, set_only
from modelyard.api.convert.requests import page
from modelyard.api.schemas.models import ModelCreate, ModelList
from modelyard.api.schemas.wire import Parsed
from modelyard.core.admission.fields import DEFAULT_WORKSPACE
from modelyard.domain.model import Model, ModelStatus
from modelyard.operations.models import Deleted, ModelRequest
from modelyard.store.models import ModelQuery


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
        source_copy=body.source_copy,
        attributes={name: value for name, value in echo(body, parsed.raw).items() if name not in apart},
        violations=parsed.violations,
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
        page=page(query.offset, query.limit, query.sort_by or "create_at", query.order),
    )


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
            error_msg=value.error or None if value.status is ModelStatus.FAILED else None,
            notice=value.error or None if value.status is not ModelStatus.FAILED else None,
            specification=_least(value),
            tunable=False,
            market_flag=False,
            publishable_flag=False,
        ),
    }


def _least(value: Model) -> Json:
    """The least that the model says it needs; 0 where it says nothing."""
    said = value.config.get("specification")
    least = said if isinstance(said, dict) else {}
    return {name: least.get(name, 0) for name in ("min_cpu", "min_gpu", "min_memory")}


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
