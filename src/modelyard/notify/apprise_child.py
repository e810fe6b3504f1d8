"""The process that talks to a chat, by Apprise. Started by `notify.apprise`; a message in, what came of it out.

Apprise has a hundred ways to send, and many of them take any host. They run here, where nothing else is: before
Apprise is imported, this process is told to connect to no addresses but those that messages may be sent to
(`core.outbound`), and to start no program. So it does not matter which library a way uses, which names it looks
up, and whether it follows redirects. There is no secret of this installation in here but the URL.
"""

import json
import logging
import sys
from ipaddress import ip_address, ip_network
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
ADDRESSED = ("socket.connect", "socket.sendto", "socket.sendmsg")
MOST_SAID = 300


class Confinement:
    """An audit hook of the interpreter. `refused`: the first thing that was not allowed."""

    def __init__(self, allowed: list[Network]) -> None:
        self._allowed = allowed
        self.refused = ""

    def __call__(self, event: str, arguments: tuple[Any, ...]) -> None:
        if event in NEVER:
            self._refuse("it would start a program")
        if event in ADDRESSED and arguments[1] is not None:
            address = arguments[1]
            host = address[0] if isinstance(address, tuple) and address else None
            try:
                found = ip_address(str(host).partition("%")[0])
            except ValueError:
                self._refuse("it would connect to something that is no address of the network")
            if why := refusal(found, self._allowed):
                self._refuse(f"{found} is {why}: the administrator has to allow it ({ALLOW})")

    def _refuse(self, why: str) -> None:
        self.refused = self.refused or why
        raise PermissionError(why)


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

    heard = Warnings()
    logger = logging.getLogger("apprise")
    logger.addHandler(heard)
    logger.propagate = False
    one = apprise.Apprise.instantiate(asked["url"], suppress_exceptions=True)
    if one is None:
        return {"kind": "permanent", "error": "Apprise does not know such a URL"}
    if asked["check"]:
        return {"kind": "", "error": ""}
    taken = one.notify(body=asked["body"], title=asked["title"], body_format="text")
    if taken:
        return {"kind": "", "error": ""}
    said = confinement.refused or heard.last or "the other side did not take it"
    return {"kind": "passing", "error": said}


def main() -> None:
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
