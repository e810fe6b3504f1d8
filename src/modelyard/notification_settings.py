"""What the settings say of notifications: where they may go, the mail server, the real SMN."""

from email.utils import parseaddr
from typing import Protocol
from urllib.parse import urlsplit

from modelyard.iam import addresses
from modelyard.notify.mail import MODES, PORTS, MailServer, address_fault
from modelyard.notify.parts import Options
from modelyard.notify.remote import RemoteSmn


class Given(Protocol):
    """The settings that count here (`settings.Settings`)."""

    @property
    def region(self) -> str: ...
    @property
    def notify_url(self) -> str: ...
    @property
    def notify_allow(self) -> str: ...
    @property
    def smtp_host(self) -> str: ...
    @property
    def smtp_port(self) -> int: ...
    @property
    def smtp_user(self) -> str: ...
    @property
    def smtp_password(self) -> str: ...
    @property
    def smtp_from(self) -> str: ...
    @property
    def smtp_tls(self) -> str: ...
    @property
    def smtp_ca_file(self) -> str: ...
    @property
    def smn_endpoint(self) -> str: ...
    @property
    def smn_access_key(self) -> str: ...
    @property
    def smn_secret_key(self) -> str: ...
    @property
    def smn_project_id(self) -> str: ...
    @property
    def smn_region(self) -> str: ...


def options(given: Given, api_url: str) -> Options:
    """Raises ValueError, which begins with the name of the variable."""
    try:
        allowed = addresses.networks(given.notify_allow)
    except ValueError as error:
        raise ValueError(f"MODELYARD_NOTIFY_ALLOW: {error}") from None
    base = _web("MODELYARD_NOTIFY_URL", given.notify_url) if given.notify_url else api_url.rstrip("/")
    return Options(base, given.region, allowed, mail_server(given), remote(given))


def mail_server(given: Given) -> MailServer | None:
    others = (given.smtp_user, given.smtp_password, given.smtp_from, given.smtp_ca_file)
    if not given.smtp_host:
        if any(others):
            raise ValueError("MODELYARD_SMTP_HOST is not set, but another MODELYARD_SMTP_ variable is")
        return None
    if given.smtp_tls not in MODES:
        raise ValueError(f"MODELYARD_SMTP_TLS: {given.smtp_tls!r} is none of {', '.join(MODES)}")
    fault = address_fault(parseaddr(given.smtp_from)[1])
    if not given.smtp_from.isprintable():
        fault = "has a character that cannot be printed, such as a line feed"
    if not given.smtp_from or fault:
        raise ValueError(f"MODELYARD_SMTP_FROM: {given.smtp_from!r} is no sender: it {fault}")
    if not 0 <= given.smtp_port <= 65535:
        raise ValueError(f"MODELYARD_SMTP_PORT: {given.smtp_port} is no port")
    if bool(given.smtp_user) != bool(given.smtp_password):
        raise ValueError("MODELYARD_SMTP_USER and MODELYARD_SMTP_PASSWORD go together")
    return MailServer(
        host=given.smtp_host,
        port=given.smtp_port or PORTS[given.smtp_tls],
        sender=given.smtp_from,
        user=given.smtp_user,
        password=given.smtp_password,
        tls=given.smtp_tls,
        ca_file=given.smtp_ca_file,
    )


def remote(given: Given) -> RemoteSmn | None:
    needed = {
        "ACCESS_KEY": given.smn_access_key,
        "SECRET_KEY": given.smn_secret_key,
        "PROJECT_ID": given.smn_project_id,
        "REGION": given.smn_region,
    }
    if not given.smn_endpoint:
        if any(needed.values()):
            raise ValueError("MODELYARD_SMN_ENDPOINT is not set, but another MODELYARD_SMN_ variable is")
        return None
    endpoint = _web("MODELYARD_SMN_ENDPOINT", given.smn_endpoint)
    if missing := [f"MODELYARD_SMN_{name}" for name, value in needed.items() if not value]:
        raise ValueError(f"{missing[0]} is not set, which MODELYARD_SMN_ENDPOINT needs")
    return RemoteSmn(
        endpoint=endpoint,
        access_key=given.smn_access_key,
        secret_key=given.smn_secret_key,
        project_id=given.smn_project_id,
        region=given.smn_region,
    )


def _web(variable: str, url: str) -> str:
    """The URL without a slash at its end. Raises ValueError, without the URL where a password may be in it."""
    try:
        parts = urlsplit(url)
        right = parts.scheme in {"http", "https"} and bool(parts.hostname) and parts.username is None
        right = right and parts.port != 0
    except ValueError:
        right = False
    if not right:
        what = "what it is set to (not shown: it has an @)" if "@" in url else repr(url)
        raise ValueError(f"{variable}: {what} is not https://HOST")
    return url.rstrip("/")
