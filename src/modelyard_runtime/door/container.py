"""The door of a container: starts it, relays to it, follows its output, ends it when told, and ends as it ended.

Run by an instance's shim as the child it keeps, with our own rights, in the instance's work directory; what to do
is under `container` in the label of `../spec.json` (`Orders`). The engine is needed to start, to follow and to
stop; while it is away the relay goes on, and so does the container. Promises:

- what the container writes goes to our standard output, each line once, also over restarts of the engine, as long
  as the engine kept it;
- SIGTERM is passed on as the image's stop signal, and when the grace in `../stop.json` is over the container is
  killed, by its pid where that is known, so also while the engine is away;
- we end with the container's own status or signal, after it was removed; `oom` says whether it ran out of memory,
  and `../cause` why it could not be started.

A container whose door was killed is nobody's: the control plane removes it.
"""

import contextlib
import json
import os
import select
import signal
import socket
import sys
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass

from modelyard_runtime.door import reach
from modelyard_runtime.door.docker import AwayError, Docker, RefusedError
from modelyard_runtime.door.output import Follower
from modelyard_runtime.door.relay import Relay

LISTEN_FD = 3
PROBE, COUNTS = "probe.sock", "door.sock"
"""In the work directory: for health questions, and for how many connections are inside (`relay`)."""
NOT_STARTED = 125
START_WITHIN_S = 60.0
"""How long an engine that went away is waited for at the start; later the control plane does not start doors."""
START_LIMIT_S = 120.0
AGAIN_S = 0.5
LOOK_S = 0.1
OUTPUT_S = 5.0
"""How long the last of its output is waited for after its end."""
ENDED_AWAY_S = 10.0
"""How long we wait for an engine that is away to tell how a container ended."""
MOST_GRACE_S = 10_000_000.0
CONFLICT = 409


@dataclass(frozen=True)
class Orders:
    """`engine`: the path of its socket. `create`: the body that makes the container. `port`: where the program
    listens. `published`: that port is published on 127.0.0.1, for a door that may not join the container's
    network."""

    engine: str
    name: str
    create: "dict[str, object]"
    port: int
    published: bool = False


class NotStartedError(Exception):
    """It cannot be started; the text is for people."""


class ToldToEndError(Exception):
    """SIGTERM came before it was started."""


@dataclass
class Running:
    """A container that was started. `handle`: its first process (-1: not known here), `network` its network."""

    id: str
    stop_signal: str
    handle: int = -1
    network: int = -1
    address: str = ""
    host_port: int = 0


def orders(path: str = "../spec.json") -> Orders:
    """Raises OSError, ValueError, KeyError, TypeError."""
    with open(path, encoding="utf-8") as file:  # noqa: PTH123
        return Orders(**json.load(file)["label"]["container"])


def grace_s(path: str = "../stop.json") -> float:
    """What whoever stops us gives the container. For ever when nobody wrote that down: the shim ends us then."""
    try:
        with open(path, encoding="utf-8") as file:  # noqa: PTH123
            asked = float(json.load(file)["grace_s"])
    except (OSError, ValueError, KeyError, TypeError):
        return MOST_GRACE_S
    return asked if 0 <= asked <= MOST_GRACE_S else MOST_GRACE_S


