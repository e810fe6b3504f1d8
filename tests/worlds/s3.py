"""A real S3 server that checks signatures (`s3_server.py`: Swift, four processes): buckets, outages, other users.

It is started once per session, on a free port that it keeps when it is killed and started again; what was stored
is there again then. Where Swift is not installed, tests that need it skip and say so.
"""

import contextlib
import hashlib
import hmac
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from importlib.util import find_spec
from pathlib import Path

import httpx
import pytest
from tests.worlds import s3_names as names

from modelyard.domain.endpoints import Endpoint
from modelyard.objects.s3 import S3Objects

PROGRAM = Path(__file__).with_name("s3_server.py")
STARTS_WITHIN_S = 60.0


class S3Server:
    """`url`: its endpoint. `admin` may do everything, `reader` nothing."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._port = 0
        self._made = 0
        self._server: subprocess.Popen[str] | None = None

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._port}"

    @property
    def admin(self) -> Endpoint:
        return Endpoint(self.url, names.ADMIN, names.ADMIN_SECRET)

    @property
    def reader(self) -> Endpoint:
        return Endpoint(self.url, names.READER, names.READER_SECRET)

    @property
    def impostor(self) -> Endpoint:
        return Endpoint(self.url, names.ADMIN, "another-secret")

    def start(self) -> None:
        with (self._folder / "log").open("ab") as log:
            self._server = subprocess.Popen(
                [sys.executable, str(PROGRAM), str(self._folder / "swift"), str(self._port)],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=log,
                text=True,
                start_new_session=True,
            )
        assert self._server.stdout is not None
        watchdog = threading.Timer(STARTS_WITHIN_S, self.kill)
        watchdog.start()
        said = self._server.stdout.readline()
        watchdog.cancel()
        ready = re.fullmatch(r"ready (\d+)\n", said)
        assert ready, (said, (self._folder / "log").read_text())
        self._port = int(ready[1])

    def running(self) -> None:
        """Start it again if it was killed."""
        if self._server is None:
            self.start()

    def kill(self) -> None:
        if self._server is not None:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self._server.pid, signal.SIGKILL)
            self._server.wait()
            assert self._server.stdout is not None
            self._server.stdout.close()
            self._server = None

    def bucket(self) -> str:
        """The name of a new, empty bucket."""
        self._made += 1
        name = f"bucket-{self._made}"
        assert self.call("PUT", f"/{name}").status_code == 200
        return name

    def call(self, method: str, path: str, content: bytes = b"") -> httpx.Response:
        """A signed call of its admin's; path and query as given (percent-encoded, the query sorted)."""
        now = datetime.now(UTC).strftime("%Y%m%dT%H%M%SZ")
        scope = f"{now[:8]}/us-east-1/s3/aws4_request"
        digest = hashlib.sha256(content).hexdigest()
        headers = {"host": f"127.0.0.1:{self._port}", "x-amz-content-sha256": digest, "x-amz-date": now}
        route, _, query = path.partition("?")
        signed = ";".join(headers)
        lines = [method, route, query, *(f"{k}:{v}" for k, v in headers.items()), "", signed, digest]
        hashed = hashlib.sha256("\n".join(lines).encode()).hexdigest()
        key = f"AWS4{names.ADMIN_SECRET}".encode()
        for part in scope.split("/"):
            key = hmac.new(key, part.encode(), "sha256").digest()
        signature = hmac.new(key, f"AWS4-HMAC-SHA256\n{now}\n{scope}\n{hashed}".encode(), "sha256").hexdigest()
        credential = f"AWS4-HMAC-SHA256 Credential={names.ADMIN}/{scope}"
        headers["authorization"] = f"{credential}, SignedHeaders={signed}, Signature={signature}"
        return httpx.request(method, self.url + path, content=content, headers=headers)

    def objects(self) -> S3Objects:
        return S3Objects(self.admin)


@contextmanager
def server() -> Iterator[S3Server]:
    """Skips where Swift is not installed."""
    if find_spec("swift") is None:
        pytest.skip("no S3 server: the package swift is not installed (`make setup` installs it)")
    folder = Path(tempfile.mkdtemp(prefix="modelyard-s3-"))
    made = S3Server(folder)
    try:
        made.start()
        yield made
    finally:
        made.kill()
        shutil.rmtree(folder, ignore_errors=True)
