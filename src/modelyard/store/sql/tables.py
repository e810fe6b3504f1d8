"""Every table. Rows mirror domain values; what is only ever read whole is one JSON column, what is filtered or
sorted by is a column of its own with an index.

Times are milliseconds since 1970 UTC. Children of a service go with it (ON DELETE CASCADE). Foreign keys are
checked at commit, so that a transaction may write in any order. Projects are disabled, never deleted, therefore
rows name them without a foreign key.
"""

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Float,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
    Text,
    UniqueConstraint,
    text,
)
from sqlalchemy.types import JSON

metadata = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s",
        "pk": "pk_%(table_name)s",
    }
)

_serial = Integer().with_variant(BigInteger(), "postgresql")


def _child_of(parent: str, key: str = "id") -> ForeignKey:
    return ForeignKey(f"{parent}.{key}", ondelete="CASCADE", deferrable=True, initially="DEFERRED")


# ── identity ──────────────────────────────────────────────────────────────────────────────────────────────────

projects = Table(
    "projects",
    metadata,
    Column("id", String, primary_key=True),
    Column("name", String, nullable=False),
    Column("domain_id", String, nullable=False),
    Column("domain_name", String, nullable=False),
    Column("enabled", Boolean, nullable=False),
    UniqueConstraint("domain_id", "name"),
)

users = Table(
    "users",
    metadata,
    Column("id", String, primary_key=True),
    Column("name", String, nullable=False),
    Column("domain_id", String, nullable=False),
    Column("password_hash", String, nullable=False),
    Column("enabled", Boolean, nullable=False),
    UniqueConstraint("domain_id", "name"),
)

grants = Table(
    "grants",
    metadata,
    Column("user_id", String, _child_of("users"), primary_key=True),
    Column("project_id", String, primary_key=True),
    Column("role", String, primary_key=True),
    Index(None, "project_id"),
)

access_keys = Table(
    "access_keys",
    metadata,
    Column("access_key", String, primary_key=True),
    Column("user_id", String, _child_of("users"), nullable=False, index=True),
    Column("project_id", String, nullable=False),
    Column("sealed_secret", LargeBinary, nullable=False),
)

revocations = Table(
    "revocations",
    metadata,
    Column("user_id", String, primary_key=True),
    Column("before_ms", BigInteger, nullable=False),
)

# ── models ────────────────────────────────────────────────────────────────────────────────────────────────────

models = Table(
    "models",
    metadata,
    Column("id", String, primary_key=True),
    Column("project_id", String, nullable=False),
    Column("name", String, nullable=False),
    Column("version", String, nullable=False),
    Column("type", String, nullable=False),
    Column("source_location", Text, nullable=False),
    Column("owner", String, nullable=False),
    Column("created_ms", BigInteger, nullable=False),
    Column("status", String, nullable=False),
    Column("digest", String, nullable=False),
    Column("size_bytes", BigInteger, nullable=False),
    Column("install_types", JSON, nullable=False),
    Column("attributes", JSON, nullable=False),
    Column("config", JSON, nullable=False),
    Column("error", Text, nullable=False),
    Column("workspace_id", String, nullable=False),
    Column("description", Text, nullable=False),
    UniqueConstraint("project_id", "name", "version"),
    Index(None, "project_id", "created_ms"),
    Index(None, "status"),
)

# ── services ──────────────────────────────────────────────────────────────────────────────────────────────────

services = Table(
    "services",
    metadata,
    Column("id", String, primary_key=True),
    Column("project_id", String, nullable=False),
    Column("name", String, nullable=False),
    Column("infer_type", String, nullable=False),
    Column("owner", String, nullable=False),
    Column("created_ms", BigInteger, nullable=False),
    Column("desired", String, nullable=False),
    Column("revision", Integer, nullable=False),
    Column("stable", Integer),
    Column("failed", Boolean, nullable=False),
    Column("description", Text, nullable=False),
    Column("workspace_id", String, nullable=False),
    Column("status", String, nullable=False),
    Column("error", Text, nullable=False),
    Column("updated_ms", BigInteger, nullable=False),
    Column("transition_ms", BigInteger, nullable=False),
    Column("request_timeout_s", Float, nullable=False),
    Column("max_body_bytes", BigInteger, nullable=False),
    Column("version", BigInteger, nullable=False),
    Column("attributes", JSON, nullable=False),
    Column("due_ms", BigInteger),
    UniqueConstraint("project_id", "name"),
    Index(None, "project_id", "created_ms"),
    Index(None, "project_id", "transition_ms"),
    Index(None, "due_ms"),
)