class Door:
    """One container, from its beginning to its end."""

    def __init__(self, what: Orders, docker: Docker) -> None:
        self._orders = what
        self._docker = docker
        self._told = False
        self._wake, self._waker = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
        self._ended = threading.Event()

    def stop(self, *_: object) -> None:
        """Handler of SIGTERM."""
        self._told = True
        self.wake()

    def wake(self) -> None:
        with contextlib.suppress(BlockingIOError):
            os.write(self._waker, b"!")

    def begin(self) -> Running:
        """Raises NotStartedError, ToldToEndError."""
        deadline = time.monotonic() + START_WITHIN_S
        while True:
            try:
                return self._begun()
            except RefusedError as error:
                self._discard(self._orders.name)
                raise NotStartedError(str(error)) from None
            except AwayError as error:
                if self._told:
                    raise ToldToEndError from None
                if time.monotonic() >= deadline:
                    raise NotStartedError(f"the container engine is away: {error}") from None
                time.sleep(AGAIN_S)

    def _begun(self) -> Running:
        container_id = self._created()
        if self._told:
            self._discard(container_id)
            raise ToldToEndError
        self._docker.ask("POST", f"/containers/{container_id}/start", limit_s=START_LIMIT_S)
        return self._known(container_id)

    def _created(self) -> str:
        """A container of this name that is there was made by ourselves, when the answer was lost."""
        what = self._orders
        query, ask = {"name": what.name}, self._docker.ask
        try:
            made = ask("POST", "/containers/create", query=query, body=what.create, limit_s=START_LIMIT_S)
        except RefusedError as error:
            if error.status != CONFLICT:
                raise
            self._discard(what.name)
            made = ask("POST", "/containers/create", query=query, body=what.create, limit_s=START_LIMIT_S)
        said = made.json()
        return str(said["Id"]) if isinstance(said, dict) else ""

    def _known(self, container_id: str) -> Running:
        seen = self._inspected(container_id)
        config, state, settings = (_part(seen, key) for key in ("Config", "State", "NetworkSettings"))
        running = Running(container_id, str(config.get("StopSignal") or "SIGTERM"))
        pid = state.get("Pid")
        if isinstance(pid, int) and pid > 0 and state.get("Running"):
            running.handle, running.network = handles(pid, container_id)
        networks = _part(settings, "Networks")
        addresses = [str(_part(networks, name).get("IPAddress") or "") for name in networks]
        running.address = next((address for address in addresses if address), "")
        ports = _part(settings, "Ports").get(f"{self._orders.port}/tcp")
        if isinstance(ports, list) and ports and isinstance(ports[0], dict):
            running.host_port = int(ports[0].get("HostPort") or 0)
        return running

    def _inspected(self, container_id: str) -> "dict[str, object]":
        seen = self._docker.ask("GET", f"/containers/{container_id}/json").json()
        return seen if isinstance(seen, dict) else {}

    def keep(self, running: Running) -> int:
        """Relay and follow until it has ended; its status, below 0 for a signal."""
        threading.Thread(target=self._await_end, args=(running,), daemon=True).start()
        follower = Follower(self._docker, running.id, self._ended)
        following = threading.Thread(target=follower.run, daemon=True)
        following.start()
        relay = Relay(
            socket.socket(fileno=LISTEN_FD), self._reached(running), uncounted=bound(PROBE), counts=bound(COUNTS)
        )
        relaying = threading.Thread(target=relay.run, daemon=True)
        relaying.start()
        self._until_ended(running)
        relay.stop(0)
        relaying.join(1)
        following.join(OUTPUT_S)
        status = self._status(running)
        self._discard(running.id)
        return status

    def _reached(self, running: Running) -> reach.Reach:
        """How its port is connected to. Where its network can be joined, nobody else needs a way to it."""
        port, why = self._orders.port, "it is not known here"
        if running.network >= 0:
            try:
                within = reach.tcp_within(running.network, "127.0.0.1", port)
                within().close()
            except PermissionError as error:
                why = str(error)
            except OSError:
                return within  # it does not listen yet
            else:
                return within
        if running.host_port:
            how, reached = f"127.0.0.1:{running.host_port}", reach.tcp("127.0.0.1", running.host_port)
        elif running.address:
            how, reached = f"{running.address}:{port}", reach.tcp(running.address, port)
        elif not self._runs(running):
            return ended
        else:
            self._discard(running.id)
            raise NotStartedError(f"the container's network cannot be joined ({why}), and it has no address")
        say(f"the container is reached at {how}: its network cannot be joined ({why})")
        return reached

    def _runs(self, running: Running) -> bool:
        """It may have ended before we came to look at it."""
        with contextlib.suppress(AwayError, RefusedError):
            return bool(_part(self._inspected(running.id), "State").get("Running"))
        return False

    def _until_ended(self, running: Running) -> None:
        """Passes on what we are told, and kills it when its grace is over."""
        asked: Callable[[], bool] | None = None
        began = deadline = 0.0
        while not self._ended.is_set():
            if self._told and not began:
                began = time.monotonic()
                asked = lambda: self._signalled(running, running.stop_signal)  # noqa: E731
            if began:
                deadline = min(deadline or began + MOST_GRACE_S, began + grace_s())
                if time.monotonic() >= deadline:
                    asked = lambda: self._signalled(running, "SIGKILL")  # noqa: E731
            if asked is not None and asked():
                asked = None
            select.select([self._wake], [], [], LOOK_S if began else None)
            with contextlib.suppress(BlockingIOError):
                os.read(self._wake, 256)

    def _signalled(self, running: Running, name: str) -> bool:
        """Whether it is on its way; while the engine is away, and we do not know the process, it is not."""
        number = signal_number(name)
        if running.handle >= 0 and number:
            try:
                signal.pidfd_send_signal(running.handle, number)
            except ProcessLookupError:
                return True
            except OSError:
                pass  # not ours to signal
            else:
                return True
        try:
            self._docker.ask("POST", f"/containers/{running.id}/kill", query={"signal": name}, limit_s=5)
        except AwayError:
            return False
        except RefusedError:
            pass  # it has ended
        return True

    def _await_end(self, running: Running) -> None:
        if running.handle >= 0:
            poll = select.poll()
            poll.register(running.handle, select.POLLIN)
            poll.poll()
        else:
            self._await_engine(running)
        self._ended.set()
        self.wake()

    def _await_engine(self, running: Running) -> None:
        while True:
            try:
                state = _part(self._inspected(running.id), "State")
                if not state.get("Running"):
                    return
                query = {"condition": "not-running"}
                with self._docker.opened("POST", f"/containers/{running.id}/wait", query=query) as stream:
                    while stream.read():
                        pass
            except RefusedError:
                return  # somebody removed it
            except AwayError:
                time.sleep(AGAIN_S)

    def _status(self, running: Running) -> int:
        deadline = time.monotonic() + ENDED_AWAY_S
        while True:
            try:
                state = _part(self._inspected(running.id), "State")
            except RefusedError:
                tell_cause("somebody removed its container")
                return 1
            except AwayError:
                if time.monotonic() >= deadline:
                    tell_cause("its container ended while the container engine was away")
                    return 1
                time.sleep(AGAIN_S)
                continue
            if state.get("Running"):  # the engine has not heard of it yet
                if time.monotonic() >= deadline:
                    tell_cause("its container ended, and the container engine does not tell how")
                    return 1
                time.sleep(LOOK_S / 2)
                continue
            if state.get("OOMKilled"):
                with open("oom", "w", encoding="ascii") as file:  # noqa: PTH123
                    file.write("oom_kill 1\n")
            code = state.get("ExitCode")
            code = code if isinstance(code, int) else 1
            return 128 - code if 128 < code < 128 + 65 else code

    def _discard(self, container_id: str) -> None:
        """The control plane does it where we cannot."""
        with contextlib.suppress(AwayError, RefusedError):
            query = {"force": "1", "v": "1"}
            self._docker.ask("DELETE", f"/containers/{container_id}", query=query, limit_s=30)


