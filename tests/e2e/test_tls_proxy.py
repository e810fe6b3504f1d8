"""The recipes of `deploy/tls`, each before a whole server, as real clients use it: HTTP/2, streams, WebSockets."""

import datetime
import ipaddress
import json
import re
import shutil
import socket
import ssl
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import httpx
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from examples.demo.stage import Stage, free_ports, until
from tests.worlds import server
from websockets.sync.client import connect

from modelyard.client import Client, Credentials, Service
from modelyard.gateway.envoy_runs import binary

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(180)]
RECIPES = Path(__file__).parents[2] / "deploy" / "tls"
NGINX = shutil.which("nginx", path="/usr/sbin:/usr/bin:/usr/local/bin")
SCRIPT = """
import asyncio
from model_service.model_service import SingleNodeService

class Answering(SingleNodeService):
    async def _inference(self, data):
        return self.beats() if "beats" in data else {"size": len(data["text"])}

    async def beats(self):
        yield {"beat": 1}
        await asyncio.sleep(3600)

    async def _websocket(self, connection):
        async for text in connection:
            await connection.send({"heard": text})
"""
API = {
    "url": "/",
    "method": "post",
    "request": {"Content-type": "application/json", "data": {"type": "object"}},
    "response": {"Content-type": "application/json", "data": {"type": "object"}},
}
CONFIG = {"model_type": "Custom", "model_algorithm": "tls", "runtime": "python3.11", "apis": [API]}


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Of 127.0.0.1, signed by itself: a directory with fullchain.pem and privkey.pem."""
    folder = tmp_path_factory.mktemp("tls")
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "modelyard test")])
    now = datetime.datetime.now(datetime.UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]), False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), True)
        .sign(key, hashes.SHA256())
    )
    (folder / "fullchain.pem").write_bytes(made.public_bytes(serialization.Encoding.PEM))
    pem = serialization.PrivateFormat.PKCS8
    secret = key.private_bytes(serialization.Encoding.PEM, pem, serialization.NoEncryption())
    (folder / "privkey.pem").write_bytes(secret)
    return folder


@pytest.fixture(scope="module")
def trust(certificate: Path) -> ssl.SSLContext:
    return ssl.create_default_context(cafile=str(certificate / "fullchain.pem"))


@pytest.fixture(scope="module", params=["envoy", "nginx"])
def proxied(
    request: pytest.FixtureRequest, certificate: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[Stage, str]]:
    """A server behind the recipe's proxy, and the URL that it is told."""
    if request.param == "nginx" and NGINX is None:
        pytest.skip(
            "THE RECIPE FOR NGINX IS NOT TESTED: it is not installed (Debian: apt-get install nginx-light)"
        )
    folder = tmp_path_factory.mktemp(request.param)
    (port,) = free_ports(1)
    url = f"https://127.0.0.1:{port}"
    with pytest.MonkeyPatch.context() as patch, Stage() as stage:
        patch.setenv("MODELYARD_PUBLIC_URL", url)
        patch.setenv("MODELYARD_TRUSTED_PROXIES", f"127.0.0.1, {own_address()}")
        stage.up()
        proxy = subprocess.Popen(command(request.param, folder, certificate, port, stage), cwd=folder)
        try:
            until(lambda: listens(port), 20, "the proxy to listen")
            yield stage, url
        finally:
            proxy.terminate()
            proxy.wait(20)