revisions = Table(
    "revisions",
    metadata,
    Column("service_id", String, _child_of("services"), primary_key=True),
    Column("number", Integer, primary_key=True),
    Column("created_ms", BigInteger, nullable=False),
    Column("variants", JSON, nullable=False),
)

revision_models = Table(
    "revision_models",
    metadata,
    Column("service_id", String, _child_of("services"), primary_key=True),
    Column("number", Integer, primary_key=True),
    Column("model_id", String, primary_key=True),
    Index(None, "model_id"),
)

rollouts = Table(
    "rollouts",
    metadata,
    Column("id", String, primary_key=True),
    Column("service_id", String, _child_of("services"), nullable=False),
    Column("seq", Integer, nullable=False),
    Column("kind", String, nullable=False),
    Column("target", Integer, nullable=False),
    Column("base", Integer),
    Column("started_ms", BigInteger, nullable=False),
    Column("state", String, nullable=False),
    Column("switched", Boolean, nullable=False),
    Column("cause", Text, nullable=False),
    Column("ended_ms", BigInteger),
    UniqueConstraint("service_id", "seq"),
)

_ACTIVE = text("state IN ('running', 'rolling_back')")
Index(
    "uq_rollouts_active",
    rollouts.c.service_id,
    unique=True,
    sqlite_where=_ACTIVE,
    postgresql_where=_ACTIVE,
)
"""Only one rollout of a service is active at a time, whoever writes."""

instances = Table(
    "instances",
    metadata,
    Column("id", String, primary_key=True),
    Column("service_id", String, _child_of("services"), nullable=False, index=True),
    Column("track", Integer, nullable=False),
    Column("revision", Integer, nullable=False),
    Column("template", String, nullable=False),
    Column("phase", String, nullable=False),
    Column("started_ms", BigInteger, nullable=False),
    Column("phase_ms", BigInteger, nullable=False),
    Column("ready_ms", BigInteger),
    Column("exit", Text, nullable=False),
    Column("node", String, nullable=False, server_default=""),
    Column("address", String, nullable=False, server_default=""),
)

events = Table(
    "events",
    metadata,
    Column("id", _serial, primary_key=True, autoincrement=True),
    Column("service_id", String, _child_of("services"), nullable=False),
    Column("type", String, nullable=False),
    Column("info", Text, nullable=False),
    Column("occur_ms", BigInteger, nullable=False),
    Index(None, "service_id", "occur_ms"),
    Index(None, "service_id", "id"),
)

counters = Table(
    "counters",
    metadata,
    Column("service_id", String, _child_of("services"), primary_key=True),
    Column("total", BigInteger, nullable=False),
    Column("failed", BigInteger, nullable=False),
    Column("epoch", String, nullable=False),
    Column("raw_total", BigInteger, nullable=False),
    Column("raw_failed", BigInteger, nullable=False),
)

# ── applications and their codes ──────────────────────────────────────────────────────────────────────────────

apps = Table(
    "apps",
    metadata,
    Column("id", String, primary_key=True),
    Column("project_id", String, nullable=False),
    Column("name", String, nullable=False),
    Column("description", Text, nullable=False),
    Column("owner", String, nullable=False),
    Column("created_ms", BigInteger, nullable=False),
    UniqueConstraint("project_id", "name"),
)

app_codes = Table(
    "app_codes",
    metadata,
    Column("digest", String, primary_key=True),
    Column("app_id", String, _child_of("apps"), nullable=False, index=True),
    Column("sealed_code", LargeBinary, nullable=False),
    Column("created_ms", BigInteger, nullable=False),
)

app_bindings = Table(
    "app_bindings",
    metadata,
    Column("app_id", String, _child_of("apps"), primary_key=True),
    Column("service_id", String, _child_of("services"), primary_key=True),
    Index(None, "service_id"),
)

