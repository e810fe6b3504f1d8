"""The tables; those of batch services, logs, notifications and the audit are in files of their own.

Rows mirror domain values; what is only ever read whole is one JSON column, what is filtered or sorted by is a
column of its own with an index.

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

serial = Integer().with_variant(BigInteger(), "postgresql")


def child_of(parent: str, key: str = "id") -> ForeignKey:
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
    Column("user_id", String, child_of("users"), primary_key=True),
    Column("project_id", String, primary_key=True),
    Column("role", String, primary_key=True),
    Index(None, "project_id"),
)

access_keys = Table(
    "access_keys",
    metadata,
    Column("access_key", String, primary_key=True),
    Column("user_id", String, child_of("users"), nullable=False, index=True),
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
    Column("service_id", String, child_of("services"), primary_key=True),
    Column("number", Integer, primary_key=True),
    Column("created_ms", BigInteger, nullable=False),
    Column("variants", JSON, nullable=False),
)

revision_models = Table(
    "revision_models",
    metadata,
    Column("service_id", String, child_of("services"), primary_key=True),
    Column("number", Integer, primary_key=True),
    Column("model_id", String, primary_key=True),
    Index(None, "model_id"),
)

rollouts = Table(
    "rollouts",
    metadata,
    Column("id", String, primary_key=True),
    Column("service_id", String, child_of("services"), nullable=False),
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
    Column("service_id", String, child_of("services"), nullable=False, index=True),
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
    Column("devices", JSON(none_as_null=True)),
)

events = Table(
    "events",
    metadata,
    Column("id", serial, primary_key=True, autoincrement=True),
    Column("service_id", String, child_of("services"), nullable=False),
    Column("type", String, nullable=False),
    Column("info", Text, nullable=False),
    Column("occur_ms", BigInteger, nullable=False),
    Index(None, "service_id", "occur_ms"),
    Index(None, "service_id", "id"),
)

counters = Table(
    "counters",
    metadata,
    Column("service_id", String, child_of("services"), primary_key=True),
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
    Column("app_id", String, child_of("apps"), nullable=False, index=True),
    Column("sealed_code", LargeBinary, nullable=False),
    Column("created_ms", BigInteger, nullable=False),
)

app_bindings = Table(
    "app_bindings",
    metadata,
    Column("app_id", String, child_of("apps"), primary_key=True),
    Column("service_id", String, child_of("services"), primary_key=True),
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
    Column("flavor_id", String, child_of("flavors"), primary_key=True),
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
