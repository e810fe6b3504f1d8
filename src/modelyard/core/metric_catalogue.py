"""Every metric that Modelyard tells, with its type, labels and meaning: docs/reference/metrics.md is made from
this list, the page takes help and types from it, and a sample that is not of a family here cannot be told.

Names are for ever: who watches has written them down. Units are Prometheus' base units, in the name (`_seconds`,
`_bytes`); a counter ends in `_total`. Labels are bounded: projects, services, models, instances, and words of
ours; never a path, a reference, an address, or a text that a caller sent.
"""

from dataclasses import dataclass
from enum import StrEnum


class Of(StrEnum):
    """What a metric is told of, and so which labels of origin its samples have."""

    INSTALLATION = "the installation"
    PROJECT = "a project"
    SERVICE = "a service"
    MODEL = "a service's model"
    INSTANCE = "an instance"


ORIGINS: dict[Of, tuple[str, ...]] = {
    Of.INSTALLATION: (),
    Of.PROJECT: ("project_id",),
    Of.SERVICE: ("project_id", "service_id", "service_name"),
    Of.MODEL: ("project_id", "service_id", "service_name", "model_name", "model_version"),
    Of.INSTANCE: (
        *("project_id", "service_id", "service_name", "model_name", "model_version"),
        *("revision", "instance"),
    ),
}
ON_PAGE_OF_SERVICE = frozenset({Of.SERVICE, Of.MODEL, Of.INSTANCE})


@dataclass(frozen=True, slots=True)
class Family:
    """A metric. `labels`: those that its samples have besides those of their origin; `values`: which values the
    last of them can have (none: as the text says). `bounds`: of a histogram that this process keeps."""

    name: str
    kind: str
    about: str
    labels: tuple[str, ...] = ()
    of: Of = Of.INSTALLATION
    bounds: tuple[float, ...] = ()

    @property
    def unit(self) -> str:
        """By its name."""
        words = self.name.removesuffix("_total").split("_")
        return next((unit for unit in ("seconds", "bytes", "rows", "lines") if unit in words[-1:]), "")


FAST_S = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
SLOW_S = (*FAST_S[3:], 30.0, 60.0, 300.0)

# The control plane.

BUILD = Family("modelyard_build_info", "gauge", "1, with the release that answers.", ("version",))
STARTED = Family(
    "modelyard_control_plane_start_time_seconds",
    "gauge",
    "When this control plane began, seconds since 1970 UTC. What it counts itself begins at 0 with it.",
)
CPU = Family("modelyard_control_plane_cpu_seconds_total", "counter", "CPU time of the control plane's process.")
MEMORY = Family("modelyard_control_plane_memory_bytes", "gauge", "Memory of the control plane's process.")
OPEN_FILES = Family("modelyard_control_plane_open_files", "gauge", "Descriptors that the control plane has open.")
LAG = Family(
    "modelyard_event_loop_lag_seconds",
    "histogram",
    "How much later than asked for the control plane's event loop came to a task, tried four times a second.",
    bounds=FAST_S,
)
PASS = Family(
    "modelyard_pass_seconds",
    "histogram",
    "How long one pass of a worker took: of services, models, deliveries of notifications, access.",
    ("worker",),
    bounds=SLOW_S,
)
PASS_WAIT = Family(
    "modelyard_pass_wait_seconds",
    "histogram",
    "How long a key that was to be looked at waited for its pass.",
    ("worker",),
    bounds=SLOW_S,
)
PASS_FAILED = Family(
    "modelyard_pass_failures_total",
    "counter",
    "Passes that failed through a fault of ours or of what is around us; each is tried again.",
    ("worker",),
)
QUEUE = Family("modelyard_queue_depth", "gauge", "Keys that wait for their pass, or are in it.", ("worker",))
FAILING = Family("modelyard_failing_keys", "gauge", "Keys whose last pass failed.", ("worker",))

# The API.

API_REQUESTS = Family(
    "modelyard_api_requests_total",
    "counter",
    "Answers of the API by method (`other`: none that it knows) and class of their status.",
    ("method", "status"),
)
API_SECONDS = Family(
    "modelyard_api_request_seconds",
    "histogram",
    "From the head of a request to the API to the head of its answer.",
    ("method",),
    bounds=SLOW_S,
)
API_IN_FLIGHT = Family(
    "modelyard_api_in_flight",
    "gauge",
    "Requests to the API that are not answered to their end yet.",
)
API_ERRORS = Family(
    "modelyard_api_errors_total",
    "counter",
    "Refusals and faults by their error code: what admission refuses is among them.",
    ("code",),
)

