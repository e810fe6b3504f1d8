"""Every field that a caller can send, walked: what becomes of it. A field that is not in the table fails the test,
so none is ever accepted and forgotten (contract §1.5).

HONOURED: something is done with it; the file that does it. LABEL: kept and shown, and its description says so.
REFUSED: a request with it is answered 400 and names it.
"""

import importlib
import pkgutil
from collections.abc import AsyncIterator, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest
from tests.worlds.api import ApiWorld, api_world, entry

from modelyard.api import schemas
from modelyard.api.schemas.wire import Wire
from modelyard.domain.capacity import PoolEntry
from modelyard.domain.identity import SYSTEM, Role, User
from modelyard.domain.service import ServiceStatus

SOURCE = Path(schemas.__file__).parents[2]
MODEL = "m-digits-1.0.0"
SERVICES, MODELS = "/v1/p1/services", "/v1/p1/models"


@dataclass(frozen=True)
class Honoured:
    """By this file below src/modelyard, which speaks of it as `word` (the field's name, if not said)."""

    by: str
    word: str = ""


@dataclass(frozen=True)
class Label:
    """Kept and shown."""


@dataclass(frozen=True)
class Refused:
    """In this body of a PUT (or of a POST of models), naming this field."""

    body: Mapping[str, Any]
    field: str
    path: str = ""


def config(**more: Any) -> dict[str, Any]:
    return {"config": [entry(MODEL, **more)]}


def volumes(name: str, **volume: Any) -> dict[str, Any]:
    return config(additional_properties={name: [volume]})


def properties(**more: Any) -> dict[str, Any]:
    return {"additional_properties": more}


def model(**more: Any) -> dict[str, Any]:
    return {
        **{"model_name": "n", "model_version": "1.0.0", "model_type": "Custom", "source_location": "obs://b/k"},
        **more,
    }


Fate = Honoured | Label | Refused


def by(file: str, *names: str) -> dict[str, Fate]:
    return {name: Honoured(file) for name in names}


