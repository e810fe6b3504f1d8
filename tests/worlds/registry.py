"""A registry of images that can only be read from: what lies in a folder, over HTTP, perhaps with a password.

    FOLDER/blobs/sha256:…        layers, configs and manifests
           tags/NAME/TAG         the digest of a manifest
           password              USER:PASSWORD that everybody must say

Run as a program (`python registry.py FOLDER PORT`) in the network of
the engine that pulls; made and filled by `Registry`.
"""

import base64
import gzip
import hashlib
import json
import subprocess
import sys
from collections.abc import Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

MANIFEST = "application/vnd.docker.distribution.manifest.v2+json"
CONFIG = "application/vnd.docker.container.image.v1+json"
LAYER = "application/vnd.docker.image.rootfs.diff.tar.gzip"
PORT = 5000


class Registry:
    """One registry, in a network namespace. `name`: as images of it are named."""

    def __init__(self, folder: Path, namespace: str) -> None:
        self.folder = folder
        self.name = f"127.0.0.1:{PORT}"
        self._namespace = namespace
        self._process: subprocess.Popen[bytes] | None = None
        (folder / "blobs").mkdir(parents=True)

    def start(self) -> None:
        program = [sys.executable, __file__, str(self.folder), str(PORT)]
        self._process = subprocess.Popen(
            ["nsenter", f"--net=/run/netns/{self._namespace}", *program], stdout=subprocess.PIPE
        )
        assert self._process.stdout is not None
        assert self._process.stdout.readline() == b"ready\n"

    def stop(self) -> None:
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            if self._process.stdout is not None:
                self._process.stdout.close()
            self._process = None

    def demand(self, login: str) -> None:
        """`USER:PASSWORD`; "": nobody is asked."""
        (self.folder / "password").write_text(login)

    def push(self, image: str, tag: str, rootfs: bytes, config: Mapping[str, object]) -> str:
        """Its digest."""
        layer = gzip.compress(rootfs, 1, mtime=0)
        whole = {
            "architecture": "amd64",
            "os": "linux",
            "config": config,
            "rootfs": {"type": "layers", "diff_ids": [_digest(rootfs)]},
        }
        about = json.dumps(whole).encode()
        manifest = {
            "schemaVersion": 2,
            "mediaType": MANIFEST,
            "config": {"mediaType": CONFIG, "size": len(about), "digest": _digest(about)},
            "layers": [{"mediaType": LAYER, "size": len(layer), "digest": _digest(layer)}],
        }
        text = json.dumps(manifest).encode()
        for content in (layer, about, text):
            (self.folder / "blobs" / _digest(content)).write_bytes(content)
        place = self.folder / "tags" / image
        place.mkdir(parents=True, exist_ok=True)
        (place / tag).write_text(_digest(text))
        return _digest(text)


def _digest(content: bytes) -> str:
    return f"sha256:{hashlib.sha256(content).hexdigest()}"


def serve(folder: Path, port: int) -> None:
    class Answering(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            login = (folder / "password").read_text() if (folder / "password").exists() else ""
            said = f"Basic {base64.b64encode(login.encode()).decode()}"
            if login and self.headers.get("Authorization") != said:
                self._say(401, _error("UNAUTHORIZED"), {"WWW-Authenticate": 'Basic realm="registry"'})
                return
            path = self.path.removeprefix("/v2/")
            if not path:
                self._say(200, b"{}", {})
                return
            image, kind, which = path.rsplit("/", 2)
            tag = folder / "tags" / image / which
            digest = tag.read_text() if kind == "manifests" and tag.exists() else which
            blob = folder / "blobs" / digest
            if not blob.exists():
                self._say(404, _error("MANIFEST_UNKNOWN"), {})
                return
            kept = {"Docker-Content-Digest": digest}
            if kind == "manifests":
                kept["Content-Type"] = MANIFEST
            self._say(200, blob.read_bytes(), kept)

        do_HEAD = do_GET  # noqa: N815 - the name that the server looks for

        def _say(self, status: int, body: bytes, headers: Mapping[str, str]) -> None:
            self.send_response(status)
            for name, value in {"Content-Type": "application/json", **headers}.items():
                self.send_header(name, value)
            self.send_header("Docker-Distribution-Api-Version", "registry/2.0")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            if self.command == "GET":
                self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", port), Answering)
    print("ready", flush=True)
    server.serve_forever()


def _error(code: str) -> bytes:
    return json.dumps({"errors": [{"code": code, "message": code.lower().replace("_", " ")}]}).encode()


if __name__ == "__main__":
    serve(Path(sys.argv[1]), int(sys.argv[2]))
