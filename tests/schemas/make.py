"""Keep the schema of a release, with rows that its own server wrote.

    python -m tests.schemas.make COMMIT          writes tests/schemas/NUMBER.sql and NUMBER.key

The release is taken out of the history, started, and used over HTTP: users and what they may, models, services of
every kind and status, batch tasks, topics, groups of logs, as far as the release has them. What it answers with
404 or 400 it does not have yet. It is killed while everything runs, so that the rows are those of one at
work.
"""

import json
import os
import shutil
import signal
import sqlite3
import sys
import tempfile
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import httpx
from examples.demo.stage import Stage
from tests.worlds import releases

HERE = Path(__file__).parent
EXAMPLES = releases.ROOT / "examples"
SECRET = "value-that-is-sealed"
Json = dict[str, Any]


class Caller:
    """The administrator, over HTTP alone: clients change, what they send does not."""

    def __init__(self, stage: Stage) -> None:
        given = json.loads((stage.data_dir / "credentials.json").read_text())
        self.url = given["auth_url"].removesuffix("/v3")
        self.domain, self.user = given["domain_name"], given["user_name"]
        self.http = httpx.Client(base_url=self.url, timeout=60)
        self.login(given["user_name"], given["password"], given["project_name"])

    def login(self, user: str, password: str, project: str) -> None:
        domain = {"name": self.domain}
        method = {"methods": ["password"], "password": {"user": _named(user, domain, password=password)}}
        body = {"auth": {"identity": method, "scope": {"project": _named(project, domain)}}}
        answer = self.http.post("/v3/auth/tokens", json=body)
        assert answer.status_code == 201, answer.text
        self.http.headers["X-Auth-Token"] = answer.headers["X-Subject-Token"]
        self.project = answer.json()["token"]["project"]["id"]

    def __call__(self, method: str, path: str, body: Mapping[str, Any] | None = None) -> Json:
        """The answer; {} where this release has no such thing."""
        once = {"Idempotency-Key": f"{method} {path}"} if path == "/v1/{p}/services" else {}
        if body and once:
            once["Idempotency-Key"] += " " + str(body.get("service_name"))
        answer = self.http.request(method, path.replace("{p}", self.project), json=body, headers=once)
        if answer.status_code in {400, 404, 405, 501}:
            print(f"  not here: {method} {path}: {answer.status_code} {answer.text[:200]}", file=sys.stderr)
            return {}
        assert answer.status_code < 300, f"{method} {path}: {answer.status_code} {answer.text}"
        return answer.json() if answer.content else {}

    def until(self, path: str, field: str, *wanted: str) -> None:
        _until(lambda: self("GET", path).get(field) in wanted, f"{path} to be {wanted}")


def _named(name: str, domain: Json, **more: str) -> Json:
    return {"name": name, "domain": domain, **more}


def _until(holds: Callable[[], bool], what: str) -> None:
    end = time.monotonic() + 90
    while not holds():
        assert time.monotonic() < end, what
        time.sleep(0.1)


def administer(call: Caller) -> None:
    """Projects, users, rights, keys, quotas, flavors, pools, buckets."""
    project = call("POST", "/v3/projects", {"project": {"name": "research"}})["project"]["id"]
    user = call("POST", "/v3/users", {"user": {"name": "ada", "password": "a-long-password"}})["user"]["id"]
    gone = call("POST", "/v3/users", {"user": {"name": "bob", "password": "a-long-password"}})["user"]["id"]
    roles = {role["name"]: role["id"] for role in call("GET", "/v3/roles")["roles"]}
    for who, role in ((user, "member"), (gone, "invoker")):
        call("PUT", f"/v3/projects/{project}/users/{who}/roles/{roles[role]}")
    call("PATCH", f"/v3/users/{gone}", {"user": {"enabled": False}})
    key = {"credential": {"user_id": user, "project_id": project, "description": "of a program"}}
    call("POST", "/v3.0/OS-CREDENTIAL/credentials", key)
    call("PUT", f"/v1/modelyard/admin/projects/{project}/quotas", {"quotas": {"real_time_services": 7}})
    flavor = {"name": "lab.small", "cpu": 1, "memory_mib": 512, "open_projects": [project]}
    call("POST", "/v1/modelyard/admin/flavors", flavor)
    call("POST", "/v1/modelyard/admin/pools", {"name": "lab", "project_id": project})
    call("PUT", "/v1/modelyard/admin/buckets/images", {"project_id": project})
    where = {"endpoint": "https://s3.example.com", "access_key": "AK", "secret_key": SECRET}
    call("PUT", "/v1/modelyard/admin/buckets/far", {"project_id": project, **where})


