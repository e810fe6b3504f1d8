"""Whose certificates are believed, and why no answer came.

Believed is who the usual authorities vouch for (`certifi`); or, instead, those of a file: the one that a login was
given, OS_CACERT (as OpenStack's clients have it), SSL_CERT_FILE (as OpenSSL has it). Nothing else of the
environment is looked at, no proxies above all.
"""

import os
import socket
import ssl
from collections.abc import Iterator, Mapping

import httpx

from modelyard.client import retries
from modelyard.client.errors import Unanswered, Unreachable, Unresolved, Untrusted, UnusableFile

VARIABLES = ("OS_CACERT", "SSL_CERT_FILE")


def verify(server: str, ca_file: str, environ: Mapping[str, str] = os.environ) -> ssl.SSLContext | bool:
    """What httpx is told. Raises UnusableFile, but not for a file of the environment where the URL of the server
    is none of TLS: it was set for others, then."""
    said = next(((name, environ[name]) for name in VARIABLES if environ.get(name)), ("", ""))
    name, file = ("", ca_file) if ca_file else said
    if not file:
        return True
    try:
        return ssl.create_default_context(cafile=file)
    except OSError as error:  # ssl.SSLError is one
        if name and not server.startswith("https:"):
            return True
        text = "it holds no certificate" if isinstance(error, ssl.SSLError) else error.strerror
        place = f"{name}: {file}" if name else file
        raise UnusableFile(f"{place} cannot be used as a file of certificates: {text}") from error


def unreachable(error: httpx.TransportError, where: str) -> Unreachable:
    """The condition that a call to `where` ended in."""
    kind: type[Unreachable] = Unreachable if retries.unsent(error) else Unanswered
    for cause in _causes(error):
        if isinstance(cause, ssl.SSLCertVerificationError):
            kind = Untrusted
        elif isinstance(cause, socket.gaierror):
            kind = Unresolved
    return kind(f"{where}: {reason(error)}")


def reason(error: httpx.TransportError) -> str:
    """Why no answer came, in a few words."""
    for cause in _causes(error):
        if isinstance(cause, ssl.SSLCertVerificationError):
            return f"its certificate is not believed ({cause.verify_message.rstrip('.')})"
        if isinstance(cause, ssl.SSLError) and isinstance(error, httpx.ConnectError):
            return f"what answers there does not speak TLS as it should ({cause.reason or cause})"
        if isinstance(cause, socket.gaierror):
            return f"there is no address for this name ({cause.strerror})"
    if isinstance(error, httpx.ConnectError):
        return "nothing answers there"
    if isinstance(error, httpx.TimeoutException):
        return "no answer in time"
    return f"the connection broke ({error})"


def _causes(error: BaseException) -> Iterator[BaseException]:
    cause: BaseException | None = error
    while cause is not None:
        yield cause
        cause = cause.__cause__ or cause.__context__
