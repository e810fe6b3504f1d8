"""The process that talks to a chat, by Apprise. Started by `notify.apprise`; a message in, what came of it out.

Apprise has a hundred ways to send, and many of them take any host. They run here, where nothing else is: before
Apprise is imported, this process is told to connect to no addresses but those that messages may be sent to
(`core.outbound`), to start no program, to write to no log of the machine, and to open no file but those of Python
and of the machine's own libraries. So it does not matter which library a way uses, which names it looks up, and
whether it follows redirects. What a URL says of other files has the same answer whether they are there or not.
There is no secret of this installation in here but the URL. Memory and the size of files are bounded.
"""

import json
import logging
import mimetypes
import os
import resource
import sys
from ipaddress import ip_address, ip_network
from pathlib import Path
from typing import Any

from modelyard.core.outbound import Network, refusal

ALLOW = "MODELYARD_NOTIFY_ALLOW"
NEVER = (
    "subprocess.Popen",
    "os.exec",
    "os.posix_spawn",
    "os.system",
    "os.spawn",
    "os.fork",
    "os.forkpty",
    "pty.spawn",
)
LOGGED = ("syslog.openlog", "syslog.syslog")
READABLE = (
    *("/usr", "/lib", "/lib64", "/dev/null", "/dev/urandom"),
    *("/etc/ssl", "/etc/pki", "/etc/ca-certificates", "/etc/crypto-policies"),
    *("/etc/resolv.conf", "/etc/hosts", "/etc/host.conf", "/etc/nsswitch.conf", "/etc/gai.conf", "/etc/services"),
    *("/etc/protocols", "/etc/localtime", "/etc/timezone", *mimetypes.knownfiles),
)
"""Besides Python's own. Not the whole of /etc: services keep their settings there."""
TRUST = ("SSL_CERT_FILE", "SSL_CERT_DIR", "REQUESTS_CA_BUNDLE")
WRITES = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND
MOST_MEMORY = 1024 * 1024 * 1024
MOST_WRITTEN = 16 * 1024 * 1024
ADDRESSED = ("socket.connect", "socket.sendto", "socket.sendmsg")
MOST_SAID = 300


class Confinement:
    """An audit hook of the interpreter. `refused`: the first thing that was not allowed."""

    def __init__(self, allowed: list[Network]) -> None:
        self._allowed = allowed
        self._readable = _readable()
        self.refused = ""

    def __call__(self, event: str, arguments: tuple[Any, ...]) -> None:
        if event in NEVER:
            self._refuse("it would start a program")
        if event in LOGGED:
            self._refuse("it would write to the log of this machine")
        if event == "open" and not self._may_open(arguments[0], arguments[2]):
            raise PermissionError("it would open a file of this machine")  # Apprise says what it is for
        if event in ADDRESSED and arguments[1] is not None:
            address = arguments[1]
            host = address[0] if isinstance(address, tuple) and address else None
            try:
                found = ip_address(str(host).partition("%")[0])
            except ValueError:
                self._refuse("it would connect to something that is no address of the network")
            if why := refusal(found, self._allowed):
                self._refuse(f"{found} is {why}: the administrator has to allow it ({ALLOW})")

    def _may_open(self, what: Any, flags: Any) -> bool:
        """A number is open already. Nothing is written, not even what Python would keep of modules (`-B`)."""
        if isinstance(what, int):
            return True
        path = Path(os.path.realpath(os.fsdecode(what)))
        if isinstance(flags, int) and flags & WRITES:
            return path == Path(os.devnull)
        return any(path == root or root in path.parents for root in self._readable)

    def _refuse(self, why: str) -> None:
        self.refused = self.refused or why
        raise PermissionError(why)


def _readable() -> tuple[Path, ...]:
    own = (sys.prefix, sys.base_prefix, sys.exec_prefix, *sys.path)
    named = (*own, *READABLE, *(os.environ.get(name, "") for name in TRUST))
    return tuple({Path(os.path.realpath(one)) for one in named if one} - {Path("/")})


def bound() -> None:
    """For ever, of this process: how much memory it may take, and how large a file may be that it writes."""
    for what, most in ((resource.RLIMIT_AS, MOST_MEMORY), (resource.RLIMIT_FSIZE, MOST_WRITTEN)):
        _, hard = resource.getrlimit(what)
        least = most if hard == resource.RLIM_INFINITY else min(most, hard)
        resource.setrlimit(what, (least, least))


class Warnings(logging.Handler):
    """What Apprise says of a failure, which it tells nobody else."""

    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self.last = ""

    def emit(self, record: logging.LogRecord) -> None:
        self.last = " ".join(record.getMessage().split())[:MOST_SAID]


def outcome(asked: dict[str, Any], confinement: Confinement) -> dict[str, str]:
    """`error` "": done. `kind`: whether it can be otherwise later (passing), or never (permanent)."""
    import apprise
    from apprise.attachment.file import AttachFile
    from apprise.common import ContentLocation

    AttachFile.location = ContentLocation.INACCESSIBLE  # or it would tell whether a file is there, and how large
    heard = Warnings()
    logger = logging.getLogger("apprise")
    logger.addHandler(heard)
    logger.propagate = False
    one = apprise.Apprise.instantiate(asked["url"], suppress_exceptions=True)
    if one is None:
        return {"kind": "permanent", "error": confinement.refused or "Apprise does not know such a URL"}
    if asked["check"]:
        return {"kind": "", "error": ""}
    taken = one.notify(body=asked["body"], title=asked["title"], body_format="text")
    if taken:
        return {"kind": "", "error": ""}
    said = confinement.refused or heard.last or "the other side did not take it"
    return {"kind": "passing", "error": said}


def main() -> None:
    bound()
    asked = json.loads(sys.stdin.buffer.read())
    confinement = Confinement([ip_network(text) for text in asked["allowed"]])
    sys.addaudithook(confinement)
    try:
        said = outcome(asked, confinement)
    except Exception as error:  # noqa: BLE001 - of a library of others; it must end in an answer
        said = {"kind": "passing", "error": confinement.refused or type(error).__name__}
    sys.stdout.write("\n" + json.dumps(said) + "\n")


if __name__ == "__main__":
    main()