def publish(call: Caller, stage: Stage, name: str, version: str = "1.0.0") -> str:
    location = stage.put_object(name, EXAMPLES / name) if (EXAMPLES / name).exists() else f"/models/{name}"
    body = {
        "model_name": name, "model_version": version, "source_location": location, "model_type": "Custom",
        "description": "größer", "install_type": ["real-time", "batch"],
    }  # fmt: skip
    model = call("POST", "/v1/{p}/models", body)["model_id"]
    call.until(f"/v1/{{p}}/models/{model}", "model_status", "published", "failed")
    return str(model)


def serve(call: Caller, stage: Stage) -> str:
    """Real-time services: running with a secret and an update behind it, stopped, failed, deploying."""
    echo, broken = publish(call, stage, "echo"), publish(call, stage, "broken")
    newer = publish(call, stage, "echo", "1.1.0")
    publish(call, stage, "missing")
    one = _config(echo, envs={"TOKEN": SECRET, "LANG": "C"})

    def made(name: str, *config: Json, **more: Any) -> str:
        body = {"service_name": name, "infer_type": "real-time", "config": [*config], **more}
        return str(call("POST", "/v1/{p}/services", body)["service_id"])

    running = made("running", one, description="in use")
    stopped, failed = made("stopped", _config(echo)), made("failed", _config(broken))
    call.until(f"/v1/{{p}}/services/{running}", "status", "running")
    address = call("GET", f"/v1/{{p}}/services/{running}")["access_address"]
    assert call.http.post(address, json={"n": 1}).json() == {"n": 1}
    call.until(f"/v1/{{p}}/services/{stopped}", "status", "running")
    call.until(f"/v1/{{p}}/services/{failed}", "status", "failed")
    both = [{**one, "weight": 70}, {**_config(newer), "weight": 30}]
    due = [{"type": "stop", "time_unit": "DAYS", "duration": 3}]
    call("PUT", f"/v1/{{p}}/services/{running}", {"config": both, "schedule": due})
    _until(
        lambda: (
            call("GET", f"/v1/{{p}}/services/{running}")["status"] == "running"
            and len(call("GET", f"/v1/{{p}}/services/{running}")["config"]) == 2
        ),
        "the update",
    )
    call("PUT", f"/v1/{{p}}/services/{stopped}", {"status": "stopped"})
    call.until(f"/v1/{{p}}/services/{stopped}", "status", "stopped")
    app = call("POST", "/v1/{p}/app-auth/apps", {"name": "shop"})
    if app:
        call("POST", f"/v1/{{p}}/services/{running}/app-auth-api", {"apps": [{"app_id": app["app_id"]}]})
    return echo


