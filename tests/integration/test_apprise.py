"""Notifications by Apprise itself, to a receiver on this machine; and what it is kept from."""

import json
import subprocess
import sys
from collections.abc import AsyncIterator
from ipaddress import ip_network
from pathlib import Path

import pytest
from tests.worlds.receiver import Receiver, answer, receiving
from tests.worlds.subscribing import Subscribing, subscribing

from modelyard.domain.notifications import Message, Subscription
from modelyard.notify import apprise
from modelyard.notify.apprise import AppriseChannel, hint, masked
from modelyard.notify.base import PassingError, PermanentError
from modelyard.notify.guard import Guard

TOPIC = "urn:smn:local:p1:t"
TOLD = Message("m1", "p1", TOPIC, "down", "It is down.", 1_700_000_000_000)
KEY = "s3cr3t-k3y"


def to(url: str) -> Subscription:
    return Subscription(f"{TOPIC}:{'a' * 32}", TOPIC, "p1", "apprise", hint(url), address=url)


def channel(*allowed: str) -> AppriseChannel:
    networks = [ip_network(one) for one in allowed]
    return AppriseChannel(Guard(networks), networks)


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[Subscribing]:
    async with subscribing(tmp_path) as made:
        yield made


@pytest.fixture
async def receiver() -> AsyncIterator[Receiver]:
    async with receiving() as made:
        yield made


async def test_from_subscription_to_message(world: Subscribing, receiver: Receiver) -> None:
    urn = await world.topic()
    url = f"json://user:{KEY}@127.0.0.1:{receiver.port}/hook"
    made = await world.subscribe(urn, "apprise", url)
    assert made.status_code == 201, made.text
    shown = (await world.call("GET", "/v2/p1/notifications/subscriptions")).json()["subscriptions"]
    assert shown[0]["endpoint"] == hint(url)
    assert shown[0]["status"] == 2
    await world.publish(urn, subject="down", message="It is down.")
    await world.run()
    (got,) = receiver.received
    sent = json.loads(got.body)
    assert (sent["title"], sent["message"]) == ("down", "It is down.")
    again = await world.subscribe(urn, "apprise", url)
    assert (again.status_code, again.json()["subscription_urn"]) == (200, made.json()["subscription_urn"])
    everything = (await world.call("GET", "/v1/p1/notifications/deliveries")).text + str(shown)
    assert KEY not in everything


async def test_what_it_answers_is_told_without_keys(receiver: Receiver) -> None:
    receiver.usual = answer("500 Internal Server Error")
    url = f"json://user:{KEY}@127.0.0.1:{receiver.port}/{KEY}"
    with pytest.raises(PassingError) as raised:
        await channel("127.0.0.0/8").send(to(url), TOLD)
    assert "500" in raised.value.cause and KEY not in raised.value.cause


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "2130706433"])
async def test_addresses_that_are_not_allowed_are_not_reached(receiver: Receiver, host: str) -> None:
    with pytest.raises(PassingError, match="loopback"):
        await channel().send(to(f"json://{host}:{receiver.port}/"), TOLD)
    assert receiver.connections == 0


async def test_a_redirect_to_such_an_address_is_not_followed(receiver: Receiver) -> None:
    receiver.usual = answer("302 Found", "Location: http://127.9.9.9:1/")
    with pytest.raises(PassingError, match=r"127\.9\.9\.9 is loopback"):
        await channel("127.0.0.1/32").send(to(f"json://127.0.0.1:{receiver.port}/?method=get"), TOLD)


@pytest.mark.parametrize("url", ["dbus://", "syslog://localhost", "gnome://", "nonsense://x", "x", "://"])
async def test_what_is_of_this_machine_or_unknown_cannot_be_subscribed(world: Subscribing, url: str) -> None:
    refused = await world.subscribe(await world.topic(), "apprise", url)
    if refused.status_code == 201:  # known, and never reaches anything: nothing but addresses can be connected to
        urn = refused.json()["subscription_urn"]
        await world.publish(urn.rpartition(":")[0], message="x")
        await world.run()
        (one,) = (await world.call("GET", "/v1/p1/notifications/deliveries")).json()["deliveries"]
        assert one["state"] != "delivered", one
        return
    assert (refused.status_code, refused.json()["details"][0]["field"]) == (400, "endpoint")