# ── what the administrator sets ───────────────────────────────────────────────────────────────────────────────

quotas = Table(
    "quotas",
    metadata,
    Column("project_id", String, primary_key=True),
    Column("name", String, primary_key=True),
    Column("value", BigInteger, nullable=False),
)

flavors = Table(
    "flavors",
    metadata,
    Column("id", String, primary_key=True),
    Column("open", Boolean, nullable=False),
    Column("attributes", JSON, nullable=False),
)

flavor_projects = Table(
    "flavor_projects",
    metadata,
    Column("flavor_id", String, _child_of("flavors"), primary_key=True),
    Column("project_id", String, primary_key=True),
)

pools = Table(
    "pools",
    metadata,
    Column("id", String, primary_key=True),
    Column("project_id", String, nullable=False),
    Column("name", String, nullable=False),
    Column("status", String, nullable=False),
    Column("created_ms", BigInteger, nullable=False),
    Column("attributes", JSON, nullable=False),
    UniqueConstraint("project_id", "name"),
)

buckets = Table(
    "buckets",
    metadata,
    Column("name", String, primary_key=True),
    Column("project_id", String, nullable=False, index=True),
)

bucket_endpoints = Table(
    "bucket_endpoints",
    metadata,
    Column("name", String, primary_key=True),
    Column("url", String, nullable=False),
    Column("region", String, nullable=False),
    Column("sealed_keys", LargeBinary, nullable=False),
)

idempotency = Table(
    "idempotency",
    metadata,
    Column("project_id", String, primary_key=True),
    Column("key", String, primary_key=True),
    Column("digest", String, nullable=False),
    Column("status", Integer, nullable=False),
    Column("answer", Text, nullable=False),
    Column("expires_ms", BigInteger, nullable=False, index=True),
)

# ── the ledger of batch services ──────────────────────────────────────────────────────────────────────────────

batch_tasks = Table(
    "batch_tasks",
    metadata,
    Column("id", String, primary_key=True),
    Column("service_id", String, _child_of("services"), nullable=False),
    Column("number", Integer, nullable=False),
    Column("revision", Integer, nullable=False),
    Column("rollout", String, nullable=False),
    Column("created_ms", BigInteger, nullable=False),
    Column("state", String, nullable=False),
    Column("started_ms", BigInteger),
    Column("finished_ms", BigInteger),
    Column("planned", Boolean, nullable=False),
    Column("cursor", Text, nullable=False),
    Column("error", Text, nullable=False),
    Column("waiting", Text, nullable=False),
    Column("retries", Integer, nullable=False),
    *(
        Column(name, BigInteger, nullable=False)
        for name in (
            "sources",
            "sources_failed",
            "bytes",
            "splits",
            "splits_done",
            "rows",
            "rows_done",
            "rows_failed",
        )
    ),
    UniqueConstraint("service_id", "number"),
)

batch_sources = Table(
    "batch_sources",
    metadata,
    Column("task_id", String, _child_of("batch_tasks"), primary_key=True),
    Column("number", Integer, primary_key=True, autoincrement=False),
    Column("location", Text, nullable=False),
    Column("sealed_location", LargeBinary),
    Column("bucket", String, nullable=False),
    Column("key", Text, nullable=False),
    Column("size", BigInteger, nullable=False),
    Column("version", String, nullable=False),
    Column("result", Text, nullable=False),
    Column("error", Text, nullable=False),
    Column("result_version", String, nullable=False),
    Index(None, "task_id", "result"),
)

batch_splits = Table(
    "batch_splits",
    metadata,
    Column("task_id", String, _child_of("batch_tasks"), primary_key=True),
    Column("source", Integer, primary_key=True, autoincrement=False),
    Column("start", BigInteger, primary_key=True, autoincrement=False),
    Column("end", BigInteger, nullable=False),
    Column("first_row", BigInteger, nullable=False),
    Column("rows", BigInteger, nullable=False),
    Column("state", String, nullable=False),
    Column("attempt", Integer, nullable=False),
    Column("deaths", Integer, nullable=False),
    Column("worker", String, nullable=False),
    Column("failed", BigInteger, nullable=False),
    Column("part", Text, nullable=False),
    Column("part_bytes", BigInteger, nullable=False),
    Column("part_size", BigInteger, nullable=False),
    Column("retry", Boolean, nullable=False),
    Column("content", LargeBinary),
    Index(None, "task_id", "state", "source", "start"),
)

