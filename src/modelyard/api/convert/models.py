"""Models: wire → use case, and back."""

import json
from collections.abc import Mapping, Sequence
from typing import Any

from modelyard.api.convert.echo import echo
from modelyard.api.convert.requests import page
from modelyard.api.schemas import answers
from modelyard.api.schemas.answer import Json, said
from modelyard.api.schemas.models import ModelCreate, ModelList
from modelyard.api.schemas.wire import Parsed
from modelyard.core.admission.fields import DEFAULT_WORKSPACE
from modelyard.domain.model import Model, ModelStatus
from modelyard.operations.models import Deleted, ModelRequest
from modelyard.store.models import ModelQuery

FROM_PACKAGE = ("runtime", "model_algorithm", "dependencies", "health", "cmd", "swr_location", "port")
"""Fields of a model that its package says where the request did not."""


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
    sent: Mapping[str, Any] = value.attributes
    package: Mapping[str, Any] = value.config
    apis = sent.get("apis") or package.get("apis")
    metrics = sent.get("model_metrics") or package.get("metrics")
    failed = value.status is ModelStatus.FAILED
    facts = answers.ModelFacts(
        model_id=value.id,
        model_name=value.name,
        model_version=value.version,
        model_type=value.type,
        model_status=value.status,
        model_size=value.size_bytes,
        model_source="custom",
        source_location=value.source_location,
        description=sent.get("description", ""),
        workspace_id=sent.get("workspace_id", DEFAULT_WORKSPACE),
        tenant=value.project_id,
        project=value.project_id,
        owner=value.owner,
        create_at=value.created_ms,
        install_type=sent.get("install_type") or sorted(value.install_types),
        config=json.dumps(package) if package else None,
        apis=json.dumps(apis) if apis else None,
        model_metrics=metrics if isinstance(metrics, str) else json.dumps(metrics) if metrics else None,
        error_msg=value.error or None if failed else None,
        notice=value.error or None if not failed else None,
        specification=_least(package.get("specification")),
        tunable=False,
        market_flag=False,
        publishable_flag=False,
    )
    missing = {name: package[name] for name in FROM_PACKAGE if package.get(name) is not None}
    as_sent = {name: value for name, value in sent.items() if name not in {"apis", "model_metrics"}}
    return {**missing, **as_sent, **said(facts)}


def _least(wanted: object) -> dict[str, int | float]:
    """The least that the model says it needs; 0 where it says nothing."""
    least = wanted if isinstance(wanted, dict) else {}
    needs = {name: least.get(name) for name in ("min_cpu", "min_gpu", "min_memory")}
    return {name: need if isinstance(need, int | float) else 0 for name, need in needs.items()}


def models(total: int, page: Sequence[Model]) -> answers.ModelPage:
    return answers.ModelPage(total_count=total, count=len(page), models=[model(one) for one in page])


def deleted_models(value: Deleted) -> answers.DeletedModels:
    return answers.DeletedModels(
        delete_success_list=list(value.deleted),
        delete_failed_list=[
            answers.NotDeleted(model_id=one.model_id, error_code=f"ModelArts.{one.code}", error_msg=one.text)
            for one in value.refused
        ],
    )
