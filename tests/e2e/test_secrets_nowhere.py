"""Secrets are nowhere: canaries are put wherever a secret can be, a model tells its own to everybody, and then
everything that is written, answered and shown is searched for them, in every spelling.

Where they may be: `keys/` and `credentials.json`, sealed in the database (which is searched too: its rows must not
have them), in what an instance is given (`spec.json`) and in what it wrote, until that was collected (`log*`),
both readable for us alone and removed with it; and an application's codes in the answer that lists it.
"""

import base64
import json
import os
import sqlite3
import subprocess
import tarfile
import tempfile
import threading
import time
import urllib.parse
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import httpx
import pytest
from examples.demo.stage import BUCKET, Stage, free_ports, modelyard, until
from tests.worlds import server

from modelyard.client import Client, Credentials, Variant
from modelyard.client.errors import OperationFailed
from modelyard.client.waiting import Patience

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(300)]
yard = pytest.fixture(server.yard, scope="module")

GIVEN = {
    "mail password": "canary-mail-password-5",
    "SMN secret key": "canary-smn-secret-key-6",
    "token of a receiver of lines": "canary-otlp-token-7",
}
"""What the server is given by its environment."""
CHAT = "canary-chat-key-8"
REMOTE = "urn:smn:there:p-there:ops"


@pytest.fixture(scope="module")
def stage() -> Iterator[Stage]:
    """A server that was given secrets by its environment: of a mail server, an SMN and a receiver of lines, none
    of which is there."""
    nobody = free_ports(1)[0]
    given = {
        "MODELYARD_NOTIFY_ALLOW": "127.0.0.0/8",
        "MODELYARD_SMTP_HOST": "127.0.0.1",
        "MODELYARD_SMTP_PORT": str(nobody),
        "MODELYARD_SMTP_FROM": "models@example.org",
        "MODELYARD_SMTP_USER": "models",
        "MODELYARD_SMTP_PASSWORD": GIVEN["mail password"],
        "MODELYARD_SMTP_TLS": "none",
        "MODELYARD_SMN_ENDPOINT": f"http://127.0.0.1:{nobody}",
        "MODELYARD_SMN_ACCESS_KEY": "smn-access-key",
        "MODELYARD_SMN_SECRET_KEY": GIVEN["SMN secret key"],
        "MODELYARD_SMN_PROJECT_ID": "p-there",
        "MODELYARD_SMN_REGION": "there",
        "MODELYARD_OTLP_ENDPOINT": f"http://127.0.0.1:{nobody}",
        "MODELYARD_OTLP_HEADERS": f"authorization=Bearer%20{GIVEN['token of a receiver of lines']}",
    }
    with pytest.MonkeyPatch.context() as patch, Stage() as started:
        for name, value in given.items():
            patch.setenv(name, value)
        started.up()
        yield started


ENV = 'canary-env-7fQ/x+"ü'
SCRIPT = """
import base64, json, os, sys, urllib.parse
from model_service import BadRequest
from model_service.model_service import SingleNodeService

KEY = os.environ["KEY"]


def told():
    return "; ".join([
        KEY, repr(KEY), json.dumps(KEY), urllib.parse.quote(KEY, safe=""), urllib.parse.quote_plus(KEY),
        base64.b64encode(KEY.encode()).decode(), base64.b64encode(b"user:" + KEY.encode()).decode(),
        str(dict(os.environ)), "MARKER",
    ])


class Telling(SingleNodeService):
    def __init__(self, model_name, model_path):
        super().__init__(model_name, model_path)
        print(told(), flush=True)
        print(told(), file=sys.stderr, flush=True)
        if os.environ.get("FAIL"):
            raise RuntimeError("cannot begin: " + told())

    def _inference(self, data):
        if data["n"] == 13:
            raise RuntimeError("unlucky: " + told())
        if data["n"] == 14:
            raise BadRequest("refused: " + told())
        return {"n": data["n"]}
"""
SCHEMA = {"type": "object", "properties": {"n": {"type": "integer"}}}
CONFIG = {
    "model_type": "Custom",
    "model_algorithm": "telling",
    "runtime": "python3.11",
    "apis": [
        {
            "url": "/",
            "method": "post",
            "request": {"Content-type": "application/json", "data": SCHEMA},
            "response": {"Content-type": "application/json", "data": {"type": "object"}},
        }
    ],
}


@dataclass
class Yard:
    """`canaries`: what kind of secret → its value. `http`: the API as its admin."""

    stage: Stage
    yard: Client
    http: httpx.Client
    project: str
    canaries: dict[str, str] = field(default_factory=dict)
    services: list[str] = field(default_factory=list)
    topic: str = ""
    stream: str = ""
    began: float = field(default_factory=time.time)

    def get(self, path: str, **query: str) -> httpx.Response:
        return self.http.get(path.replace("{p}", self.project), params=query)


