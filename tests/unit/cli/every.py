"""Every command there is, how to call it, and a server that has something to answer to each."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import typer

LONG = "a-name-that-is-longer-than-any-terminal-would-like-to-show-in-one-column"
PROJECT = {"id": "p1", "name": f"project-{LONG}", "enabled": True}
USER = {"id": "u1", "name": f"user-{LONG}", "enabled": True}
MODEL = {
    **{"model_id": "m1", "model_name": f"model-{LONG}", "model_version": "1.0.0", "model_status": "published"},
    **{"model_size": 2048, "create_at": 1, "model_type": "Custom", "source_location": f"/models/{LONG}"},
    "apis": "[]",
}
ENTRY = {**{"model_id": "m1", "weight": 100, "instance_count": 2, "specification": "modelarts.vm.cpu.2u"}}
SHOWN = {**ENTRY, "model_name": MODEL["model_name"], "model_version": "1.0.0", "status": "running"}
SERVICE = {
    **{
        "service_id": "s1",
        "service_name": f"service-{LONG}",
        "status": "running",
        "error_msg": f"because of {LONG}",
    },
    **{"access_address": f"http://gw.test/{LONG}", "config": [SHOWN]},
}
PLAN = {"service_name": "iris", "service_id": "s1", "changes": True, "etag": '"1"', "instances": [], "config": []}
REVISION = {
    "number": 1,
    "created_at": 1,
    "state": "failed",
    "config": [ENTRY],
    "error_msg": f"first {LONG}\nsecond",
}
KEY = {"access": "AK", "project_id": "p1", "user_id": "u1"}
ROLE = {"user": {"id": "u1"}, "role": {"name": "reader"}, "scope": {"project": {"id": "p1"}}}
TOKEN = {"token": {"project": PROJECT, "user": USER, "roles": [{"name": "member"}], "expires_at": ""}}
ADMIN = "/v1/modelyard/admin"

TASK = {
    **{"task_id": "t1", "number": 1, "state": "finished", "planned": True, "rows": 10, "rows_done": 9},
    **{"rows_failed": 1, "sources": 1, "sources_failed": 0, "retries": 0, "revision": 1, "created_at": 1},
    "manifest": f"obs://b/{LONG}.manifest",
}
JOB = {
    **{"service_id": "b1", "service_name": f"jobs-{LONG}", "status": "finished", "infer_type": "batch"},
    **{"config": [], "batch": TASK},
}

LOG_LINE = {
    **{"number": 1, "time": 1700000000123, "instance": "3f1d2c4b-0c1a", "revision": 2, "model": "iris:1.0.0"},
    **{"text": f"hello {LONG}", "reference": "ab12"},
}
LOG_LINES = {
    **{
        "service_id": "s1",
        "count": 1,
        "lines": [LOG_LINE],
        "more": False,
        "complete": True,
        "newer": 1,
        "older": 1,
    },
    "kept": {"lines": 1, "bytes": 9, "cut_lines": 0, "cut_bytes": 0},
}

USE = {
    **{"service_id": "s1", "service_name": f"service-{LONG}", "status": "running", "instances": 2, "ready": 1},
    **{"cpu": 0.25, "cpu_allowed": 4, "memory_mib": 100.5, "memory_mib_allowed": 16384, "in_flight": 3},
    **{"requests_per_minute": 60, "invocation_times": 100, "failed_times": 1, "p50_seconds": 0.0042},
}
URN = "urn:smn:r:p1:t"
TOPIC = {"topic_urn": URN, "name": f"topic-{LONG}", "display_name": ""}
SUBSCRIPTION = {
    **{"subscription_urn": f"{URN}:s", "protocol": "https", "endpoint": f"https://{LONG}.test/", "status": 1},
    **{"format": "smn", "remark": ""},
}
DELIVERY = {
    **{"message_id": "m", "subject": LONG, "protocol": "https", "endpoint": "https://a.test/", "state": "dead"},
    **{"attempts": 5, "error": f"no {LONG}"},
}
NOTIFICATIONS = "/v2/p1/notifications"
WATCHED = httpx.Response(200, content=f"id: 1\nevent: service\ndata: {json.dumps(JOB)}\n\n")

ANSWERS: dict[str, object] = {
    "GET /v1/p1/services/b1": JOB,
    **dict.fromkeys(("GET /v1/p1/services/b1/watch", "GET /v1/p1/services/s1/watch"), WATCHED),
    "GET /v1/p1/services/b1/tasks/t1/failed-rows": {"rows": [{"source": LONG, "row": 3, "error": f"no {LONG}"}]},
    "GET /v1/p1/services": {"services": [SERVICE], "count": 1, "total_count": 1},
    "GET /v1/p1/services/s1": SERVICE,
    "GET /v1/p1/services/s1/logs/lines": LOG_LINES,
    "GET /v1/p1/services/s1/logs": {"logs": [{"update_time": 1, "result": "SUCCESS"}]},
    "GET /v1/p1/services/s1/events": {
        "events": [{"event_type": "normal", "event_info": f"it {LONG}", "occur_time": 1}]
    },
    "GET /v1/p1/services/s1/revisions": {"revisions": [REVISION]},
    "POST /v1/p1/services": PLAN,
    "PUT /v1/p1/services/s1": PLAN,
    "POST /v1/p1/services/s1/revisions/1/rollback": PLAN,
    "GET /v1/p1/models": {"models": [MODEL], "count": 1, "total_count": 1},
    "GET /v1/p1/models/m1": MODEL,
    "POST /v1/p1/models": {"model_id": "m1"},
    "DELETE /v1/p1/models/m1": {"delete_success_list": ["m1"], "delete_failed_list": []},
    "GET /v1/p1/objects/b": {"objects": [{"key": f"{LONG}/", "size": None}, {"key": LONG, "size": 2048}]},
    "PUT /v1/p1/objects/b/k": {"key": "k", "size": 10},
    "POST /v1/p1/objects/b/k": {"url": f"https://b.test/k?{LONG}", "method": "GET", "expires_at": 1},
    "GET /healthz": {"status": "ok"},
    "GET /v1/p1/modelyard/status": {"gateway": {"connected": True}},
    f"POST /{LONG}": {"label": 1},
    "GET /v3/users": {"users": [USER]},
    "POST /v3/users": {"user": USER},
    "GET /v3/projects": {"projects": [PROJECT]},
    "POST /v3/projects": {"project": PROJECT},
    "GET /v3/role_assignments": {"role_assignments": [ROLE]},
    "GET /v3/auth/tokens": TOKEN,
    "GET /v3.0/OS-CREDENTIAL/credentials": {"credentials": [KEY]},
    "POST /v3.0/OS-CREDENTIAL/credentials": {"credential": {**KEY, "secret": "s"}},
    f"GET {ADMIN}/projects/p1/quotas": {"quotas": {LONG: 20}},
    f"GET {ADMIN}/flavors": {"flavors": [{"name": f"flavor-{LONG}", "cpu": 1, "projects": ["p1"]}]},
    "GET /v1/p1/modelyard/top": {"services": [USE]},
    "GET /v1/p1/modelyard/pools": {"pools": [{"pool_name": f"pool-{LONG}", "status": "abnormal", "reason": LONG}]},
    f"GET {ADMIN}/disk": {"used": {LONG: 10, "logs": 2048}, "total_bytes": 2058, "free_bytes": 1},
    f"POST {ADMIN}/clean": {"removed": [{"kind": "package", "name": LONG, "size_bytes": 7}], "total_bytes": 7},
    "GET /v1/p1/registries": {"registries": [{"registry": "r.test", "user": "u", "changed_at": 1}]},
    "GET /v1/p1/secrets": {"secrets": [{"secret_id": "key", "version": 1, "changed_at": 1, "services": ["s"]}]},
    f"GET {NOTIFICATIONS}/topics": {"topics": [TOPIC], "topic_count": 1},
    f"GET {NOTIFICATIONS}/subscriptions": {"subscriptions": [SUBSCRIPTION], "subscription_count": 1},
    f"POST {NOTIFICATIONS}/topics": {"topic_urn": URN},
    f"POST {NOTIFICATIONS}/topics/{URN}/subscriptions": {**SUBSCRIPTION, "secret": "whsec_x"},
    f"POST {NOTIFICATIONS}/topics/{URN}/publish": {"message_id": "m"},
    "GET /v1/p1/notifications/deliveries": {"deliveries": [DELIVERY]},
    "POST /v1/p1/notifications/deliveries/redeliver": {"redelivered": 1},
    f"GET {ADMIN}/audit": {"audit": [{"number": 1, "occur_time": 1, "action": LONG, "outcome": "done"}]},
    f"GET {ADMIN}/pools": {"pools": [{"pool_id": "x", "name": f"pool-{LONG}", "project_id": "p1"}]},
    f"POST {ADMIN}/pools": {"pool_id": "x"},
    f"GET {ADMIN}/buckets": {"buckets": [{"bucket": f"bucket-{LONG}", "project_id": "p1"}]},
}

SERVERLESS = {"up": "", "down": "", "run": "DIR", "check": "DIR", "backup": "FILE", "restore": "FILE"}
"""Commands that speak to no server."""
CALLS = {
    **{"env": "", "status": "", "login": "", "logout": "", "whoami": "", "predict": "s1 {}"},
    "logs": "s1",
    **{"apply": "-f FILE", "models list": "", "models show": "m1", "models delete": "m1", "models wait": "m1"},
    "models publish": "iris 1.0.0 /models/iris",
    **{"objects ls": "obs://b/", "objects cp": "FILE obs://b/k", "objects rm": "obs://b/k"},
    "objects sign": "obs://b/k",
    **{"services list": "", "services show": "s1", "services logs": "s1", "services events": "s1"},
    **{"services wait": "s1", "services create": "iris -m m1", "services update": "s1 --description x"},
    **{"services start": "s1", "services stop": "s1", "services delete": "s1 --no-wait"},
    **{"services diff": "s1 -f FILE", "services revisions": "s1", "services rollback": "s1 1"},
    **{"batch run": "jobs -m m1 -i obs://b/in/ -o obs://b/out/ -f file", "batch status": "b1"},
    **{"batch watch": "b1", "batch failed": "b1", "batch retry-failed": "b1", "batch stop": "b1"},
    "batch resume": "b1",
    **{"topics create": "t", "topics ls": "", "topics rm": URN, "topics unsubscribe": f"{URN}:s"},
    **{"topics subscribe": f"{URN} https://a.test/", "topics publish": f"{URN} hello"},
    **{"topics deliveries": "", "topics redeliver": "m"},
    **{"registries login": "r.test --user u --password-stdin", "registries ls": "", "registries logout": "r.test"},
    **{"secrets set": "key --from-stdin", "secrets ls": "", "secrets rm": "key"},
    **{"admin users list": "", "admin users create": "bob", "admin users password": "u1"},
    **{"admin users disable": "u1", "admin users enable": "u1", "admin users delete": "u1"},
    **{"admin projects list": "", "admin projects create": "lab", "admin projects disable": "p1"},
    **{"admin projects enable": "p1", "admin grants": "", "admin grant": "u1 reader --project p1"},
    "admin revoke": "u1 reader --project p1",
    **{"admin keys list": "u1", "admin keys create": "u1 p1", "admin keys delete": "AK"},
    "admin monitoring-files": "monitoring",
    **{"admin quotas": "p1", "admin flavors list": "", "admin flavors add": "big --cpu 1 --memory 64"},
    **{"admin flavors open": "big", "admin flavors close": "big", "admin flavors delete": "big"},
    **{
        "admin monitoring-files": "d",
        "admin pools list": "",
        "admin pools add": "lab p1",
        "admin pools change": "x --cpu 2",
        "admin pools status": "x running",
    },
    **{"admin pools remove": "x", "admin buckets list": "", "admin buckets claim": "b p1"},
    **{
        "admin buckets release": "b",
        "admin audit": "",
        "admin disk": "",
        "admin clean": "--dry-run",
        "top": "",
        "pools": "",
    },
}
"""How each of the others is called."""
DELETIONS = (
    *("models delete", "services delete", "admin users delete", "admin revoke", "admin keys delete"),
    *(
        "registries logout",
        "secrets rm",
        "topics rm",
        "topics unsubscribe",
        "objects rm",
        "admin flavors delete",
        "admin pools remove",
        "admin buckets release",
    ),
)


class Server:
    """Answers what is in ANSWERS, {} to the rest; remembers what changed something."""

    def __init__(self) -> None:
        self.sent: list[tuple[str, str, Any]] = []
        self.answers = dict(ANSWERS)

    def __call__(self, request: httpx.Request) -> httpx.Response:
        key = f"{request.method} {request.url.path}"
        content = request.read()
        if key == "POST /v3/auth/tokens":
            return httpx.Response(201, json=TOKEN, headers={"X-Subject-Token": "t"})
        if request.method != "GET":
            known = request.headers.get("content-type") == "application/json"
            self.sent.append((request.method, request.url.path, json.loads(content) if known else None))
        answer = self.answers.get(key, {})
        return answer if isinstance(answer, httpx.Response) else httpx.Response(200, json=answer)

    @property
    def deleted(self) -> list[str]:
        return [path for method, path, _ in self.sent if method == "DELETE"]


def commands(app: typer.Typer, path: str = "") -> Iterator[str]:
    """The names of all commands that people are shown: `services list`."""
    for one in (c for c in app.registered_commands if not c.hidden):
        assert one.callback is not None
        yield f"{path}{one.name or one.callback.__name__.replace('_', '-')}"
    for group in app.registered_groups:
        assert group.typer_instance is not None
        yield from commands(group.typer_instance, f"{path}{group.name} ")


def arguments(call: str, directory: Path) -> list[str]:
    """The command line of a call; FILE and DIR become real ones."""
    file, package = directory / "service.yaml", directory / "package"
    file.write_text("service_name: iris\nconfig: [{model_id: m1}]\n")
    (package / "model").mkdir(parents=True, exist_ok=True)
    return [{"FILE": str(file), "DIR": str(package)}.get(word, word) for word in call.split()]