# What everything stands on.

DATABASE_UP = Family(
    "modelyard_database_up",
    "gauge",
    "1: the database could be read when last tried. While it is away for all, no page is answered (503).",
)
DATABASE_SECONDS = Family(
    "modelyard_database_transaction_seconds",
    "histogram",
    "From asking for a transaction to its end, waiting for others included.",
    ("kind",),
    bounds=SLOW_S,
)
DATABASE_SIZE = Family(
    "modelyard_database_size_bytes", "gauge", "The database's files. Not told of a PostgreSQL elsewhere."
)
DISK_FREE = Family("modelyard_disk_free_bytes", "gauge", "Free on the data directory's file system.")
DISK_SIZE = Family("modelyard_disk_size_bytes", "gauge", "Size of the data directory's file system.")
DISK_LOW = Family(
    "modelyard_disk_low", "gauge", "1: the disk is full, instances and publishing wait until there is room."
)
DISK_USE = Family(
    "modelyard_disk_use_bytes",
    "gauge",
    "What of the data directory takes the disk. Measured every few minutes; absent until it was.",
    ("use",),
)
BACKUP_TIME = Family(
    "modelyard_backup_last_success_timestamp_seconds",
    "gauge",
    "The moment of which the last backup is that succeeded, since 1970. Absent as long as there is none.",
)
BACKUP_BYTES = Family("modelyard_backup_last_size_bytes", "gauge", "The size of that backup's file.")

# Accelerators. Those of a kind and a card are told of cards whose driver's tool tells it.

CARDS = Family("modelyard_accelerators", "gauge", "Accelerators of this machine.", ("kind",))
CARDS_GRANTED = Family(
    "modelyard_accelerators_granted",
    "gauge",
    "How many of them instances were granted; parts of cards add up.",
    ("kind",),
)
CARD_GRANTED = Family(
    "modelyard_accelerator_granted_ratio", "gauge", "How much of a card is granted.", ("kind", "card")
)
CARD_BUSY = Family(
    "modelyard_accelerator_busy_ratio", "gauge", "For how much of the time a card was busy.", ("kind", "card")
)
CARD_MEMORY = Family(
    "modelyard_accelerator_memory_used_bytes", "gauge", "Memory of a card in use.", ("kind", "card")
)
CARD_MEMORY_SIZE = Family(
    "modelyard_accelerator_memory_size_bytes", "gauge", "Memory that a card has.", ("kind", "card")
)

# Telling.

OUTBOX_WAITING = Family(
    "modelyard_notifications_waiting", "gauge", "Deliveries that wait for a receiver to take them."
)
OUTBOX_DEAD = Family(
    "modelyard_notifications_dead", "gauge", "Dead letters: deliveries that were given up and kept."
)
OUTBOX_AGE = Family(
    "modelyard_notifications_oldest_seconds", "gauge", "Age of the oldest message that waits; 0: none does."
)
LOG_READ = Family(
    "modelyard_log_read_bytes_total",
    "counter",
    "Output that was collected: of `instances`, or of the `gateway`'s access log.",
    ("source",),
)
LOG_LAG = Family(
    "modelyard_log_collector_lag_seconds",
    "gauge",
    "For how long the collector has not read everything there was to read.",
    ("source",),
)
LOG_GAPS = Family(
    "modelyard_log_gaps_total",
    "counter",
    "How often output was found to be lost before it was collected: more waited than may.",
    ("source",),
)
LOG_LOST = Family(
    "modelyard_log_lost_bytes_total",
    "counter",
    "Output that was lost before it was collected, as far as its size is known.",
    ("source",),
)
EXPORT_LINES = Family(
    "modelyard_log_export_lines_total",
    "counter",
    "Lines by what became of them at the receiver: `sent`, `refused` by it, `missed` (cut before they were sent). "
    "Only where lines are exported, like the next two.",
    ("outcome",),
)
EXPORT_AWAY = Family("modelyard_log_export_away", "gauge", "1: the receiver of lines did not take the last ones.")
EXPORT_AGE = Family(
    "modelyard_log_export_oldest_seconds", "gauge", "Age of the oldest line that waits for its receiver, if known."
)
SPAN_EXPORT = Family(
    "modelyard_trace_export_spans_total",
    "counter",
    "Spans of traces by what became of them: `sent`, `refused` by the receiver, `dropped` for lack of room while "
    "they waited for it. Only where traces are exported, like the next one.",
    ("outcome",),
)
SPAN_EXPORT_AWAY = Family(
    "modelyard_trace_export_away", "gauge", "1: the receiver of traces did not take the last spans."
)
AUDIT_ROWS = Family(
    "modelyard_audit_rows_total", "counter", "Rows written into the audit by their outcome.", ("outcome",)
)
AUDIT_LOST = Family(
    "modelyard_audit_lost_total", "counter", "Refusals that are not in the audit: the database could not be used."
)

