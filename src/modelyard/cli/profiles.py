"""Profiles: logins that are kept, one file each in `$XDG_CONFIG_HOME/modelyard/profiles`, for their owner only.

A profile holds a token and never the password: a token is good for a day and can be revoked, a password is good
for everything until somebody changes it.
"""

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

import msgspec

from modelyard import files
from modelyard.client import Credentials, NotConfigured

VARIABLE = "MODELYARD_PROFILE"
DEFAULT = "default"
NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._@-]{0,99}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Profile:
    """Who is logged in where, until when (as the server writes it). `ca_file`: whose certificates are believed."""

    auth_url: str
    username: str
    token: str = field(repr=False)
    expires_at: str = ""
    project_name: str = ""
    project_id: str = ""
    ca_file: str = ""

    def credentials(self) -> Credentials:
        return Credentials(
            auth_url=self.auth_url,
            username=self.username,
            token=self.token,
            project_name=self.project_name,
            project_id=self.project_id,
            ca_file=self.ca_file,
        )


def directory(environ: Mapping[str, str] = os.environ) -> Path:
    home = environ.get("XDG_CONFIG_HOME", "")
    base = (
        Path(home) if home.startswith("/") else Path("~/.config").expanduser()
    )  # relative ones do not count (XDG)
    return base / "modelyard" / "profiles"


def path(name: str, environ: Mapping[str, str] = os.environ) -> Path:
    """Where a profile is, or would be. NotConfigured for what is no name."""
    if not NAME.fullmatch(name):
        raise NotConfigured(f"{name!r} cannot be the name of a profile: use letters, digits and . _ @ -")
    return directory(environ) / f"{name}.json"


def load(name: str, environ: Mapping[str, str] = os.environ) -> Profile:
    """NotConfigured names the file when there is none, or it is damaged."""
    file = path(name, environ)
    try:
        return msgspec.json.decode(file.read_bytes(), type=Profile)
    except FileNotFoundError:
        raise NotConfigured(f"nobody is logged in as profile {name!r}: there is no {file}") from None
    except OSError as e:
        raise NotConfigured(f"{file} cannot be read: {e.strerror}") from e
    except msgspec.DecodeError as e:
        raise NotConfigured(f"{file} is not a profile ({e}): log in again") from e


def save(name: str, profile: Profile, environ: Mapping[str, str] = os.environ) -> Path:
    """Whole or not at all, 0600 from its first byte on, in directories that are the owner's alone."""
    file = path(name, environ)
    files.write(file, msgspec.json.format(msgspec.json.encode(profile), indent=2) + b"\n")
    return file


def remove(name: str, environ: Mapping[str, str] = os.environ) -> None:
    path(name, environ).unlink(missing_ok=True)


def when(expires_at: str, now: datetime | None = None) -> str:
    """The end of a login for people: the time, and how long that is.

    >>> when("2026-01-02T12:00:00.000000Z", datetime(2026, 1, 1, 13, tzinfo=UTC))
    '2026-01-02 12:00 UTC (in 23 h)'
    """
    try:
        end = datetime.fromisoformat(expires_at)
    except ValueError:
        return expires_at or "an unknown time"
    left_s = (end - (now or datetime.now(UTC))).total_seconds()
    if left_s <= 0:
        return f"{end:%Y-%m-%d %H:%M} UTC (over)"
    left = f"{left_s / 3600:.0f} h" if left_s >= 5400 else f"{max(left_s / 60, 1):.0f} min"
    return f"{end:%Y-%m-%d %H:%M} UTC (in {left})"
