"""Packages that bring a server of their own."""

import json
from pathlib import Path
from typing import Any

SERVER = Path(__file__).with_name("command_server.py")


def package(directory: Path, cmd: object = "python serve.py", **config: Any) -> Path:
    """The directory to put into the object store: `serve.py`, and a config.json with the command."""
    home = directory / "model"
    home.mkdir(parents=True)
    (home / "serve.py").write_bytes(SERVER.read_bytes())
    said = {"model_type": "Custom", "cmd": cmd, "health": {"url": "/up"}, **config}
    (home / "config.json").write_text(json.dumps({k: v for k, v in said.items() if v is not None}))
    return directory