PAGE = by("api/convert/requests.py", "offset", "limit", "sort_by", "order")
LINES = by("api/convert/logs.py", "since", "until", "instance", "revision", "words", "reference", "after")
AUDIT = ("user", "action", "resource", "outcome", "logins", "since", "until", "after", "order", "offset", "limit")
SERVICE: dict[str, Fate] = {
    **by("operations/services/change.py", "config", "schedule", "description"),
    "additional_properties": Honoured("core/admission/service.py", "properties"),
    "load_balancer_policy": Honoured("core/rollout/routes.py", "load_balancer"),
    "service_secrets": Honoured("core/admission/service_secrets.py", "asked"),
    "priority": Label(),
}
FATE: dict[str, dict[str, Fate]] = {
    "services.ServiceCreate": {
        **SERVICE,
        **by("operations/services/create.py", "infer_type", "workspace_id"),
        "service_name": Honoured("core/admission/fields.py"),
        **by("core/admission/placement.py", "cluster_id", "pool_name"),
        **by("core/admission/service.py", "vpc_id", "subnet_network_id", "security_group_id"),
    },
    "services.ServiceUpdate": {**SERVICE, "status": Honoured("operations/services/change.py")},
    "services._Settings": {name: fate for name, fate in SERVICE.items() if name != "description"},
    "services.Schedule": by("core/schedule.py", "type", "time_unit", "duration"),
    "services.ServiceProperties": {
        "smn_notification": Honoured("core/notifications.py", "notifications"),
        "log_report_channels": Honoured("operations/services/log_channels.py"),
        **by("core/admission/properties.py", "websocket_upgrade", "traffic_limit", "request_limit", "access_log"),
    },
    "services.LogChannel": {
        "type": Honoured("core/admission/properties.py"),
        "configuration": Honoured("core/settings.py"),
    },
    "services.LtsConfiguration": by("core/settings.py", "log_group_id", "log_stream_id"),
    "services.AccessLog": by("core/admission/properties.py", "mode", "share"),
    "services.TrafficLimit": by("core/admission/properties.py", "num", "unit"),
    "services.RequestLimit": by(
        "core/admission/properties.py", "max_body_bytes", "timeout_seconds", "attempts", "attempt_seconds"
    ),
    "services.Secret": by("api/convert/requests.py", "secretId", "mouthPath"),
    "services.PropertyUpdate": by("api/convert/amendments.py", "changed_property", "configs"),
    "services.PropertyChange": by("api/convert/amendments.py", "model_id", "changed_value"),
    "services.NodeStatus": by("operations/services/change.py", "status"),
    "config.Configured": by("operations/services/change.py", "config"),
    "config.ServiceConfig": {
        **by("core/admission/config.py", "model_id", "weight", "specification", "instance_count", "envs"),
        "secret_envs": Honoured("core/admission/secret_envs.py"),
        "deploy_timeout_in_seconds": Honoured("core/admission/config.py"),
        **by("core/admission/placement.py", "custom_spec", "cluster_id", "pool_name", "affinity"),
        "additional_properties": Honoured("core/admission/config.py"),
        "nodes": Refused(config(nodes=["n"]), "config[0].nodes"),
        **by("core/admission/batch.py", "src_path", "dest_path", "req_uri"),
        **by("core/admission/batch.py", "mapping_type", "mapping_rule", "src_type"),
    },
    "config.CustomSpec": {
        **by("core/admission/placement.py", "cpu", "memory", "gpu_p4", "ascend_a310"),
    },
    "config.ModelProperties": {
        **by("core/admission/config.py", "max_surge", "max_unavailable", "termination_grace_period_seconds"),
        **by("core/admission/volumes.py", "log_volume", "persistent_volumes"),
        **by("core/admission/batch_options.py", "csv_header", "csv_delimiter", "csv_encoding", "output_format"),
        **by("core/admission/batch_options.py", "error_threshold", "row_timeout_seconds", "max_row_bytes"),
    },
    "config.ErrorThreshold": by("core/admission/batch_options.py", "count", "share"),
    "config.LogVolume": by("core/admission/volumes.py", "host_path", "mount_path"),
    "config.PersistentVolume": {
        "name": Label(),
        "mount_path": Refused(
            volumes("persistent_volumes", mount_path="/data"),
            "config[0].additional_properties.persistent_volumes[0]",
        ),
        **by("core/admission/volumes.py", "storage_type", "read_only"),
        "source_address": Refused(
            volumes("persistent_volumes", mount_path="/data", source_address="/srv"),
            "config[0].additional_properties.persistent_volumes[0].source_address",
        ),
    },
    "config.Affinity": by("core/admission/affinity.py", "node_affinity"),
    "config.NodeAffinity": by("core/admission/affinity.py", "mode", "pool_infos"),
    "config.PoolInfo": by("core/admission/affinity.py", "pool_name", "nodes"),
    "config.Node": by("core/admission/affinity.py", "name"),
    "models.ModelCreate": {
        **by("core/admission/fields.py", "model_name", "model_version", "model_type", "workspace_id"),
        **by("operations/models.py", "source_location", "description"),
        "source_copy": Refused(model(source_copy=False), "source_copy", MODELS),
        **by("core/packages/contents.py", "runtime", "dependencies", "health", "apis"),
        **by("core/packages/programs.py", "cmd", "port", "swr_location"),
        "install_type": Honoured("core/admission/config.py"),
        "initial_config": Honoured("artifacts/judgement.py"),
        **dict.fromkeys(("model_algorithm", "input_params", "output_params"), Label()),
        **dict.fromkeys(("model_metrics", "model_docs"), Label()),
        **{
            name: Refused(model(**{name: "x"}), name, MODELS)
            for name in ("execution_code", "source_job_id", "source_job_version", "source_type")
        },
    },
    "secrets.SecretBody": by("operations/secrets.py", "value"),
    "registries.RegistryBody": by("operations/registries.py", "user", "password"),
    "models.ModelList": {
        **{
            "model_name": Honoured("store/sql/queries.py", "name"),
            "exact_match": Honoured("api/convert/models.py"),
        },
        **{"model_version": Honoured("store/sql/queries.py", "version")},
        **{"model_status": Honoured("store/sql/queries.py", "status")},
        **by("store/sql/queries.py", "description", "workspace_id"),
        **{"model_type": Honoured("store/sql/queries.py", "type")},
        **{"not_model_type": Honoured("store/sql/queries.py", "not_type")},
        **PAGE,
    },
    "models.ModelDelete": {
        "cascade": Honoured("operations/models.py"),
        "dry_run": Honoured("api/schemas/models.py"),
    },
    "queries.ServiceList": {
        **by("store/sql/queries.py", "service_id", "model_id", "workspace_id", "infer_type", "status"),
        "service_name": Honoured("store/sql/queries.py", "name"),
        "tags": Honoured("api/routes/services.py"),
        **PAGE,
    },
    "queries.EventList": {
        **{
            "event_type": Honoured("store/sql/queries.py", "type"),
            "event_info": Honoured("store/sql/queries.py", "info"),
        },
        **{"start_time": Honoured("store/sql/queries.py", "start_ms")},
        **{"end_time": Honoured("store/sql/queries.py", "end_ms")},
        **{**PAGE, "sort_by": Honoured("api/schemas/queries.py")},
    },
    "queries.UpdateRecordList": by("api/routes/services.py", "update_time"),
    "queries.MonitorQuery": by("api/routes/services.py", "node_id"),
    "queries.SpecificationList": {
        "is_personal_cluster": Honoured("api/routes/services.py"),
        "infer_type": Honoured("api/schemas/queries.py"),
        **by("api/routes/services.py", "offset", "limit"),
    },
    "queries.ClusterList": {
        **{"cluster_name": Honoured("operations/catalog.py", "name"), "status": Honoured("operations/catalog.py")},
        **{**PAGE, "sort_by": Honoured("operations/catalog.py")},
    },
    "queries.RuntimeList": by("api/routes/models.py", "offset", "limit"),
    "queries.TaskList": by("api/routes/tasks.py", "offset", "limit"),
    "queries.FailedRowList": by("api/routes/tasks.py", "offset", "limit"),
    "queries.RevisionList": by("api/routes/revisions.py", "offset", "limit"),
    "logs._Lines": LINES,
    "log_streams.LogGroupCreate": by("api/routes/log_streams.py", "log_group_name", "ttl_in_days"),
    "log_streams.LogGroupUpdate": by("api/routes/log_streams.py", "ttl_in_days"),
    "log_streams.LogStreamCreate": by("api/routes/log_streams.py", "log_stream_name", "ttl_in_days"),
    "log_streams.LogStreamList": by("api/routes/log_streams.py", "log_group_name", "log_stream_name"),
    "log_streams.LogContentQuery": {
        **by("api/routes/log_streams.py", "start_time", "end_time", "labels", "keywords", "line_num", "is_desc"),
        **by("api/routes/log_streams.py", "search_type", "limit", "is_count", "highlight"),
        **by("api/schemas/log_streams.py", "query", "scroll_id"),
    },
    "logs.LogWatch": {**LINES, "limit": Honoured("api/routes/logs.py")},
    "logs.LogLineList": {
        **{**LINES, "before": Honoured("api/convert/logs.py"), "order": Honoured("api/convert/logs.py")},
        "limit": Honoured("api/convert/logs.py"),
    },
    "queries.Change": by("operations/services/preconditions.py", "dry_run"),
    "queries.Removal": by("api/schemas/queries.py", "dry_run"),
    "apps.AppCreate": by("operations/apps.py", "name", "description"),
    "apps.AppBinding": by("api/routes/apps.py", "apps"),
    "apps.BoundApp": by("operations/apps.py", "app_id"),
    "apps.AppList": by("api/routes/apps.py", "name"),
    "capacity.QuotasBody": by("operations/capacity.py", "quotas"),
    "capacity.FlavorBody": {
        **by("operations/capacity.py", "name", "cpu", "memory_mib", "category", "accelerators", "open"),
        **by("core/size.py", "pids", "open_files"),
        **by("api/routes/capacity.py", "open_projects", "close_projects"),
        "display": Label(),
    },
    "capacity.PoolBody": {
        **by("operations/capacity.py", "project_id", "name", "status"),
        **by("core/pools.py", "nodes", "cpu", "memory_mib", "accelerators", "engine", "endpoint"),
        **{"description": Label(), "specification": Label()},
    },
    "capacity.PoolList": by("api/routes/capacity.py", "project_id"),
    "capacity.BucketBody": by(
        "api/routes/capacity.py", "project_id", "endpoint", "access_key", "secret_key", "region"
    ),
    "identity.LoginBody": by("api/keystone.py", "auth"),
    "identity.Auth": by("api/keystone.py", "identity", "scope"),
    "identity.Methods": {
        **by("api/keystone.py", "methods", "password", "token"),
        **by("api/schemas/identity.py", "totp", "application_credential", "hw_ak_sk"),
    },
    "identity.Password": by("api/keystone.py", "user"),
    "identity.User": by("api/keystone.py", "id", "name", "domain", "password"),
    "identity.Named": by("api/keystone.py", "id", "name"),
    "identity.InDomain": by("api/keystone.py", "id", "name", "domain"),
    "identity.ScopeOf": by("api/keystone.py", "project", "domain", "unscoped"),
    "identity.Change": by("api/routes/identity.py", "nocatalog"),
    "identity.List": by("api/routes/accounts.py", "name", "enabled", "domain_id"),
    "identity.UserBody": by("api/routes/accounts.py", "user"),
    "identity.NewUser": by("api/routes/accounts.py", "name", "password", "enabled", "domain_id"),
    "identity.PasswordBody": by("api/routes/accounts.py", "user"),
    "identity.Passwords": by("api/routes/accounts.py", "original_password", "password"),
    "identity.ProjectBody": by("api/routes/accounts.py", "project"),
    "identity.NewProject": by("api/routes/accounts.py", "name", "enabled", "domain_id"),
    "identity.CredentialBody": by("api/routes/accounts.py", "credential"),
    "identity.NewCredential": by("api/routes/accounts.py", "user_id", "project_id"),
    "identity.CredentialList": by("api/routes/accounts.py", "user_id"),
    "objects.ObjectList": by("api/routes/objects.py", "prefix", "delimiter", "after", "limit"),
    "objects.ObjectQuery": by("api/routes/objects.py", "upload"),
    "objects.PartQuery": by("api/routes/objects.py", "upload", "offset"),
    "objects.ObjectAction": by("api/routes/objects.py", "action", "upload"),
    "notifications.TopicCreate": by("core/topics.py", "name", "display_name"),
    "notifications.TopicUpdate": by("core/topics.py", "display_name"),
    "notifications.SubscriptionCreate": {
        **by("operations/subscriptions.py", "protocol", "endpoint", "remark", "format"),
        **by("api/schemas/notifications.py", "subscriptions", "extension"),
    },
    "notifications.SubscriptionUpdate": by("operations/subscriptions.py", "remark"),
    "notifications.Publish": {
        **by("api/routes/topics.py", "subject", "message", "message_structure", "time_to_live"),
        **by("api/schemas/notifications.py", "message_template_name", "tags", "message_attributes", "locale"),
    },
    "notifications.TopicList": by("api/routes/topics.py", "name", "offset", "limit"),
    "notifications.SubscriptionList": by("api/routes/subscriptions.py", "offset", "limit"),
    "notifications.ConfirmQuery": by("api/routes/subscriber.py", "topic_urn", "token"),
    "notifications.UnsubscribeQuery": by("api/routes/subscriber.py", "subscription_urn", "token"),
    "notifications.DeliveryList": {
        **by("api/convert/notifications.py", "topic_urn", "subscription_urn", "service_id", "message_id"),
        **by("api/routes/deliveries.py", "state", "offset", "limit"),
    },
    "notifications.Redeliver": by(
        "api/convert/notifications.py", "topic_urn", "subscription_urn", "service_id", "message_id"
    ),
    "objects.ObjectActionBody": by("api/routes/objects.py", "size", "digest", "create", "method", "expires_s"),
    "queries.CleanQuery": by("api/routes/top.py", "dry_run"),
    **{
        f"audit.{name}": by("api/routes/audit.py", *AUDIT, *more)
        for name, more in {"AuditList": (), "InstallationAuditList": ("project_id",)}.items()
    },
}


