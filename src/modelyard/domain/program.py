"""What an instance runs where it is not our model server: a command of its package, or an image.

Such a program is any HTTP server. It listens on a port of its own; a *door* (a process of ours beside it) hands it
the connections of the instance's socket, so that the gateway, health checks and drains reach every instance alike.
"""

from dataclasses import dataclass

PORT = 8080
"""Where a program listens unless its model says otherwise (contract §3, Image models)."""


@dataclass(frozen=True, slots=True)
class Program:
    """`image`: a reference with its digest (`registry/name@sha256:…`); "": the program is a command that runs from
    the package, in the file system of the engine. `command`: its words; (): the image's own. `port`: where it
    listens, handed to it as `PORT` in its environment. `protocol`: http or https."""

    image: str = ""
    command: tuple[str, ...] = ()
    port: int = PORT
    protocol: str = "http"
