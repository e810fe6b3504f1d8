"""A real PostgreSQL for tests: one server per session, as an unprivileged user, on a socket in its own directory.

It listens on no port, never syncs, and ends with the session however that ends. Its programs are those of the
Debian package (`make test` installs it where it may); where there are none, tests that need it skip and say so.
"""

import ctypes
import os
import pwd
import secrets
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg
import pytest

USER, PASSWORD = "modelyard", f"s3cret-{secrets.token_hex(8)}"
STARTS_WITHIN_S = 60.0
_SET_PDEATHSIG = 1


class Cluster:
    """One server, which can be stopped and started; databases of it by name."""

    def __init__(self, programs: Path, folder: Path, user: int | None) -> None:
        self.folder = folder
        self.log = folder / "log"
        self._programs = programs
        self._user = user
        self._server: subprocess.Popen[bytes] | None = None
        self._made = 0

    def make(self) -> None:
        secret = self.folder / "password"
        secret.write_text(PASSWORD)
        if self._user is not None:
            for path in (self.folder, secret):
                os.chown(path, self._user, -1)
        options = ("-U", USER, "-A", "scram-sha-256", f"--pwfile={secret}", "-E", "UTF8", "--locale=C.UTF-8")
        made = self._run("initdb", "-D", str(self.folder / "data"), "--no-sync", *options)
        assert made.returncode == 0, made.stdout.decode(errors="replace")

    def start(self) -> None:
        settings = {
            "listen_addresses": "",
            "unix_socket_directories": str(self.folder),
            "fsync": "off",
            "full_page_writes": "off",
            "max_connections": "100",
            "shared_buffers": "32MB",
            "log_statement": "all",  # whatever is sent is in the log: secrets are looked for in it
            "log_connections": "on",
        }
        options = [part for name, value in settings.items() for part in ("-c", f"{name}={value}")]
        with self.log.open("ab") as log:
            self._server = subprocess.Popen(
                [str(self._programs / "postgres"), "-D", str(self.folder / "data"), *options],
                cwd="/",
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                user=self._user,
                extra_groups=None if self._user is None else [],
                preexec_fn=_ends_with_us,  # noqa: PLW1509 - one call of libc
            )
        deadline = time.monotonic() + STARTS_WITHIN_S
        while True:
            try:
                psycopg.connect(self.url("postgres")).close()
            except psycopg.OperationalError:
                assert self._server.poll() is None, self.log.read_text()
                assert time.monotonic() < deadline, self.log.read_text()
                time.sleep(0.01)
            else:
                return

    def stop(self, how: signal.Signals = signal.SIGINT) -> None:
        """SIGINT breaks connections off and ends in order; SIGQUIT is a crash."""
        if self._server is not None:
            self._server.send_signal(how)
            self._server.wait(30)
            self._server = None

    def restart(self, how: signal.Signals = signal.SIGINT) -> None:
        self.stop(how)
        self.start()

    def url(self, database: str, user: str = USER) -> str:
        return f"postgresql://{user}:{PASSWORD}@/{database}?host={self.folder}"

    @contextmanager
    def database(self, options: str = "") -> Iterator[str]:
        """The URL of a new, empty one, which is gone afterwards."""
        self._made += 1
        name = f"test_{self._made}"
        self.execute(f"CREATE DATABASE {name} TEMPLATE template0 {options}")
        try:
            yield self.url(name)
        finally:
            self.execute(f"DROP DATABASE {name} WITH (FORCE)")

    def break_off(self) -> None:
        """End every connection but that of this call."""
        self.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
            " WHERE pid <> pg_backend_pid() AND backend_type = 'client backend'"
        )

    def execute(self, statement: str) -> None:
        with psycopg.connect(self.url("postgres"), autocommit=True) as connection:
            connection.execute(statement)

    def _run(self, program: str, *arguments: str) -> subprocess.CompletedProcess[bytes]:
        return subprocess.run(
            [str(self._programs / program), *arguments],
            check=False,
            cwd="/",
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            user=self._user,
            extra_groups=None if self._user is None else [],
        )


@contextmanager
def cluster() -> Iterator[Cluster]:
    """Skips when PostgreSQL is not installed, or there is nobody but root to run it."""
    programs = _programs()
    if programs is None:
        pytest.skip("PostgreSQL is not installed here (Debian: apt-get install postgresql)")
    user = None
    if os.geteuid() == 0:
        user = _somebody()
        if user is None:
            pytest.skip("PostgreSQL does not run as root, and there is no user `postgres` or `nobody`")
    folder = Path(tempfile.mkdtemp(prefix="modelyard-pg-", dir="/tmp"))  # a socket's path is short
    made = Cluster(programs, folder, user)
    try:
        made.make()
        made.start()
        yield made
    finally:
        made.stop(signal.SIGQUIT)
        shutil.rmtree(folder, ignore_errors=True)


def _programs() -> Path | None:
    """Where the newest server is."""
    debian = sorted(Path("/usr/lib/postgresql").glob("*/bin"), key=lambda bin: (len(bin.parent.name), bin))
    on_path = shutil.which("postgres")
    candidates = [*reversed(debian), *([Path(on_path).resolve().parent] if on_path else [])]
    return next((bin for bin in candidates if (bin / "initdb").exists() and (bin / "postgres").exists()), None)


def _somebody() -> int | None:
    for name in ("postgres", "nobody"):
        try:
            return pwd.getpwnam(name).pw_uid
        except KeyError:
            continue
    return None


def _ends_with_us() -> None:
    """In the server, before it is one: a session that is killed leaves none behind."""
    ctypes.CDLL(None).prctl(_SET_PDEATHSIG, signal.SIGQUIT)
