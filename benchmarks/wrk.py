"""Closed-loop load on one address: wrk where it is installed, otherwise callers in Python.

Python callers cannot saturate a fast server, so ratios measured with them flatter the slower peers; the result
says which were used.
"""

import json
import re
import shutil
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

LUA = """wrk.method = "POST"
wrk.body = [=[{body}]=]
wrk.headers["Content-Type"] = "application/json"
{headers}"""
UNITS_MS = {"us": 0.001, "ms": 1.0, "s": 1000.0}


@dataclass(frozen=True)
class Measured:
    """One measurement. `failed` counts answers outside 2xx and broken connections."""

    per_second: float
    p50_ms: float
    p99_ms: float
    failed: int
    tool: str


def measure(url: str, headers: dict[str, str], body: str, *, connections: int, seconds: int) -> Measured:
    """Ask `url` again and again over `connections` keep-alive connections."""
    with_wrk = shutil.which("wrk") is not None
    return (wrk if with_wrk else callers)(url, headers, body, connections, seconds)


def wrk(url: str, headers: dict[str, str], body: str, connections: int, seconds: int) -> Measured:
    lines = "\n".join(f'wrk.headers["{name}"] = "{value}"' for name, value in headers.items())
    with tempfile.NamedTemporaryFile("w", suffix=".lua") as script:
        script.write(LUA.format(body=body, headers=lines))
        script.flush()
        command = ["wrk", "-t1", f"-c{connections}", f"-d{seconds}s", "--latency", "-s", script.name, url]
        said = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    return read(said)


def read(said: str) -> Measured:
    """The figures in what wrk prints."""

    def percentile(name: str) -> float:
        found = re.search(rf"^\s+{name}%\s+([\d.]+)(us|ms|s)", said, re.MULTILINE)
        return float(found[1]) * UNITS_MS[found[2]] if found else float("nan")

    rate = re.search(r"Requests/sec:\s+([\d.]+)", said)
    if rate is None:
        raise RuntimeError(f"wrk said something else:\n{said}")
    refused = re.search(r"Non-2xx or 3xx responses: (\d+)", said)
    broken = re.search(r"Socket errors: connect (\d+), read (\d+), write (\d+), timeout (\d+)", said)
    failed = int(refused[1]) if refused else 0
    failed += sum(map(int, broken.groups())) if broken else 0
    return Measured(float(rate[1]), percentile("50"), percentile("99"), failed, "wrk")


def callers(url: str, headers: dict[str, str], body: str, connections: int, seconds: int) -> Measured:
    order = json.dumps(
        {"url": url, "headers": headers, "body": body, "connections": connections, "seconds": seconds}
    )
    command = [sys.executable, str(Path(__file__).with_name("callers.py"))]
    said = subprocess.run(command, check=True, capture_output=True, text=True, input=order).stdout
    return Measured(**json.loads(said), tool="python callers")
