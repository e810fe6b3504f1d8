"""What the administrator set becomes the channels that send, and what can be subscribed."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from modelyard.core.outbound import Network, UrlError
from modelyard.notify import apprise
from modelyard.notify import http as over_http
from modelyard.notify.apprise import AppriseChannel
from modelyard.notify.base import Channel
from modelyard.notify.certificates import Certificates
from modelyard.notify.endpoints import Check, Checked, EndpointError, Judges
from modelyard.notify.guard import Guard, RefusedError
from modelyard.notify.http import HttpChannel
from modelyard.notify.mail import MailChannel, MailServer, address_fault
from modelyard.notify.remote import PROTOCOL, RemoteChannel, RemoteSmn
from modelyard.notify.signing import Signing

NO_MAIL = "needs a mail server, and none is set here: the administrator has to set MODELYARD_SMTP_HOST"


@dataclass(frozen=True, slots=True)
class Options:
    """`base_url`: where subscribers reach the API, without a slash at the end. `allowed`: networks that may be
    sent to although they are private. `mail`, `remote`: where they are set."""

    base_url: str
    region: str
    allowed: Sequence[Network] = ()
    mail: MailServer | None = None
    remote: RemoteSmn | None = None


@dataclass(frozen=True, slots=True)
class Parts:
    channels: Mapping[str, Channel]
    endpoints: Judges
    certificates: Certificates
    close: Callable[[], Awaitable[None]]


def parts(keys: Path, options: Options, wall_ms: Callable[[], int], guard: Guard | None = None) -> Parts:
    """`keys`: the directory of the certificates' keys."""
    certificates = Certificates(keys, wall_ms)
    signing = Signing(certificates, options.base_url, options.region)
    guard = guard or Guard(options.allowed)
    by_http = HttpChannel(guard, signing.envelope, wall_ms)
    channels: dict[str, Channel] = {"http": by_http, "https": by_http}
    checks: dict[str, Check] = {name: _url_check(guard, name) for name in ("http", "https")}
    missing: dict[str, str] = {}
    if options.mail is None:
        missing["email"] = NO_MAIL
    else:
        channels["email"] = MailChannel(options.mail, signing.links)
        checks["email"] = _mail_check
    chats = AppriseChannel(guard, options.allowed)
    channels["apprise"] = chats
    if apprise.installed():
        checks["apprise"] = chats.checked
    else:
        missing["apprise"] = apprise.INSTALL
    close: Callable[[], Awaitable[None]] = _nothing
    if options.remote is not None:
        remote = RemoteChannel(options.remote, wall_ms)
        channels[PROTOCOL] = remote
        close = remote.close
    return Parts(channels, Judges(checks, missing), certificates, close)


def _url_check(guard: Guard, protocol: str) -> Check:
    async def check(endpoint: str) -> Checked:
        try:
            await over_http.check(guard, protocol, endpoint)
        except (UrlError, RefusedError) as error:
            raise EndpointError(str(error)) from error
        return endpoint, ""

    return check


async def _mail_check(endpoint: str) -> Checked:
    if fault := address_fault(endpoint):
        raise EndpointError(fault)
    return endpoint, ""


async def _nothing() -> None:
    """Nothing is open."""
