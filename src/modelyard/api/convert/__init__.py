"""Between the wire and the domain: the only place where they meet. Pure.

Numbers are numbers, and what a caller sent is given back in the order in which it was sent (contract §1).
"""

from modelyard.api.convert.amendments import patched, resized
from modelyard.api.convert.catalog import monitor, runtimes, specifications
from modelyard.api.convert.models import deleted_models, model, model_query, model_request, models
from modelyard.api.convert.plans import plan, revision, revisions
from modelyard.api.convert.pools import cluster_detail, clusters, pools
from modelyard.api.convert.requests import (
    cluster_query,
    event_query,
    page,
    rollback_request,
    service_query,
    service_request,
    update_request,
)
from modelyard.api.convert.services import (
    created,
    events,
    service_detail,
    service_summary,
    services,
    update_records,
    updated,
)
from modelyard.api.convert.tasks import failed_rows, task, tasks

__all__ = [
    "cluster_detail",
    "cluster_query",
    "clusters",
    "created",
    "deleted_models",
    "event_query",
    "events",
    "failed_rows",
    "model",
    "model_query",
    "model_request",
    "models",
    "monitor",
    "page",
    "patched",
    "plan",
    "pools",
    "resized",
    "revision",
    "revisions",
    "rollback_request",
    "runtimes",
    "service_detail",
    "service_query",
    "service_request",
    "service_summary",
    "services",
    "specifications",
    "task",
    "tasks",
    "update_records",
    "update_request",
    "updated",
]
