"""The certificates that messages are signed under, in DATA_DIR/keys/notifications.

    ID.key   the private key of a certificate that is in use (0600)
    ID.pem   the certificate, which everybody may read at `signing_cert_url`

One is made when the first message is signed, and another one when it is about to expire; the private key of the
old one is removed then, and its certificate stays, since messages signed under it are still checked. Nobody
vouches for a certificate but the address that it is fetched from.
"""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.x509.oid import NameOID

from modelyard import files

KEY_BITS = 2048
VALID = timedelta(days=365)
RENEW = timedelta(days=30)
"""Before the end of a certificate: longer than any message is on its way."""
SLACK = timedelta(days=1)
"""Clocks of receivers differ from ours."""
ID_DIGITS = 32
MOST_BYTES = 64 * 1024


@dataclass(frozen=True, slots=True)
class Certificate:
    """`id` names it in its address."""

    id: str
    ends: datetime
    key: rsa.RSAPrivateKey = field(repr=False)


class Certificates:
    """`clock`: milliseconds since 1970 UTC."""

    def __init__(self, directory: Path, clock: Callable[[], int]) -> None:
        self._directory = directory
        self._clock = clock
        self._lock = asyncio.Lock()
        self._now: Certificate | None = None

    async def current(self) -> Certificate:
        """The one to sign under now. Raises OSError, files.DamagedFileError."""
        async with self._lock:
            if self._now is None or self._late(self._now):
                self._now = await asyncio.to_thread(self._found_or_made)
            return self._now

    async def pem(self, id: str) -> bytes | None:
        """A certificate that was ever signed under; None when it is none of ours."""
        if len(id) != ID_DIGITS or not set(id) <= set("0123456789abcdef"):
            return None
        path = self._directory / f"{id}.pem"
        if not path.exists():
            return None
        return await asyncio.to_thread(files.read, path, MOST_BYTES)

    def _late(self, one: Certificate) -> bool:
        return one.ends - RENEW <= datetime.fromtimestamp(self._clock() / 1000, UTC)

    def _found_or_made(self) -> Certificate:
        paths = sorted(self._directory.glob("*.key"))
        found = [one for path in paths if (one := self._loaded(path))]
        good = [one for one in found if not self._late(one)]
        now = max(good, key=lambda one: one.ends) if good else self._made()
        for path in paths:
            if path.stem != now.id:
                path.unlink(missing_ok=True)
        return now

    def _loaded(self, path: Path) -> Certificate | None:
        """None when the certificate of the key was never written: the process ended between the two."""
        pem = path.with_suffix(".pem")
        if not pem.exists():
            return None
        try:
            key = serialization.load_pem_private_key(files.read(path, MOST_BYTES), None)
            certificate = x509.load_pem_x509_certificate(files.read(pem, MOST_BYTES))
            if not isinstance(key, rsa.RSAPrivateKey) or certificate.public_key() != key.public_key():
                raise ValueError("the key is not the one of the certificate")
        except ValueError as error:
            raise files.DamagedFileError(
                f"{path} is damaged ({error}): restore it and {pem.name}, or remove both: another"
                " certificate is made then, but messages signed under this one cannot be checked any more"
            ) from error
        return Certificate(path.stem, certificate.not_valid_after_utc, key)

    def _made(self) -> Certificate:
        now = datetime.fromtimestamp(self._clock() // 1000, UTC)
        key = rsa.generate_private_key(65537, KEY_BITS)
        name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "Modelyard notifications")])
        certificate = (
            x509.CertificateBuilder()
            .subject_name(name)
            .issuer_name(name)
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - SLACK)
            .not_valid_after(now + VALID)
            .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
            .add_extension(_usage(), critical=True)
            .sign(key, hashes.SHA256())
        )
        id = certificate.fingerprint(hashes.SHA256()).hex()[:ID_DIGITS]
        self._directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        private = key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
        files.write(self._directory / f"{id}.key", private)
        files.write(self._directory / f"{id}.pem", certificate.public_bytes(serialization.Encoding.PEM))
        return Certificate(id, now + VALID, key)


def _usage() -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=True,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=False,
        crl_sign=False,
        encipher_only=False,
        decipher_only=False,
    )