def everything(root: type[Wire]) -> Iterator[type[Wire]]:
    for one in root.__subclasses__():
        yield one
        yield from everything(one)


def wires() -> dict[str, type[Wire]]:
    for module in pkgutil.iter_modules(schemas.__path__):
        importlib.import_module(f"{schemas.__name__}.{module.name}")
    found = {f"{one.__module__.rpartition('.')[2]}.{one.__name__}": one for one in everything(Wire)}
    return {name: one for name, one in found.items() if one.__module__.startswith(f"{schemas.__name__}.")}


def test_every_field_has_its_fate() -> None:
    there = {name: {*one.model_fields, *one.later} for name, one in wires().items()}
    assert there == {name: set(fields) for name, fields in FATE.items()}


ROWS = [(holder, name, fate) for holder, fields in FATE.items() for name, fate in fields.items()]


@pytest.mark.parametrize(
    ("holder", "name", "fate"), [r for r in ROWS if not isinstance(r[2], Refused)], ids=lambda v: str(v)[:40]
)
def test_who_honours_it_and_what_is_only_kept(holder: str, name: str, fate: Honoured | Label) -> None:
    if isinstance(fate, Label):
        assert "label" in (wires()[holder].model_fields[name].description or ""), "its description does not say so"
    else:
        assert (fate.word or name) in (SOURCE / fate.by).read_text()