def tell(call: Caller) -> dict[str, Any]:
    """Topics with a subscription, groups and streams of logs; what a service says of them."""
    topic = call("POST", "/v2/{p}/notifications/topics", {"name": "alerts", "display_name": "Alerts"})
    if not topic:
        return {}
    path = f"/v2/{{p}}/notifications/topics/{topic['topic_urn']}"
    call("POST", f"{path}/subscriptions", {"protocol": "email", "endpoint": "ada@example.com"})
    group = call("POST", "/v2/{p}/groups", {"log_group_name": "all", "ttl_in_days": 7})
    stream = call("POST", f"/v2/{{p}}/groups/{group['log_group_id']}/streams", {"log_stream_name": "one"})
    call("POST", f"{path}/publish", {"subject": "hello", "message": "a first message"})
    told = {"smn_notification": {"topic_urn": topic["topic_urn"], "events": [1, 3, 7, 11]}}
    return {**told, "log_report_channels": [{"type": "LTS", "configuration": {**group, **stream}}]}


def batch(call: Caller, stage: Stage, model: str) -> None:
    """One task that is done, with failed rows; one at work."""
    data = stage.data_dir / "objects" / "input" / "rows"
    data.mkdir(parents=True, exist_ok=True)
    (data / "few.csv").write_text('1,a\n2,b\nbroken\n4,"d, e"\n')
    (data / "more.csv").write_text("".join(f"{n},x\n" for n in range(200)))
    call("PUT", "/v1/modelyard/admin/buckets/input", {"project_id": call.project})
    call("PUT", "/v1/modelyard/admin/buckets/output", {"project_id": call.project})
    (stage.data_dir / "objects" / "output").mkdir(exist_ok=True)
    rule = {
        "type": "object",
        "properties": {"n": {"type": "number", "index": 0}, "s": {"type": "string", "index": 1}},
    }
    for name in ("scores", "again"):  # the second is at work when everything ends
        job = {
            "src_path": "obs://input/rows/", "dest_path": f"obs://output/{name}/", "req_uri": "/",
            "mapping_type": "csv", "mapping_rule": rule,
        }  # fmt: skip
        entry = {**_config(model), **job}
        del entry["weight"]
        body = {"service_name": name, "infer_type": "batch", "config": [entry]}
        made = call("POST", "/v1/{p}/services", body)
        if not made:
            return
        if name == "scores":
            call.until(f"/v1/{{p}}/services/{made['service_id']}", "status", "finished", "failed", "concerning")


def _config(model: str, **more: Any) -> Json:
    flavor = {"specification": "modelarts.vm.cpu.2u", "instance_count": 1}
    return {"model_id": model, "weight": 100, **flavor, **more}


def main(commit: str) -> None:
    mail = {"HOST": "localhost", "PORT": "9", "FROM": "modelyard@example.com"}  # nobody listens there
    os.environ |= {f"MODELYARD_SMTP_{name}": value for name, value in mail.items()}
    root = Path(tempfile.mkdtemp(prefix="modelyard-schema-"))
    installation = releases.Installation(root / "venv")
    installation.install(releases.source(commit, root))
    with releases.stage(installation) as stage:
        stage.up()
        call = Caller(stage)
        administer(call)
        more = tell(call)
        model = serve(call, stage)
        batch(call, stage, model)
        if more:
            kind = {"service_name": "told", "infer_type": "real-time"}
            call("POST", "/v1/{p}/services", {**kind, "config": [_config(model)], "additional_properties": more})
        time.sleep(1)
        stage.end_control_plane(signal.SIGKILL)
        keep(stage.data_dir)
    shutil.rmtree(root)


def keep(data_dir: Path) -> None:
    copy = sqlite3.connect(":memory:")
    source = sqlite3.connect(data_dir / "modelyard.db")
    source.backup(copy)
    source.close()
    (number,) = copy.execute("SELECT version_num FROM alembic_version").fetchone()
    lines = list(copy.iterdump())
    tables = [name for (name,) in copy.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
    counts = {table: copy.execute(f"SELECT count(*) FROM {table}").fetchone()[0] for table in tables}
    (HERE / f"{number}.sql").write_text("\n".join(lines) + "\n")
    shutil.copyfile(data_dir / "keys" / "store.key", HERE / f"{number}.key")
    print(number, len("\n".join(lines)), counts)


if __name__ == "__main__":
    main(sys.argv[1])
