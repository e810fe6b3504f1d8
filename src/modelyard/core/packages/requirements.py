"""The `dependencies` of a config.json (contract §3) as requirements for pip, and what is wrong with them. Pure.

    {"installer": "pip", "packages": [
        {"package_name": "Pillow", "package_version": "11.0", "restraint": "ATLEAST"},   -> pillow>=11.0
        {"package_name": "tqdm", "package_version": "4.67"},                             -> tqdm==4.67
        {"package_name": "uvicorn[standard]"}]}                                          -> uvicorn[standard]

A name must be a plain name (PEP 508): no options, URLs or files get through, so that packages can only come from
where the administrator has said.
"""

import hashlib
import json
import re
from collections.abc import Iterator, Mapping
from typing import cast

from modelyard.domain.errors import Violation
from modelyard.domain.texts import shown

OPERATORS = {"EXACT": "==", "ATLEAST": ">=", "ATMOST": "<="}
NAME = re.compile(r"(?P<name>[A-Za-z0-9](?:[A-Za-z0-9._-]*[A-Za-z0-9])?)(?:\[(?P<extras>[A-Za-z0-9,._ -]+)\])?")
VERSION = re.compile(  # PEP 440; wildcards only in exact versions
    r"v?(?:\d+!)?\d+(?:\.\d+)*(?:[-_.]?(?:a|b|c|rc|alpha|beta|pre|preview)[-_.]?\d*)?"
    r"(?:-\d+|[-_.]?(?:post|rev|r)[-_.]?\d*)?(?:[-_.]?dev[-_.]?\d*)?(?:\+[a-z0-9]+(?:[-_.][a-z0-9]+)*)?",
    re.IGNORECASE,
)
WILDCARD = re.compile(r"\d+(?:\.\d+)*\.\*")
MAX_PACKAGES = 500


def requirements(config: Mapping[str, object]) -> tuple[str, ...]:
    """Sorted and unique, with normalized names (PEP 503). Invalid entries are left out."""
    wanted = set()
    for dependency in _items(config.get("dependencies")):
        packages = dependency.get("packages") if isinstance(dependency, dict) else None
        for package in _items(packages):
            if not any(_wrong_package("", package)):
                wanted.add(_requirement(cast("Mapping[str, object]", package)))
    return tuple(sorted(wanted))


def violations(value: object) -> Iterator[Violation]:
    """What is wrong with the value of `dependencies`."""
    if not isinstance(value, list):
        yield Violation("dependencies", "must be an array", "3016")
        return
    for i, dependency in enumerate(value):
        yield from _wrong(f"dependencies[{i}]", dependency)
    if sum(len(_items(d.get("packages"))) for d in value if isinstance(d, dict)) > MAX_PACKAGES:
        yield Violation("dependencies", f"names more than {MAX_PACKAGES} packages", "3016")


def key(wanted: tuple[str, ...], python: str, platform: str) -> str:
    """Sixteen hexadecimal digits that name an environment with these requirements."""
    return hashlib.sha256(json.dumps([sorted(wanted), python, platform]).encode()).hexdigest()[:16]


def _items(value: object) -> list[object]:
    return value if isinstance(value, list) else []


def _requirement(package: Mapping[str, object]) -> str:
    match = NAME.fullmatch(str(package["package_name"]).strip())
    assert match is not None
    name = re.sub(r"[-_.]+", "-", match["name"]).lower()
    extras = sorted({e.strip().lower() for e in (match["extras"] or "").split(",") if e.strip()})
    name += f"[{','.join(extras)}]" if extras else ""
    version = str(package.get("package_version") or "").strip()
    return f"{name}{OPERATORS[str(package.get('restraint') or 'EXACT')]}{version}" if version else name


def _wrong(path: str, value: object) -> Iterator[Violation]:
    if not isinstance(value, dict):
        yield Violation(path, "must be an object", "3016")
        return
    if value.get("installer", "pip") != "pip":
        yield Violation(f"{path}.installer", f"is {shown(value['installer'])}, only pip is supported", "3016")
    packages = value.get("packages")
    if not isinstance(packages, list):
        yield Violation(f"{path}.packages", "must be an array", "3016")
        return
    for i, package in enumerate(packages):
        yield from _wrong_package(f"{path}.packages[{i}]", package)


def _wrong_package(at: str, package: object) -> Iterator[Violation]:
    said = cast("Mapping[str, object]", package) if isinstance(package, dict) else {}
    name = said.get("package_name")
    if not isinstance(name, str) or not NAME.fullmatch(name.strip()):
        yield Violation(f"{at}.package_name", f"is {shown(name)}, must name a package", "3016")
    restraint, version = said.get("restraint"), said.get("package_version")
    restraint = None if restraint == "" else restraint
    if restraint is not None and not (isinstance(restraint, str) and restraint in OPERATORS):
        yield Violation(f"{at}.restraint", f"is {shown(restraint)}, must be EXACT, ATLEAST or ATMOST", "3041")
    if version is None or version == "":
        return
    exact = restraint is None or restraint == "EXACT"
    text = version.strip() if isinstance(version, str) else ""
    if not VERSION.fullmatch(text) and not (exact and WILDCARD.fullmatch(text)):
        yield Violation(f"{at}.package_version", f"is {shown(version)}, must be a version", "3016")
