"""An HTTP server of nothing but the standard library, as a package brings one. What it does is told by HOW.

serve · deaf (ignores SIGTERM) · late (opens its port after a second) · never (opens none) · exit (ends at once
with status 4) · background (leaves a child that serves, and ends) · own (listens on SOCKET_PATH instead of PORT) ·
alone (has one connection at a time)

    GET /up          200 once it serves            POST /…           what was sent, and where
    GET /about       its environment, and so on    GET /stream       ten events, PAUSE_S apart
    GET /eat         takes memory without end
"""

import json
import os
import signal
import socketserver
import sys
import time
from http.server import BaseHTTPRequestHandler, HTTPServer, ThreadingHTTPServer

HOW = os.environ.get("HOW", "serve")
PAUSE_S = float(os.environ.get("PAUSE_S", "0.05"))


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    wbufsize = 65536  # head and body leave together: what is half said when it is killed cannot be asked again

    def do_GET(self) -> None:
        if self.path == "/about":
            with open("serve.py") as own:  # noqa: PTH123
                about = {"env": dict(os.environ), "user": os.getuid(), "own": len(own.read()), "pid": os.getpid()}
            self.say(200, about)
        elif self.path == "/stream":
            self.stream()
        elif self.path == "/eat":
            hog = []
            while True:
                hog.append(bytearray(os.urandom(1 << 20)))
        else:
            self.say(200 if self.path == "/up" else 404, {"path": self.path})

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["content-length"]))
        self.say(
            200, {"path": self.path, "body": json.loads(body), "version": os.environ["MODELYARD_MODEL_VERSION"]}
        )

    def stream(self) -> None:
        self.send_response(200)
        self.send_header("content-type", "text/event-stream")
        self.send_header("transfer-encoding", "chunked")
        self.end_headers()
        for number in range(10):
            event = f"data: {number}\n\n".encode()
            self.wfile.write(b"%x\r\n%s\r\n" % (len(event), event))
            self.wfile.flush()
            time.sleep(PAUSE_S)
        self.wfile.write(b"0\r\n\r\n")

    def say(self, status: int, value: object) -> None:
        body = json.dumps(value).encode()
        self.send_response(status)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def address_string(self) -> str:
        return "door"

    def log_message(self, *_: object) -> None:
        pass


class OwnSocket(socketserver.ThreadingUnixStreamServer):
    daemon_threads = True


def main() -> None:
    print("how:", HOW, flush=True)
    if HOW == "exit":
        print("there is no such model", file=sys.stderr)
        sys.exit(4)
    if HOW == "never":
        time.sleep(1000)
    if HOW == "late":
        time.sleep(1)
    if HOW == "background" and os.fork():
        os._exit(0)
    if HOW == "deaf":
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
    if HOW == "own":
        OwnSocket(os.environ["SOCKET_PATH"], Handler).serve_forever()
    kind = HTTPServer if HOW == "alone" else ThreadingHTTPServer
    kind((os.environ["HOST"], int(os.environ["PORT"])), Handler).serve_forever()


main()
