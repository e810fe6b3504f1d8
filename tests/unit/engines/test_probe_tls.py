"""An instance elsewhere is asked over TLS, and believed only if its certificate says that it is of the service."""

import asyncio
import datetime
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from modelyard.domain.address import TlsAddress
from modelyard.engines.health_state import Answer, Silence
from modelyard.engines.probe import Probe, Tls

NOW = datetime.datetime.now(datetime.UTC)


@dataclass
class Authority:
    """Signs certificates, and writes each with its key to a file."""

    directory: Path
    key: ec.EllipticCurvePrivateKey = field(default_factory=lambda: ec.generate_private_key(ec.SECP256R1()))

    def certificate(self, name: str, *, authority: bool = False) -> Path:
        key = self.key if authority else ec.generate_private_key(ec.SECP256R1())
        made = (
            x509.CertificateBuilder()
            .subject_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)]))
            .issuer_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "authority")]))
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(NOW - datetime.timedelta(hours=1))
            .not_valid_after(NOW + datetime.timedelta(hours=1))
            .add_extension(x509.BasicConstraints(ca=authority, path_length=None), critical=True)
            .add_extension(x509.SubjectAlternativeName([x509.DNSName(name)]), critical=False)
            .sign(self.key, hashes.SHA256())
        )
        file = self.directory / f"{name}.pem"
        pem, plain = serialization.Encoding.PEM, serialization.NoEncryption()
        private = key.private_bytes(pem, serialization.PrivateFormat.PKCS8, plain)
        file.write_bytes(private + made.public_bytes(pem))
        return file

    def context(self, purpose: ssl.Purpose, name: str) -> ssl.SSLContext:
        """Shows the certificate of `name`, and asks the other side for one of this authority."""
        made = ssl.create_default_context(purpose, cafile=str(self.certificate("authority", authority=True)))
        made.load_cert_chain(self.certificate(name))
        made.verify_mode = ssl.CERT_REQUIRED
        return made


@asynccontextmanager
async def instance(context: ssl.SSLContext) -> AsyncIterator[TlsAddress]:
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await reader.readuntil(b"\r\n\r\n")
            writer.write(b"HTTP/1.1 200 OK\r\nx-in-flight: 1\r\nx-requests: 2\r\ncontent-length: 0\r\n\r\n")
            await reader.read(1)
        except (OSError, EOFError):
            pass
        finally:
            writer.transport.abort()

    server = await asyncio.start_server(serve, "127.0.0.1", 0, ssl=context)
    async with server:
        yield TlsAddress("127.0.0.1", server.sockets[0].getsockname()[1])


@pytest.mark.parametrize(
    ("name", "reply"),
    [("service-1", Answer(200, 1, 2)), ("service-2", Silence())],
    ids=["its name", "another name"],
)
async def test_only_an_instance_of_the_service_is_heard(
    tmp_path: Path, name: str, reply: Answer | Silence
) -> None:
    authority = Authority(tmp_path)
    ours = authority.context(ssl.Purpose.SERVER_AUTH, "gateway")
    async with instance(authority.context(ssl.Purpose.CLIENT_AUTH, name)) as address:
        probe = Probe(address, tls=Tls(ours, "service-1"))
        assert await probe.check("/health", 10) == reply
        probe.close()


def test_there_is_no_plain_tcp() -> None:
    with pytest.raises(ValueError, match="TLS only"):
        Probe(TlsAddress("127.0.0.1", 1))