@pytest.mark.parametrize("url", ["syslog://", "syslog://local0", "syslog://?pid=no&perror=yes"])
async def test_nothing_is_written_to_the_log_of_this_machine(world: Subscribing, url: str) -> None:
    refused = await world.subscribe(await world.topic(), "apprise", url)
    assert (refused.status_code, refused.json()["details"][0]["field"]) == (400, "endpoint"), refused.text
    assert "it would write to the log of this machine" in refused.json()["error_msg"]


@pytest.mark.parametrize(
    "way",
    [
        "workflows://127.0.0.1:{port}/WID/SIG/?template={path}",
        "workflows://127.0.0.1:{port}/WID/SIG/?template=file://{path}",
        "fcm://project/device/?keyfile={path}",
    ],
)
async def test_nobody_finds_out_by_it_which_files_there_are(receiver: Receiver, tmp_path: Path, way: str) -> None:
    there, large, away = tmp_path / "aaaa.json", tmp_path / "bbbb.json", tmp_path / "cccc.json"
    there.write_text('{"type": "message", "attachments": [{"content": {"text": "s3cr3t"}}]}')
    large.write_text("x" * 100_000)
    said = set()
    for path in (there, large, away):
        url = way.format(port=receiver.port, path=path)
        with pytest.raises((PassingError, PermanentError)) as raised:
            await channel("127.0.0.0/8").send(to(url), TOLD)
        said.add(raised.value.cause)
    assert len(said) == 1, said
    assert receiver.received == []


@pytest.mark.parametrize(
    ("text", "refused"),
    [
        *((f"open({path!r})", True) for path in ("/etc/passwd", "/proc/self/environ", "/usr/../etc/passwd", "x")),
        *((f"open({path!r}, 'w')", True) for path in ("/tmp/modelyard-x", "/usr/modelyard-x")),
        (f"open({str(Path(json.__file__).parent / '__pycache__' / 'x')!r}, 'r+')", True),
        *((f"open({path!r})", False) for path in ("/usr/bin/env", "/etc/hosts", json.__file__)),
        ("open(os.devnull, 'w')", False),
        ("bytearray(2 * 1024**3)", True),
    ],
)
def test_files_and_memory_of_its_process_are_bounded(text: str, refused: bool) -> None:
    program = (
        "import os, sys; from modelyard.notify import apprise_child as child; child.bound();"
        f" sys.addaudithook(child.Confinement([])); {text}"
    )
    done = subprocess.run([sys.executable, "-I", "-c", program], capture_output=True, text=True, check=False)
    assert (done.returncode != 0) is refused, done.stderr
    assert not refused or "it would open a file" in done.stderr or "MemoryError" in done.stderr


async def test_a_private_host_is_refused_when_somebody_subscribes(world: Subscribing) -> None:
    refused = await world.subscribe(await world.topic(), "apprise", f"json://user:{KEY}@10.1.2.3/")
    assert "10.1.2.3, which is private" in refused.json()["error_msg"]
    assert KEY not in refused.text


async def test_where_it_is_not_installed_one_is_told_how(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(apprise, "installed", lambda: False)
    async with subscribing(tmp_path) as world:
        refused = await world.subscribe(await world.topic(), "apprise", "slack://a/b/c")
        assert refused.status_code == 400
        assert "pip install 'modelyard[apprise]'" in refused.json()["error_msg"]


def test_masking_and_hints() -> None:
    url = "slack://T1JJ3T3L2/A1BRTD4JD/TIiajkdnlazkcOXrIdevi7FQ/#ops"
    assert masked("cannot reach T1JJ3T3L2 with TIiajkdnlazkcOXrIdevi7FQ", url) == "cannot reach *** with ***"
    assert hint(url) != hint(url + "x")
    assert "T1JJ3T3L2" not in hint(url)
    assert "apprise" not in sys.modules