@pytest.fixture
async def world() -> AsyncIterator[ApiWorld]:
    async with api_world() as made:
        await made.model()
        async with made.store.write() as w:
            await w.save_pool(PoolEntry("pool-1", "p1", "lab", "running", 1))
        yield made


async def test_what_is_refused_is_named_and_nothing_changes(world: ApiWorld) -> None:
    service_id = await world.service()
    before = await world.stored(service_id)
    refused = [(holder, name, fate) for holder, name, fate in ROWS if isinstance(fate, Refused)]
    assert refused
    for holder, name, fate in refused:
        method, path = ("POST", fate.path) if fate.path else ("PUT", f"{SERVICES}/{service_id}")
        answer = await world.call(method, path, dict(fate.body))
        assert answer.status_code == 400, (holder, name, answer.text)
        assert fate.field in [d["field"] for d in answer.json()["details"]], (holder, name, answer.text)
        assert await world.stored(service_id) == before


async def test_a_node_is_no_part_of_another_service(world: ApiWorld) -> None:
    service_id = await world.service()
    answer = await world.call("GET", f"{SERVICES}/{service_id}/monitor?node_id=n")
    assert [d["field"] for d in answer.json()["details"]] == ["node_id"]


async def test_lists_of_people_and_projects_are_narrowed_as_asked(world: ApiWorld) -> None:
    async with world.store.write() as w:
        await w.grant("u-admin", SYSTEM, Role.ADMIN)
        await w.save_user(User("u-gone", "gone", "d1", "x", enabled=False))
        await w.save_user(User("u-other", "other", "d2", "x"))

    async def names(query: str) -> set[str]:
        return {one["name"] for one in (await world.call("GET", f"/v3/users?{query}")).json()["users"]}

    assert await names("enabled=False") == await names("enabled=0") == {"gone"}
    assert await names("domain_id=d2") == {"other"}
    assert {"gone", "other"} <= await names("")
    projects = await world.call("GET", "/v3/projects?enabled=false")
    assert projects.json()["projects"] == []