def own_address() -> str:
    """What Envoy takes a caller on its own machine for. Nothing is sent."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect(("198.51.100.1", 9))
        except OSError:
            return "127.0.0.1"
        return str(probe.getsockname()[0])


def command(which: str, folder: Path, certificate: Path, port: int, stage: Stage) -> list[str]:
    """The recipe, with the places of this test in it."""
    recipe = "envoy.yaml" if which == "envoy" else "nginx.conf"
    text = (RECIPES / recipe).read_text()
    changes = {
        "/etc/modelyard/tls": str(certificate),
        "8470": str(stage.ports[0]),
        "8471": str(stage.ports[1]),
        "port_value: 443": f"port_value: {port}",
        "listen 443": f"listen {port}",
        "0.0.0.0": "127.0.0.1",
        "models.example.com": "127.0.0.1",
    }
    text = re.sub("|".join(map(re.escape, changes)), lambda found: changes[found[0]], text)
    path = folder / recipe
    if which == "envoy":
        path.write_text(text)
        return [
            str(binary()),
            "-c",
            str(path),
            "--log-level",
            "warn",
            "--base-id",
            str(port),
            "--concurrency",
            "1",
        ]
    around = f"pid {folder}/pid; error_log stderr; events {{}}\nhttp {{ access_log off;\n"
    places = "".join(
        f"{kind}_temp_path {folder}/{kind};\n" for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    )
    path.write_text(f"{around}{places}{text}\n}}\n")
    assert NGINX is not None
    return [NGINX, "-c", str(path), "-g", "daemon off;", "-e", "stderr"]


def listens(port: int) -> bool:
    try:
        httpx.get(f"https://127.0.0.1:{port}/healthz", verify=False)
    except httpx.HTTPError:
        return False
    return True


@pytest.fixture(scope="module")
def service(proxied: tuple[Stage, str], tmp_path_factory: pytest.TempPathFactory) -> Service:
    stage, _ = proxied
    package = server.script_package(tmp_path_factory.mktemp("answering"), SCRIPT, CONFIG)
    with stage.client() as yard:
        model = server.published(stage, yard, "answering", package)
        entry = {"model_id": model, "weight": 100, "specification": "modelarts.vm.cpu.2u", "instance_count": 1}
        body = {"service_name": "answering", "infer_type": "real-time", "config": [entry]}
        body["additional_properties"] = {"websocket_upgrade": True}
        made = yard.session.call("POST", "/services", body=body)
        return yard.services.wait(str(made["service_id"]))


@pytest.fixture(scope="module")
def token(proxied: tuple[Stage, str], trust: ssl.SSLContext) -> str:
    return str(logged_in(proxied, trust).headers["X-Subject-Token"])


def logged_in(proxied: tuple[Stage, str], trust: ssl.SSLContext, **headers: str) -> httpx.Response:
    stage, url = proxied
    given = json.loads((stage.data_dir / "credentials.json").read_text())
    domain = {"name": given["domain_name"]}
    user = {"name": given["user_name"], "domain": domain, "password": given["password"]}
    scope = {"project": {"name": given["project_name"], "domain": domain}}
    method = {"methods": ["password"], "password": {"user": user}}
    body = {"auth": {"identity": method, "scope": scope}}
    answer = httpx.post(f"{url}/v3/auth/tokens", json=body, headers=headers, verify=trust)
    assert answer.status_code == 201, answer.text
    return answer


def test_every_address_that_is_told_is_the_proxys(
    proxied: tuple[Stage, str], service: Service, trust: ssl.SSLContext
) -> None:
    stage, url = proxied
    assert service.access_address == f"{url}/v1/infers/{service.service_id}"
    catalog = logged_in(proxied, trust).json()["token"]["catalog"]
    urls = {endpoint["url"] for entry in catalog for endpoint in entry["endpoints"]}
    assert urls
    assert all(one.startswith(f"{url}/") or one == url for one in urls), urls
    assert httpx.get(f"{url}/v3", verify=trust).json()["version"]["links"][0]["href"].startswith(url)
    local = Credentials.from_data_dir(stage.data_dir)
    assert urlsplit(local.auth_url).scheme == "http"  # commands of this machine need no proxy


def test_calls_streams_large_bodies_and_websockets(
    proxied: tuple[Stage, str], service: Service, trust: ssl.SSLContext, token: str
) -> None:
    headers = {"X-Auth-Token": token}
    with httpx.Client(verify=trust, headers=headers, timeout=60) as client:
        answer = client.post(service.access_address, json={"text": "x" * 10_000_000})
        assert (answer.status_code, answer.json()) == (200, {"size": 10_000_000})
        sse = {"Accept": "text/event-stream"}
        with client.stream("POST", service.access_address, json={"beats": 1}, headers=sse) as stream:
            first = next(line for line in stream.iter_lines() if line.startswith("data"))
            assert json.loads(first.partition(":")[2]) == {"beat": 1}  # while the answer goes on
    address = service.access_address.replace("https", "wss", 1)
    with connect(address, ssl=trust, additional_headers=headers, proxy=None) as talk:
        talk.send("hello")
        assert json.loads(talk.recv(timeout=20)) == {"heard": "hello"}


@pytest.mark.skipif(shutil.which("curl") is None, reason="HTTP/2 IS NOT TESTED: curl is not installed")
def test_http_2(service: Service, certificate: Path, token: str) -> None:
    """Its version, status and body, as curl sees them."""
    command = ["curl", "--silent", "--http2", "--max-time", "30", "--cacert", str(certificate / "fullchain.pem")]
    asked = [service.access_address, "-H", f"X-Auth-Token: {token}", "--json", '{"text": "four"}']
    said = subprocess.run(
        [*command, "-w", " %{http_version} %{http_code}", *asked], check=True, capture_output=True, text=True
    )
    assert said.stdout == '{"size":4} 2 200'


def test_the_api_streams_takes_uploads_and_knows_who_calls(
    proxied: tuple[Stage, str], service: Service, trust: ssl.SSLContext, token: str
) -> None:
    stage, url = proxied
    project = json.loads((stage.data_dir / "credentials.json").read_text())["project_id"]
    with httpx.Client(verify=trust, headers={"X-Auth-Token": token}, timeout=60) as client:
        watch = f"{url}/v1/{project}/services/{service.service_id}/watch"
        with client.stream("GET", watch, headers={"Accept": "text/event-stream"}) as stream:
            assert next(line for line in stream.iter_lines() if line.startswith("data"))
        assert client.put(f"{url}/v1/{project}/objects/large").status_code == 200
        sent = client.put(f"{url}/v1/{project}/objects/large/one%2Ftwo", content=b"x" * 20_000_000)
        assert sent.status_code == 200, sent.text
    logged_in(proxied, trust, **{"X-Forwarded-For": "198.51.100.7"})  # of a proxy before this one, it says
    with stage.client() as yard:
        assert audited(yard, "198.51.100.7"), yard.admin.audit(everywhere=True, limit=10)


def audited(yard: Client, address: str) -> list[dict[str, object]]:
    end = time.monotonic() + 20
    while True:
        rows = [row for row in yard.admin.audit(everywhere=True, limit=50) if row.get("address") == address]
        if rows or time.monotonic() > end:
            return rows
        time.sleep(0.1)
