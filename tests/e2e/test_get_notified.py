"""Notifications of a whole server: the vendor's SDK unchanged, and the steps of docs/howto/get-notified.md."""

import json
import subprocess
import sys
from collections.abc import Iterator
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default
from pathlib import Path
from typing import Any

import httpx
import pytest
from aiosmtpd.controller import Controller
from examples.demo.stage import Stage, free_ports, modelyard, until
from tests.worlds import server

from modelyard.client import Client, Variant

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(300)]

SDK = Path(__file__).with_name("smn_sdk.py")
RECEIVER = Path(__file__).parents[2] / "examples" / "notifications" / "receiver.py"
ROOT = Path(__file__).parents[2]


class Mailbox:
    """A mail server: what it took, by recipient."""

    def __init__(self) -> None:
        self.taken: list[tuple[list[str], str]] = []
        self.controller = Controller(self, hostname="127.0.0.1", port=free_ports(1)[0])

    async def handle_DATA(self, server: Any, session: Any, envelope: Any) -> str:
        mail = message_from_bytes(envelope.content, policy=default)
        assert isinstance(mail, EmailMessage)
        self.taken.append((envelope.rcpt_tos, f"{mail['Subject']}\n{mail.get_content()}"))
        return "250 OK"


@pytest.fixture(scope="module")
def mailbox() -> Iterator[Mailbox]:
    box = Mailbox()
    box.controller.start()
    yield box
    box.controller.stop()


@pytest.fixture(scope="module")
def stage(mailbox: Mailbox) -> Iterator[Stage]:
    given = {
        "MODELYARD_NOTIFY_ALLOW": "127.0.0.0/8",
        "MODELYARD_SMTP_HOST": "127.0.0.1",
        "MODELYARD_SMTP_PORT": str(mailbox.controller.port),
        "MODELYARD_SMTP_FROM": "Modelyard <models@example.org>",
        "MODELYARD_SMTP_TLS": "none",
    }
    with pytest.MonkeyPatch.context() as patch, Stage() as started:
        for name, value in given.items():
            patch.setenv(name, value)
        started.up()
        yield started


yard = pytest.fixture(server.yard)


@pytest.fixture(scope="module")
def sdk_python(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A Python that has the SDK."""
    home, uv = tmp_path_factory.mktemp("sdk"), str(Path(sys.executable).with_name("uv"))
    for command in (
        [uv, "venv", "-q", "--python", sys.executable, str(home)],
        [uv, "pip", "install", "-q", "--python", str(home / "bin/python"), "huaweicloudsdksmn==3.1.219"],
    ):
        done = subprocess.run(command, check=False, capture_output=True, text=True, timeout=240)
        if done.returncode:
            pytest.skip(f"huaweicloudsdksmn cannot be installed here: {done.stderr.strip()[-300:]}")
    return home / "bin" / "python"


def test_the_vendor_s_sdk_unchanged(stage: Stage, sdk_python: Path) -> None:
    own = json.loads((stage.data_dir / "credentials.json").read_text())
    given = {
        **{"access": own["access_key"], "secret": own["secret_key"], "project_id": own["project_id"]},
        **{"url": f"http://127.0.0.1:{stage.ports[0]}", "endpoint": "http://127.0.0.1:9/"},
    }
    done = subprocess.run(
        [str(sdk_python), str(SDK)],
        input=json.dumps(given),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    found = json.loads(done.stdout)
    urn = f"urn:smn:local:{own['project_id']}:sdk"
    assert (found["created"], found["listed"], found["display_name"]) == (urn, [urn], "renamed")
    assert found["subscriptions"] == [[True, 0, "sdk"]]
    assert len(found["message_id"]) == 32
    assert found["gone"] == [404, "ModelArts.0104"]


def said(stage: Stage, *arguments: str) -> str:
    command = modelyard("topics", *arguments, "--data-dir", stage.data_dir)
    done = subprocess.run(command, check=False, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def test_the_how_to_from_topic_to_what_a_service_tells(stage: Stage, yard: Client, tmp_path: Path) -> None:
    topic = said(stage, "create", "alerts")
    (port,) = free_ports(1)
    _, secret = said(stage, "subscribe", "alerts", f"http://127.0.0.1:{port}/").splitlines()
    log = tmp_path / "receiver.log"
    command = [sys.executable, str(RECEIVER), "--port", str(port), "--topic", topic, "--secret", secret]
    with log.open("wb") as output:
        receiver = subprocess.Popen(
            [*command, "--certificates", f"http://127.0.0.1:{stage.ports[0]}/"], stdout=output, stderr=output
        )
    try:
        until(lambda: " confirmed " in said(stage, "ls", "alerts"), 60, "the confirmation")
        id = said(stage, "publish", "alerts", "It works.", "--subject", "Hello")
        until(lambda: "Hello\nIt works." in log.read_text(), 60, "the message")
        assert "delivered" in said(stage, "deliveries", "alerts", "--message", id)
        told = {"smn_notification": {"topic_urn": topic, "events": [1, 3, 7, 11]}}
        model = server.published(stage, yard, "told", server.ECHO)
        service_id = yard.services.create("told", [Variant(model_id=model)], additional_properties=told)
        yard.services.wait(service_id)
        until(lambda: "told" in log.read_text(), 60, "what the service tells")
        assert "refused" not in log.read_text()
        assert said(stage, "redeliver", "--all") == "0 sent again"
        (one,) = [row["subscription_urn"] for row in yard.topics.subscriptions("alerts")]
        assert yard.topics.secret(str(one)) == secret
        said(stage, "unsubscribe", str(one), "--yes")
        assert yard.topics.subscriptions("alerts") == []
        yard.services.delete(service_id)
        said(stage, "rm", "alerts", "--yes")
        assert yard.topics.all() == []
    finally:
        receiver.terminate()
        receiver.wait(timeout=10)


def test_mail_and_chats(stage: Stage, yard: Client, mailbox: Mailbox, tmp_path: Path) -> None:
    said(stage, "create", "told")
    said(stage, "subscribe", "told", "ops@example.org")
    until(lambda: mailbox.taken, 60, "the confirmation")
    (recipients, text), *_ = mailbox.taken
    assert recipients == ["ops@example.org"]
    link = next(word for word in text.split() if "/smn/subscription/confirm" in word)
    assert httpx.get(link).status_code == 200
    posted = tmp_path / "posted"
    (port,) = free_ports(1)
    chat = subprocess.Popen([sys.executable, "-c", CHAT, str(port), str(posted)])
    try:
        url = f"json://user:hunter2@127.0.0.1:{port}/"
        said(stage, "subscribe", "told", url)
        assert "hunter2" not in said(stage, "ls", "told", "--json")
        said(stage, "publish", "told", "Look here.", "--subject", "Hello")
        until(lambda: len(mailbox.taken) == 2, 60, "the mail")
        assert mailbox.taken[1][1].startswith("Hello\nLook here.")
        until(lambda: "Look here." in (posted.read_text() if posted.exists() else ""), 60, "the chat")
    finally:
        chat.terminate()
        chat.wait(timeout=10)
        said(stage, "rm", "told", "--yes")


CHAT = """
import http.server, sys
class Handler(http.server.BaseHTTPRequestHandler):
    def do_POST(self):
        open(sys.argv[2], 'ab').write(self.rfile.read(int(self.headers['Content-Length'])))
        self.send_response(200); self.send_header('Content-Length', '0'); self.end_headers()
    def log_message(self, *_): pass
http.server.HTTPServer(('127.0.0.1', int(sys.argv[1])), Handler).serve_forever()
"""