# Projects.

QUOTA_LIMIT = Family(
    "modelyard_quota_limit",
    "gauge",
    "What a project may have, in the quota's own unit. Absent where nobody bounds it.",
    ("quota",),
    Of.PROJECT,
)
QUOTA_USED = Family(
    "modelyard_quota_used", "gauge", "What it has of that, in the same unit.", ("quota",), Of.PROJECT
)
POOL_HEALTHY = Family(
    "modelyard_pool_healthy",
    "gauge",
    "1: the resource pool takes instances; 0: its engine was seen to be away, or an administrator said so.",
    ("pool",),
    Of.PROJECT,
)
POOL_CAPACITY = Family(
    "modelyard_pool_capacity",
    "gauge",
    "What all instances of a pool together can have: cores (`cpu`), MiB (`memory_mib`), `gpus`, `npus`. Absent"
    " where nobody set it and no node was seen.",
    ("pool", "resource"),
    Of.PROJECT,
)
POOL_USED = Family(
    "modelyard_pool_used",
    "gauge",
    "What services that are to run in a pool, or still do, take of that, in the same units.",
    ("pool", "resource"),
    Of.PROJECT,
)

# The gateway.

CONNECTED = Family("modelyard_gateway_connected", "gauge", "1: the gateway is connected to the control plane.")
GATEWAY_UP = Family("modelyard_gateway_up", "gauge", "1: callers are answered.")
GATEWAY_CONNECTIONS = Family("modelyard_gateway_connections", "gauge", "Connections of callers that are open.")
GATEWAY_IN_FLIGHT = Family(
    "modelyard_gateway_in_flight", "gauge", "Requests at the gateway that are not answered to their end."
)
GATEWAY_MEMORY = Family("modelyard_gateway_memory_bytes", "gauge", "Memory that the gateway has allocated.")
GATEWAY_UPTIME = Family("modelyard_gateway_uptime_seconds", "gauge", "Age of the gateway's process.")
ANSWERS = Family(
    "modelyard_gateway_request_seconds",
    "histogram",
    "From the first byte of a request to the gateway to the first byte of its answer, by the model that answered "
    "(labels empty: none did) and the class of the status. Begins at 0 with the gateway's process; up to 5 s old.",
    ("status",),
    Of.MODEL,
)
INVOCATIONS = Family(
    "modelyard_invocations_total",
    "counter",
    "Requests of a service, as the gateway counts them. They outlive instances, gateways and control planes; a "
    "restore brings back those of the backup, which are fewer.",
    of=Of.SERVICE,
)
FAILED = Family(
    "modelyard_invocations_failed_total",
    "counter",
    "Of these, those answered with 500 or above.",
    of=Of.SERVICE,
)

# Services.

INSTANCES = Family(
    "modelyard_instances", "gauge", "Instances of a service by their phase.", ("phase",), Of.SERVICE
)
STATUS = Family(
    "modelyard_service_status",
    "gauge",
    "1 for the status of the service, 0 for others.",
    ("status",),
    Of.SERVICE,
)
REVISION = Family(
    "modelyard_service_revision", "gauge", "Number of the revision that the service is to run.", of=Of.SERVICE
)
ROLLOUT_STATE = Family(
    "modelyard_rollout_state",
    "gauge",
    "1 for the state of the service's newest rollout, 0 for others.",
    ("state",),
    Of.SERVICE,
)
ROLLOUT_AGE = Family(
    "modelyard_rollout_age_seconds",
    "gauge",
    "Age of the rollout that is under way, if one is.",
    of=Of.SERVICE,
)
TASK_ROWS = Family(
    "modelyard_task_rows",
    "gauge",
    "Rows of the newest task of a batch service by their outcome: successful, failed, none yet.",
    ("outcome",),
    Of.SERVICE,
)
TASK_AT_WORK = Family(
    "modelyard_task_at_work", "gauge", "1: the newest task of a batch service is at work.", of=Of.SERVICE
)
TASK_STATE = Family(
    "modelyard_task_state",
    "gauge",
    "1 for the state of the newest task of a batch service, 0 for others.",
    ("state",),
    Of.SERVICE,
)