# ── logs: names under which they are read, and how far they were exported ─────────────────────────────────────

log_groups = Table(
    "log_groups",
    metadata,
    Column("id", String, primary_key=True),
    Column("project_id", String, nullable=False),
    Column("name", String, nullable=False),
    Column("ttl_days", Integer, nullable=False),
    Column("created_ms", BigInteger, nullable=False),
    UniqueConstraint("project_id", "name"),
)

log_streams = Table(
    "log_streams",
    metadata,
    Column("id", String, primary_key=True),
    Column("group_id", String, _child_of("log_groups"), nullable=False),
    Column("project_id", String, nullable=False, index=True),
    Column("name", String, nullable=False),
    Column("ttl_days", Integer),
    Column("created_ms", BigInteger, nullable=False),
    UniqueConstraint("group_id", "name"),
)

log_channels = Table(
    "log_channels",
    metadata,
    Column("stream_id", String, _child_of("log_streams"), primary_key=True),
    Column("service_id", String, primary_key=True, index=True),
    Column("service_name", String, nullable=False),
    Column("project_id", String, nullable=False),
    Column("since_ms", BigInteger, nullable=False),
)
"""A channel outlives its service, as the service's lines do."""

log_exports = Table(
    "log_exports",
    metadata,
    Column("target", String, primary_key=True),
    Column("service_id", String, primary_key=True),
    Column("number", BigInteger, nullable=False),
)

# ── notifications ─────────────────────────────────────────────────────────────────────────────────────────────

topics = Table(
    "topics",
    metadata,
    Column("urn", String, primary_key=True),
    Column("project_id", String, nullable=False),
    Column("name", String, nullable=False),
    Column("display_name", Text, nullable=False),
    Column("created_ms", BigInteger, nullable=False),
    Column("updated_ms", BigInteger, nullable=False),
    UniqueConstraint("project_id", "name"),
)

subscriptions = Table(
    "subscriptions",
    metadata,
    Column("urn", String, primary_key=True),
    Column("topic_urn", String, _child_of("topics", "urn"), nullable=False),
    Column("project_id", String, nullable=False),
    Column("protocol", String, nullable=False),
    Column("status", Integer, nullable=False),
    Column("remark", Text, nullable=False),
    Column("format", String, nullable=False),
    Column("sealed", LargeBinary, nullable=False),
    Column("token", String, nullable=False, index=True),
    Column("confirm_until_ms", BigInteger, nullable=False),
    Column("created_ms", BigInteger, nullable=False),
    Index(None, "topic_urn", "created_ms"),
    Index(None, "project_id", "created_ms"),
)

messages = Table(
    "messages",
    metadata,
    Column("number", _serial, primary_key=True, autoincrement=True),
    Column("id", String, nullable=False),
    Column("project_id", String, nullable=False),
    Column("topic_urn", String, _child_of("topics", "urn"), nullable=False, index=True),
    Column("service_id", String, nullable=False),
    Column("occurrence", Integer),
    Column("type", String, nullable=False),
    Column("subject", Text, nullable=False),
    Column("text", Text, nullable=False),
    Column("texts", JSON, nullable=False),
    Column("facts", JSON, nullable=False),
    Column("created_ms", BigInteger, nullable=False, index=True),
    Column("expires_ms", BigInteger),
    UniqueConstraint("id"),
)

deliveries = Table(
    "deliveries",
    metadata,
    Column("subscription_urn", String, _child_of("subscriptions", "urn"), primary_key=True),
    Column("number", BigInteger, _child_of("messages", "number"), primary_key=True, autoincrement=False),
    Column("service_id", String, nullable=False),
    Column("state", String, nullable=False),
    Column("attempts", Integer, nullable=False),
    Column("since_ms", BigInteger, nullable=False),
    Column("due_ms", BigInteger, nullable=False),
    Column("error", Text, nullable=False),
    Column("ended_ms", BigInteger),
    Index(None, "number"),
    Index(None, "state", "subscription_urn", "service_id", "number"),
)
