"""Rules for single fields of services and models (contract §2 and §3). Each yields what is wrong with a value."""

import re
from collections.abc import Collection, Iterator

from modelyard.domain.errors import Violation
from modelyard.domain.texts import shown
from modelyard_runtime.loading.kinds import TYPES

DESCRIPTION_MAX = 100
FORBIDDEN_IN_DESCRIPTION = "<>=&\"'"
SERVICE_NAME_MAX = 64
DEFAULT_WORKSPACE = "0"

MODEL_NAME = re.compile(r"[A-Za-z0-9_-]{1,64}")
MODEL_VERSION = re.compile(r"(0|[1-9][0-9]?)(\.(0|[1-9][0-9]?)){2}")
MODEL_TYPES = frozenset(TYPES)
IMAGE = "Image"
"""The type of models that are images (`core.packages.images`)."""
AUTO = "auto"
"""As the type of a model to publish: use the type that its config.json names."""
NESTED = re.compile(r"[.\[]")
INSTALL_TYPES = frozenset({"real-time", "batch", "edge"})


def told(path: str, broken: Collection[str]) -> bool:
    """Whether `path`, or something that contains it, was complained about already. `broken`: better a set."""
    return path in broken or any(path[: mark.start()] in broken for mark in NESTED.finditer(path))


def description(text: str, field: str = "description") -> Iterator[Violation]:
    """At most 100 characters, none of `< > = & " '`."""
    if len(text) > DESCRIPTION_MAX:
        yield Violation(field, f"has {len(text)} characters, at most {DESCRIPTION_MAX} are allowed")
    if forbidden := sorted(set(text) & set(FORBIDDEN_IN_DESCRIPTION)):
        yield Violation(
            field, f"contains {' '.join(forbidden)}; none of {' '.join(FORBIDDEN_IN_DESCRIPTION)} is allowed"
        )


def service_name(text: str | None) -> Iterator[Violation]:
    """1 to 64 printable characters."""
    if text is None:
        yield Violation("service_name", "is mandatory")
    elif not 1 <= len(text) <= SERVICE_NAME_MAX:
        yield Violation("service_name", f"has {len(text)} characters, must have 1 to {SERVICE_NAME_MAX}")
    elif not text.isprintable() or not text.strip():
        yield Violation("service_name", "must consist of printable characters")


def workspace(text: str) -> Iterator[Violation]:
    """Only the default workspace exists."""
    if text != DEFAULT_WORKSPACE:
        yield Violation("workspace_id", f"workspace {shown(text)} does not exist; the default one is '0'", "0102")


def model_name(text: str | None) -> Iterator[Violation]:
    """1 to 64 letters, digits, `-` and `_`."""
    if text is None:
        yield Violation("model_name", "is mandatory")
    elif not MODEL_NAME.fullmatch(text):
        yield Violation("model_name", f"is {shown(text)}, must be 1 to 64 letters, digits, '-' or '_'")


def model_version(text: str | None) -> Iterator[Violation]:
    """Three numbers of one or two digits: `0.0.1` to `99.99.99`."""
    if text is None:
        yield Violation("model_version", "is mandatory")
    elif not MODEL_VERSION.fullmatch(text):
        yield Violation("model_version", f"is {shown(text)}, must be three numbers like 1.0.12, each below 100")


def model_type(text: str | None) -> Iterator[Violation]:
    """One of the types that can be served here, or `auto`, which means the one that config.json names."""
    if text is None:
        yield Violation("model_type", "is mandatory")
    elif text not in {*MODEL_TYPES, IMAGE, AUTO}:
        known = ", ".join(sorted({*MODEL_TYPES, IMAGE}))
        yield Violation(
            "model_type", f"is {shown(text)}, must be one of {known}, or {AUTO}: what config.json says"
        )


def install_types(values: tuple[str, ...]) -> Iterator[Violation]:
    """One or more of real-time, batch and edge."""
    if unknown := sorted(set(values) - INSTALL_TYPES):
        yield Violation("install_type", f"has {shown(unknown[0])}, known are {', '.join(sorted(INSTALL_TYPES))}")
    if not values:
        yield Violation("install_type", "must not be empty")