def spellings(secret: str) -> Iterator[bytes]:
    yield secret.encode()
    yield json.dumps(secret)[1:-1].encode()
    yield json.dumps(secret, ensure_ascii=False)[1:-1].encode()
    yield repr(secret)[1:-1].encode()
    yield urllib.parse.quote(secret, safe="").encode()
    yield urllib.parse.quote(secret).encode()
    for before in range(3):
        coded = base64.b64encode(b"x" * before + secret.encode())
        yield coded[(before * 8 + 5) // 6 : (before + len(secret.encode())) * 8 // 6]


@pytest.fixture(scope="module")
def world(stage: Stage, yard: Client, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Yard]:
    """Everything that can go wrong with a secret near by has gone wrong."""
    given = Credentials.from_data_dir(stage.data_dir)
    told = json.loads((stage.data_dir / "credentials.json").read_text())
    base = given.auth_url.removesuffix("/v3")
    with httpx.Client(base_url=base, timeout=30) as http:
        made = Yard(
            stage,
            yard,
            http,
            given.project_id,
            {"env": ENV, "admin password": given.password, **GIVEN, "chat": CHAT},
        )
        made.canaries |= {name: told[name] for name in ("secret_key",) if told.get(name)}
        _logins(made, given)
        _objects(made)
        _apps(made)
        _notifications(made)
        _services(made, tmp_path_factory.mktemp("telling"))
        _failed_publications(made)
        yield made


def _logins(made: Yard, given: Credentials) -> None:
    made.canaries["wrong password"] = "canary-wrong-password-1"
    made.canaries["new password"] = "canary-new-password-22"
    made.yard.admin.create_user("ada", made.canaries["new password"])
    for name, password in (
        (given.username, "wrong password"),
        ("nobody", "wrong password"),
        ("ada", "new password"),
    ):
        made.http.post("/v3/auth/tokens", json=_login(name, made.canaries[password]))
    answer = made.http.post("/v3/auth/tokens", json=_login(given.username, given.password, made.project))
    assert answer.status_code == 201
    made.canaries["token"] = answer.headers["X-Subject-Token"]
    made.http.headers["X-Auth-Token"] = made.canaries["token"]
    made.canaries["wrong token"] = "canary-wrong-token.xx.yy"
    for path in (f"/v1/{made.project}/services", "/v3/auth/tokens"):
        made.http.get(path, headers={"X-Auth-Token": made.canaries["wrong token"]})
        made.http.get(path, headers={"X-Subject-Token": made.canaries["token"]})


def _login(name: str, password: str, project: str = "") -> dict[str, Any]:
    user = {"name": name, "domain": {"name": "modelyard"}, "password": password}
    scope = {"scope": {"project": {"id": project}}} if project else {}
    return {"auth": {"identity": {"methods": ["password"], "password": {"user": user}}, **scope}}


def _objects(made: Yard) -> None:
    """A bucket of a server that is not there, and URLs that are signed for it."""
    made.canaries["object secret key"] = "canary-object-secret-key-3"
    where = {
        "endpoint": f"http://127.0.0.1:{made.stage.ports[0]}",
        "access_key": "object-access-key",
        "secret_key": made.canaries["object secret key"],
    }
    made.yard.admin.claim_bucket("elsewhere", made.project, **where)
    url = made.yard.objects.sign("elsewhere", "weights.bin")
    signature = urllib.parse.parse_qs(urllib.parse.urlsplit(url).query)["X-Amz-Signature"][0]
    made.canaries["signature of a URL"] = signature
    httpx.get(url)  # where it leads nobody takes it
    made.get("/v1/{p}/objects/elsewhere/weights.bin")


def _apps(made: Yard) -> None:
    app = made.http.post(f"/v1/{made.project}/app-auth/apps", json={"name": "caller"}).json()
    code = made.http.post(f"/v1/{made.project}/app-auth/apps/{app['app_id']}/app-code", json={}).json()
    made.canaries["AppCode"] = code["app_code"]
    made.canaries["wrong AppCode"] = "canary-wrong-appcode-4"


def _notifications(made: Yard) -> None:
    """A receiver that confirms and then refuses, a mailbox and a chat that are not there, a topic of an SMN."""
    told: list[dict[str, str]] = []

    class Receiver(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            told.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
            self.send_response(200 if "subscribe_url" in told[-1] else 503)
            self.end_headers()

        def log_message(self, *_: object) -> None: ...

    receiver = ThreadingHTTPServer(("127.0.0.1", 0), Receiver)
    threading.Thread(target=receiver.serve_forever, daemon=True).start()
    topics = f"/v2/{made.project}/notifications/topics"
    made.topic = made.http.post(topics, json={"name": "alerts"}).json()["topic_urn"]
    nobody = free_ports(1)[0]
    for protocol, endpoint in (
        ("http", f"http://127.0.0.1:{receiver.server_port}/hook"),
        ("email", "you@example.org"),
        ("apprise", f"json://127.0.0.1:{nobody}/{CHAT}"),
    ):
        answer = made.http.post(
            f"{topics}/{made.topic}/subscriptions", json={"protocol": protocol, "endpoint": endpoint}
        )
        assert answer.status_code == 201, answer.text
        made.canaries[f"secret of a subscription by {protocol}"] = answer.json()["secret"]
    until(lambda: bool(told), 30, "the confirmation")
    url = told[0]["subscribe_url"]
    made.canaries["confirmation token"] = urllib.parse.parse_qs(urllib.parse.urlsplit(url).query)["token"][0][-43:]
    made.http.get(url.replace(made.canaries["confirmation token"], "x" * 43))
    assert httpx.get(url).status_code == 200
    for urn in (made.topic, REMOTE):
        assert made.http.post(f"{topics}/{urn}/publish", json={"message": "It works."}).status_code == 200
    until(lambda: len(told) > 1, 30, "the message")
    leave = urllib.parse.parse_qs(urllib.parse.urlsplit(told[1]["unsubscribe_url"]).query)["token"][0]
    made.canaries["token to unsubscribe"] = leave
    receiver.shutdown()
    receiver.server_close()

    def failed() -> bool:
        shown = made.get("/v1/{p}/notifications/deliveries").json()["deliveries"]
        return {one["protocol"] for one in shown if one.get("error")} == {"http", "email", "apprise", "smn"}

    until(failed, 60, "a try by each protocol")


def _services(made: Yard, directory: Path) -> None:
    yard, package = made.yard, server.script_package(directory, SCRIPT, CONFIG)
    model_id = server.published(made.stage, yard, "telling", package)
    secret = {"secret_envs": ["KEY"]}
    told = {
        "smn_notification": {"topic_urn": made.topic, "events": [1, 3, 7, 11]},
        "access_log": {"mode": "all"},
        "log_report_channels": [{"type": "LTS"}],
    }
    one = Variant(model_id=model_id, envs={"KEY": ENV}, more=secret)
    running = yard.services.wait(yard.services.create("telling", [one], additional_properties=told))
    for code in ("AppCode", "wrong AppCode"):
        headers = {"X-Apig-AppCode": made.canaries[code]}
        httpx.post(running.access_address, json={"n": 13}, headers=headers, timeout=60)
    for headers in ({"X-Auth-Token": made.canaries["token"]}, {"X-Auth-Token": made.canaries["wrong token"]}):
        failed = httpx.post(running.access_address, json={"n": 13}, headers=headers, timeout=60)
        assert failed.status_code >= 400
        assert "unlucky" not in failed.text
        assert not found(made, failed.content)
    failing = Variant(model_id=model_id, envs={"KEY": ENV, "FAIL": "1"}, deploy_timeout_in_seconds=60, more=secret)
    since = yard.services.configure(running.service_id, [failing])
    assert since is not None
    with pytest.raises(OperationFailed) as refused:
        yard.services.wait_update(running.service_id, since, patience=Patience(120))
    assert not found(made, str(refused.value).encode())
    source = made.stage.data_dir / "objects" / BUCKET / "rows"
    source.mkdir(parents=True)
    (source / "rows.csv").write_text("12\n13\n14\n")
    job = {
        "model_id": model_id,
        "specification": "modelarts.vm.cpu.2u",
        "instance_count": 1,
        "src_path": f"obs://{BUCKET}/rows/",
        "dest_path": f"obs://{BUCKET}/results/",
        "req_uri": "/",
        "mapping_type": "csv",
        "mapping_rule": {"type": "object", "properties": {"n": {"type": "integer", "index": 0}}},
        "envs": {"KEY": ENV},
        **secret,
    }
    batch = yard.batch.create("telling-batch", job)
    yard.services.wait_ended(batch, patience=Patience(120))
    made.services += [running.service_id, batch]
    at = f"/v1/{made.project}/services/{running.service_id}"
    for body in ({"config": [{**job, "envs": {"KEY": [ENV]}}]}, {"config": [{"envs": {"KEY": ENV}, **secret}]}):
        answer = made.http.put(at, json=body)
        assert answer.status_code == 400
        assert not found(made, answer.content)


def _failed_publications(made: Yard) -> None:
    secret = made.canaries["object secret key"]
    locations = (f"https://elsewhere.host/{secret}", "/elsewhere/model", f"/{BUCKET}/not-there")
    for n, location in enumerate(locations[1:]):
        body = {
            "model_name": f"failed-{n}",
            "model_version": "1.0.0",
            "model_type": "Custom",
            "source_location": location,
        }
        made.http.post(f"/v1/{made.project}/models", json=body)


def found(world: Yard, text: bytes) -> list[str]:
    """Which canaries are in it."""
    return [name for name, value in world.canaries.items() if any(each in text for each in spellings(value))]


def answers(world: Yard) -> Iterator[tuple[str, bytes]]:
    admin = (f"/v1/modelyard/admin/{what}" for what in ("buckets", "audit", "disk"))
    paths = ["/v1/{p}/services", "/v1/{p}/models", "/v1/{p}/modelyard/status", "/metrics", "/healthz", *admin]
    paths += ["/v1/{p}/audit", "/v1/{p}/modelyard/top", "/v1/{p}/notifications/deliveries"]
    paths += ["/v2/{p}/notifications/topics", "/v2/{p}/notifications/subscriptions", "/v2/{p}/groups"]
    for service_id in world.services:
        at = f"/v1/{{p}}/services/{service_id}"
        shown = ("events", "logs", "logs/lines", "revisions", "revisions/1", "monitor", "metrics", "tasks")
        paths += [at, *(f"{at}/{what}" for what in shown)]
        for task in world.get(f"{at}/tasks").json().get("tasks", []):
            paths.append(f"{at}/tasks/{task['task_id']}/failed-rows")
    for path in paths:
        answer = world.get(path)
        assert answer.status_code == 200 or (answer.status_code == 400 and path.endswith("/tasks")), path
        yield path, answer.content


def test_no_answer_tells_a_secret(world: Yard) -> None:
    told = dict(answers(world))
    assert {path: names for path, text in told.items() if (names := found(world, text))} == {}
    batch = f"/v1/{{p}}/services/{world.services[1]}"
    assert b"refused: ***" in next(text for path, text in told.items() if path.startswith(f"{batch}/tasks/"))
    assert b"cannot begin: ***" in told[f"/v1/{{p}}/services/{world.services[0]}/logs"]


def test_lines_are_kept_without_the_secrets_in_them(world: Yard) -> None:
    path = f"/v1/{{p}}/services/{world.services[0]}/logs/lines"
    until(lambda: b"unlucky: ***" in world.get(path, limit="5000").content, 30, "the failed call's lines")
    text = world.get(path, limit="5000").content
    assert b"MARKER" in text
    assert found(world, text) == []


def test_lines_of_streams_and_those_that_are_followed_have_none(world: Yard) -> None:
    """LTS, server-sent events, and the access log beside what the model wrote."""
    (group,) = world.get("/v2/{p}/groups").json()["log_groups"]
    streams = f"/v2/{{p}}/groups/{group['log_group_id']}/streams"
    (stream,) = world.get(streams).json()["log_streams"]
    path = f"{streams}/{stream['log_stream_id']}/content/query".replace("{p}", world.project)
    asked = {"start_time": 0, "end_time": int(time.time() * 1000) + 60_000, "limit": 5000}
    text = world.http.post(path, json=asked).content
    assert b"MARKER" in text
    assert b"POST / 500" in text, "a call"
    assert found(world, text) == []
    seen = b""
    at = f"/v1/{world.project}/services/{world.services[0]}/logs/watch"
    with world.http.stream("GET", at, params={"after": "0"}, timeout=30) as answer:
        for piece in answer.iter_bytes():
            seen += piece
            if seen.count(b"MARKER") >= text.count(b"MARKER") and b"POST / 500" in seen:
                break
    assert found(world, seen) == []


def test_messages_that_failed_say_why_without_secrets(world: Yard) -> None:
    shown = world.get("/v1/{p}/notifications/deliveries").json()["deliveries"]
    assert {one["protocol"] for one in shown} >= {"http", "email", "apprise", "smn"}
    assert found(world, json.dumps(shown).encode()) == []


def test_no_file_holds_a_secret(world: Yard) -> None:
    data_dir, wrong, looked = world.stage.data_dir, {}, 0
    for path in [*data_dir.rglob("*"), world.stage.log]:
        inside = path.relative_to(world.stage.root).parts
        may = {"keys", "credentials.json", "spec.json"} & set(inside) or (
            "instances" in inside and path.name.startswith("log")
        )
        if may or not path.is_file() or path.is_symlink():
            continue
        looked += 1
        if names := found(world, path.read_bytes()):
            wrong[str(path)] = names
    assert wrong == {}
    assert looked > 20


def test_no_stored_line_holds_a_secret_once_it_is_unpacked(world: Yard) -> None:
    """Files of kept lines are compressed, so their bytes alone prove nothing."""
    from modelyard.logs.blocks import released

    seen = b""
    for path in (world.stage.data_dir / "logs").glob("*/[0-9]*.db"):
        connection = sqlite3.connect(path)
        seen += b"".join(released(body) for (body,) in connection.execute("SELECT body FROM bodies"))
        seen += b"".join(body for (body,) in connection.execute("SELECT body FROM tail"))
        connection.close()
    assert b"MARKER" in seen
    assert found(world, seen) == []


def test_what_is_told_of_a_backup_holds_no_secret(world: Yard, tmp_path: Path) -> None:
    """Its keys and passwords are in files of it, which nothing prints."""
    target, data_dir = tmp_path / "a.backup", ["--data-dir", str(world.stage.data_dir)]
    shown = b""
    for arguments in (
        ["backup", str(target), *data_dir],
        ["backup", "--check", str(target)],
        ["backup", "--check", str(target), "--json"],
        ["restore", str(target), "--data-dir", str(tmp_path / "other")],
        ["restore", str(target), "--data-dir", str(tmp_path / "other")],
    ):
        done = subprocess.run(modelyard(*arguments), capture_output=True, check=False, timeout=60)
        shown += done.stdout + done.stderr
    assert b"is not empty" in shown
    with tarfile.open(target) as tar:
        for one in tar:
            content = tar.extractfile(one)
            assert found(world, one.name.encode()) == []
            if one.name in {"about.json", "manifest.jsonl"} or one.name.startswith(("database/", "packages/")):
                shown += content.read() if content else b""
    assert b"packages/" in shown
    assert found(world, shown + (world.stage.data_dir / "backup.json").read_bytes()) == []


def test_no_process_has_a_secret_in_its_title(world: Yard) -> None:
    titles = {path: _read(path) for path in Path("/proc").glob("[0-9]*/cmdline")}
    assert any(b"modelyard" in title for title in titles.values())
    assert {path: names for path, title in titles.items() if (names := found(world, title))} == {}


def test_no_process_inherits_a_secret_of_the_server(world: Yard) -> None:
    """The server itself was given them; an instance has what its `envs` say."""
    children = {path: _read(path) for path in Path("/proc").glob("[0-9]*/environ") if not _is_server(path.parent)}
    ours = {
        path: text for path, text in children.items() if bytes(world.stage.root) in _read(path.parent / "cmdline")
    }
    assert len(ours) > 3, "the gateway, the process of the logs, shims"
    may = {"env"}
    wrong = {path: {*names} - may for path, text in children.items() if (names := found(world, text))}
    assert {path: names for path, names in wrong.items() if names} == {}


def _is_server(process: Path) -> bool:
    """Of the server, or what started it: the tests."""
    arguments = _read(process / "cmdline").split(b"\0")
    return b"up" in arguments or int(process.name) in {os.getpid(), os.getppid()}


def test_what_may_hold_secrets_is_readable_for_us_alone(world: Yard) -> None:
    for path in (world.stage.data_dir / "credentials.json", *(world.stage.data_dir / "keys").rglob("*")):
        assert path.stat().st_mode & 0o077 == 0, path
    for path in world.stage.data_dir.glob("modelyard.db*"):
        assert path.stat().st_mode & 0o077 == 0, path
    for path in (world.stage.data_dir / "instances").glob("*/spec.json"):
        assert path.stat().st_mode & 0o077 == 0, path


def test_nothing_is_left_among_temporary_files(world: Yard) -> None:
    wrong: dict[str, list[str]] = {}
    for top in (Path(tempfile.gettempdir()), Path("/dev/shm")):
        for path in (one for one in top.iterdir() if one != world.stage.root and _since(one, world.began)):
            if path.name.startswith(("pytest-", "modelyard-tests-")):
                continue
            for file in [path, *path.rglob("*")] if path.is_dir() else [path]:
                new = file.is_file() and not file.is_symlink() and _since(file, world.began)
                if new and file.stat().st_size < 1 << 20 and (names := found(world, _read(file))):
                    wrong[str(file)] = names
    assert wrong == {}


def _since(path: Path, moment: float) -> bool:
    try:
        return path.lstat().st_mtime >= moment
    except OSError:
        return False


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError:  # it ended meanwhile
        return b""