# Instances.

UP = Family(
    "modelyard_instance_up",
    "gauge",
    "1: the instance told what it counts. 0: the page lacks its samples.",
    of=Of.INSTANCE,
)
SILENT = Family("modelyard_instances_silent", "gauge", "Instances whose samples the page lacks.")
OF_INSTANCES = (
    Family(
        "modelyard_requests_total",
        "counter",
        "Requests that began, health checks not counted.",
        of=Of.INSTANCE,
    ),
    Family(
        "modelyard_answers_total", "counter", "Answers by the class of their status.", ("status",), Of.INSTANCE
    ),
    Family("modelyard_callers_left_total", "counter", "Callers that left before their answer.", of=Of.INSTANCE),
    Family(
        "modelyard_refused_total",
        "counter",
        "Requests that would have waited longer than the time limit.",
        of=Of.INSTANCE,
    ),
    Family(
        "modelyard_in_flight",
        "gauge",
        "Requests that are not answered yet; of a command, which tells nothing else, connections that are open.",
        of=Of.INSTANCE,
    ),
    Family("modelyard_request_seconds", "histogram", "From the head of a request to its answer.", of=Of.INSTANCE),
    Family("modelyard_queue_seconds", "histogram", "From the head of a request to its call.", of=Of.INSTANCE),
    Family("modelyard_batch_rows", "histogram", "Rows of one call.", of=Of.INSTANCE),
    Family(
        "modelyard_start_seconds",
        "gauge",
        "Where the time from the start of the process to ready went.",
        ("phase",),
        Of.INSTANCE,
    ),
    Family("process_cpu_seconds_total", "counter", "CPU time of the instance's process.", of=Of.INSTANCE),
    Family("process_resident_memory_bytes", "gauge", "Memory of the instance's process.", of=Of.INSTANCE),
)
"""What the model server reports (`modelyard_runtime/metrics.py`)."""

OF_PROCESS = (STARTED, CPU, MEMORY, OPEN_FILES, LAG, PASS, PASS_WAIT, PASS_FAILED, QUEUE, FAILING)
OF_API = (API_REQUESTS, API_SECONDS, API_IN_FLIGHT, API_ERRORS)
OF_STATE = (
    *(DATABASE_UP, DATABASE_SECONDS, DATABASE_SIZE, DISK_FREE, DISK_SIZE, DISK_LOW, DISK_USE),
    *(BACKUP_TIME, BACKUP_BYTES),
)
OF_OUTBOX = (OUTBOX_WAITING, OUTBOX_DEAD, OUTBOX_AGE)
OF_LOGS = (LOG_READ, LOG_LAG, LOG_GAPS, LOG_LOST, EXPORT_LINES, EXPORT_AWAY, EXPORT_AGE)
OF_TRACES = (SPAN_EXPORT, SPAN_EXPORT_AWAY)
OF_AUDIT = (AUDIT_ROWS, AUDIT_LOST)
OF_CARDS = (CARDS, CARDS_GRANTED, CARD_GRANTED, CARD_BUSY, CARD_MEMORY, CARD_MEMORY_SIZE)
OF_PROJECTS = (QUOTA_LIMIT, QUOTA_USED, POOL_HEALTHY, POOL_CAPACITY, POOL_USED)
OF_GATEWAY = (
    *(CONNECTED, GATEWAY_UP, GATEWAY_CONNECTIONS, GATEWAY_IN_FLIGHT, GATEWAY_MEMORY, GATEWAY_UPTIME),
    *(ANSWERS, INVOCATIONS, FAILED),
)
OF_SERVICES = (INSTANCES, STATUS, REVISION, ROLLOUT_STATE, ROLLOUT_AGE, TASK_ROWS, TASK_AT_WORK, TASK_STATE)

SECTIONS: tuple[tuple[str, tuple[Family, ...]], ...] = (
    ("Control plane", (BUILD, *OF_PROCESS)),
    ("API", OF_API),
    ("Database and disk", OF_STATE),
    ("Accelerators", OF_CARDS),
    ("Notifications", OF_OUTBOX),
    ("Logs", OF_LOGS),
    ("Traces", OF_TRACES),
    ("Audit", OF_AUDIT),
    ("Projects", OF_PROJECTS),
    ("Gateway", OF_GATEWAY),
    ("Services", OF_SERVICES),
    ("Instances", (UP, SILENT, *OF_INSTANCES)),
)
CATALOGUE: tuple[Family, ...] = tuple(family for _, families in SECTIONS for family in families)