async def test_the_optional_fields_of_a_model_are_bounded(world: ApiWorld) -> None:
    large = [{"name": "x" * 1000}] * 300
    answer = await world.call("POST", MODELS, model(input_params=large))
    assert (answer.status_code, "at most 262144 are kept" in answer.text) == (400, True)


async def test_a_websocket_needs_inference_code_somewhere_in_the_config(world: ApiWorld) -> None:
    context = replace(world.deps.context, scripted=lambda digest: digest == "s" * 64)
    world.app.state.deps = replace(world.deps, context=context)
    plain, script = entry(MODEL), entry(await world.model(name="script", digest="s" * 64))
    on = properties(websocket_upgrade=True)
    new = {"service_name": "n", "infer_type": "real-time", **on}
    refused = await world.call("POST", SERVICES, {**new, "config": [plain]})
    assert [d["field"] for d in refused.json()["details"]] == ["additional_properties.websocket_upgrade"]
    both = [{**plain, "weight": 50}, {**script, "weight": 50}]
    assert (await world.call("POST", SERVICES, {**new, "config": both})).status_code == 200
    service_id = await world.service()
    path = f"{SERVICES}/{service_id}"
    assert (await world.call("PUT", path, on)).status_code == 400
    assert (await world.call("PUT", path, {**on, "config": [script]})).status_code == 200
    await world.brought(service_id, ServiceStatus.RUNNING)
    back = await world.call("PUT", path, {"config": [plain]})
    assert [d["field"] for d in back.json()["details"]] == ["config"]
    assert (await world.call("PUT", path, properties(websocket_upgrade=False))).status_code == 400
