"""Whose certificates both clients believe, and what is said of a name or certificate that is no good."""

import asyncio
import ssl
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from tests.unit.engines.test_probe_tls import Authority

from modelyard.client import AsyncClient, Client, Credentials, Unreachable, Unresolved, Untrusted, UnusableFile
from modelyard.client.credentials import auth_url
from modelyard.client.trust import verify

TOKEN = b'{"token": {"project": {"id": "p1", "name": "lab"}, "user": {"name": "ada"}, "expires_at": ""}}'
ANSWER = (
    b"HTTP/1.1 201 Created\r\nX-Subject-Token: t\r\nConnection: close\r\nContent-Type: application/json\r\n"
    b"Content-Length: %d\r\n\r\n%s" % (len(TOKEN), TOKEN)
)


@pytest.fixture(autouse=True)
def _nothing_is_said(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    for name in ("OS_CACERT", "SSL_CERT_FILE"):
        monkeypatch.delenv(name, raising=False)
    yield


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    made = Authority(tmp_path)
    made.certificate("authority", authority=True)
    made.certificate("localhost")
    return made


@asynccontextmanager
async def server(context: ssl.SSLContext | None) -> AsyncIterator[int]:
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await (reader.readuntil(b"\r\n\r\n") if context else reader.read(1))
            writer.write(ANSWER)
            await writer.drain()
        except (OSError, EOFError):
            pass
        finally:
            writer.close()

    listening = await asyncio.start_server(serve, "127.0.0.1", 0, ssl=context)
    async with listening:
        yield listening.sockets[0].getsockname()[1]


def of(directory: Path) -> ssl.SSLContext:
    made = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    made.load_cert_chain(directory / "localhost.pem")
    return made


def nap(_: float) -> None:
    """Does not wait."""


async def no_nap(_: float) -> None:
    """Does not wait."""


async def logged_in(kind: str, url: str, ca_file: str = "") -> Any:
    given = Credentials(auth_url=auth_url(url), username="ada", password="s3cret", ca_file=ca_file)
    if kind == "blocking":

        def blocking() -> Any:
            with Client(given, sleep=nap) as client:
                return client.session.login()

        return await asyncio.to_thread(blocking)
    async with AsyncClient(given, sleep=no_nap) as client:
        return await client.session.login()


both = pytest.mark.parametrize("kind", ["blocking", "asyncio"])


@both
async def test_a_certificate_of_a_ca_of_ones_own_is_believed_when_it_is_named(
    kind: str, authority: Authority, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with server(of(tmp_path)) as port:
        url, ca = f"https://localhost:{port}", str(tmp_path / "authority.pem")
        with pytest.raises(Untrusted, match=rf"https://localhost:{port}: its certificate is not believed \("):
            await logged_in(kind, url)
        assert (await logged_in(kind, url, ca)).user_name == "ada"
        for name in ("SSL_CERT_FILE", "OS_CACERT"):
            with monkeypatch.context() as said:
                said.setenv(name, ca)
                assert (await logged_in(kind, url)).user_name == "ada"
        with pytest.raises(Untrusted, match="certificate is not valid for"):
            await logged_in(kind, f"https://127.0.0.1:{port}", ca)


@both
async def test_what_speaks_no_tls_is_said_to_do_so(kind: str) -> None:
    async with server(None) as port:
        with pytest.raises(Unreachable, match="does not speak TLS"):
            await logged_in(kind, f"https://127.0.0.1:{port}")


@both
async def test_a_name_without_an_address_is_said_to_be_one(kind: str) -> None:
    with pytest.raises(Unresolved, match=r"http://yard\.invalid: there is no address for this name"):
        await logged_in(kind, "http://yard.invalid")


def test_a_file_that_holds_no_certificate_is_named(tmp_path: Path) -> None:
    with pytest.raises(UnusableFile, match=r"SSL_CERT_FILE: /no/such cannot be used .*: No such file"):
        verify("https://yard", "", {"SSL_CERT_FILE": "/no/such"})
    (tmp_path / "ca.pem").write_text("hello")
    with pytest.raises(UnusableFile, match=r"ca\.pem cannot be used as a file of certificates: it holds no cert"):
        verify("http://yard", str(tmp_path / "ca.pem"), {"SSL_CERT_FILE": "/no/such"})
    assert verify("https://yard", "", {}) is True


def test_a_file_for_others_is_not_missed_where_there_is_no_tls() -> None:
    assert verify("http://yard", "", {"SSL_CERT_FILE": "/no/such"}) is True


def test_the_variable_of_openstack_is_read_and_told() -> None:
    known = {"OS_AUTH_URL": "https://a/v3", "OS_USERNAME": "ada", "OS_PASSWORD": "p", "OS_CACERT": "/ca.pem"}
    given = Credentials.from_environment(known)
    assert given.ca_file == "/ca.pem"
    assert given.environment()["OS_CACERT"] == "/ca.pem"