def handles(pid: int, container_id: str) -> "tuple[int, int]":
    """(its first process, its network) as descriptors; -1 for what cannot be had. An engine may have another name
    space of processes than we, in which the number means another one."""
    process = network = -1
    try:
        process = os.pidfd_open(pid)
        with open(f"/proc/{pid}/cgroup", encoding="utf-8", errors="replace") as file:  # noqa: PTH123
            ours = container_id in file.read()
        if not ours:
            os.close(process)
            return -1, -1
        network = os.open(f"/proc/{pid}/ns/net", os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        pass
    return process, network


def signal_number(name: str) -> int:
    """0 for one that only the engine knows."""
    if name.isdecimal():
        return int(name)
    full = name.upper() if name.upper().startswith("SIG") else f"SIG{name.upper()}"
    base, plus, more = full.partition("+")
    number = getattr(signal, base, 0)
    return int(number) + (int(more) if plus and more.isdecimal() else 0) if number else 0


def ended() -> socket.socket:
    """The way to a container that has ended."""
    raise ConnectionRefusedError


def bound(name: str) -> socket.socket:
    made = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    made.bind(name)
    made.listen(128)
    return made


def _part(of: "dict[str, object]", key: str) -> "dict[str, object]":
    value = of.get(key)
    return value if isinstance(value, dict) else {}


def say(text: str) -> None:
    """In the instance's own output."""
    with contextlib.suppress(OSError):
        os.write(2, f"modelyard: {text}\n".encode())


def tell_cause(text: str, path: str = "../cause") -> None:
    """For whoever asks why it ended."""
    with contextlib.suppress(OSError), open(path, "w", encoding="utf-8") as file:  # noqa: PTH123
        file.write(text)


def end(status: int) -> None:
    """As the container ended: by the same signal, or with the same status."""
    sys.stdout.flush()
    if status < 0:
        with contextlib.suppress(OSError, ValueError):
            signal.signal(-status, signal.SIG_DFL)
        os.kill(os.getpid(), -status)
        time.sleep(1)  # a signal that ends nobody
        status = 128 - status
    os._exit(status)


def run() -> None:
    """All of this program; never returns."""
    try:
        what = orders()
        door = Door(what, Docker(what.engine))
        signal.signal(signal.SIGTERM, door.stop)
        signal.signal(signal.SIGPIPE, signal.SIG_IGN)
        end(door.keep(door.begin()))
    except ToldToEndError:
        end(-signal.SIGTERM)
    except NotStartedError as error:
        say(f"the container cannot be started: {error}")
        tell_cause(str(error))
    except BaseException:  # noqa: BLE001 - the log has it
        sys.excepthook(*sys.exc_info())
    os._exit(NOT_STARTED)
