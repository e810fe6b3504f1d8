"""Images: which content a reference means, and that it is here.

A reference is resolved once, when a model is published, to what can never change: `NAME@sha256:…` of a registry,
or the id of an image that was built or imported here and no registry knows. What passes (the engine or a registry
is away, a registry that is busy) is told apart from what does not (no such image, wrong credentials).
"""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from modelyard.core.packages.images import IMAGE_ID, fixed, wrong
from modelyard.engines.containers.credentials import registry_of
from modelyard_runtime.door.docker import AwayError, Docker, RefusedError, Stream

NOWHERE = "localhost"
IDLE_S = 120.0
"""How long a pull may be silent."""
NOT_FOUND = ("not found", "manifest unknown", "does not exist", "name unknown", "no such image", "repository name")
DENIED = ("unauthorized", "denied", "authentication required", "no basic auth", "incorrect username or password")

Progress = Callable[[str], None]


class ImageError(Exception):
    """This image cannot be had, and trying again will not help; the text is for its author."""


class ImageAwayError(Exception):
    """It cannot be had now; trying later may succeed."""


@dataclass(frozen=True, slots=True)
class Image:
    """`reference` names this content for good; `size_bytes` on the engine's disk."""

    reference: str
    size_bytes: int


class Images:
    """Of one engine. Blocking: call it in a thread."""

    def __init__(self, docker: Docker) -> None:
        self._docker = docker
        self._pulls: set[Stream] = set()

    def resolved(self, reference: str, progress: Progress, login: str = "") -> Image:
        """The content that it means now, which is here afterwards. Raises ImageError, ImageAwayError."""
        if problem := wrong(reference):
            raise ImageError(problem)
        here = self.here(reference)
        if here is not None and (IMAGE_ID.fullmatch(reference) or _made_here(reference, here)):
            return _image(reference, here)  # no registry knows it better, nor who may have it
        self.pull(reference, progress, login)
        here = self.here(reference)
        if here is None:
            raise ImageAwayError(f"the image {reference} was pulled, and is not there")
        return _image(reference, here)

    def here(self, reference: str) -> Mapping[str, object] | None:
        """What the engine says of it; None: it is not here. Raises ImageAwayError."""
        try:
            said = self._docker.ask("GET", f"/images/{reference}/json").json()
        except RefusedError as error:
            if error.status == 404:
                return None
            raise ImageAwayError(f"the container engine does not tell of the image {reference}: {error}") from None
        except AwayError as error:
            raise ImageAwayError(f"the container engine is away: {error}") from None
        return said if isinstance(said, dict) else None

    def pull(self, reference: str, progress: Progress, login: str = "") -> None:
        """`login`: `X-Registry-Auth` ("": as anybody). Raises ImageError, ImageAwayError."""
        if IMAGE_ID.fullmatch(reference):
            raise ImageError(f"the image {reference} is not here any more, and came from no registry")
        name, tag = _parts(reference)
        try:
            with self._docker.opened(
                "POST",
                "/images/create",
                query={"fromImage": name, "tag": tag},
                headers={"X-Registry-Auth": login} if login else None,
                limit_s=IDLE_S,
            ) as stream:
                self._pulls.add(stream)
                try:
                    self._follow(stream, reference, progress)
                finally:
                    self._pulls.discard(stream)
        except RefusedError as error:
            raise _failure(reference, error.text) from None
        except AwayError as error:
            raise ImageAwayError(f"the container engine is away: {error}") from None

    def _follow(self, stream: Stream, reference: str, progress: Progress) -> None:
        layers = Layers()
        for line in stream.lines(IDLE_S):
            told = _object(line)
            if error := told.get("error"):
                raise _failure(reference, str(error))
            if layers.heard(told):
                progress(f"pulling image {reference}: {layers}")

    def give_up(self) -> None:
        """Whatever is being pulled: the engine gives that up as well, and keeps the layers that it has."""
        for stream in tuple(self._pulls):
            stream.close()


class Layers:
    """How far a pull is."""

    def __init__(self) -> None:
        self._sizes: dict[str, int] = {}
        self._have: dict[str, int] = {}
        self._told = ""

    def heard(self, line: Mapping[str, object]) -> bool:
        """Whether there is something new to tell."""
        layer, detail = line.get("id"), line.get("progressDetail")
        if isinstance(layer, str) and isinstance(detail, dict) and line.get("status") == "Downloading":
            current, total = detail.get("current"), detail.get("total")
            if isinstance(current, int) and isinstance(total, int) and total > 0:
                self._have[layer], self._sizes[layer] = current, total
        elif isinstance(layer, str) and line.get("status") in {"Download complete", "Pull complete"}:
            self._have[layer] = self._sizes.get(layer, 0)
        before, self._told = self._told, str(self)
        return self._told != before

    def __str__(self) -> str:
        total = sum(self._sizes.values())
        if not total:
            return "0 %"
        return f"{100 * sum(self._have.values()) // total} % of {total / 1024**2:.0f} MiB"


def _parts(reference: str) -> tuple[str, str]:
    """(name, tag or digest) as the engine takes them."""
    name, at, digest = reference.partition("@")
    last = name.rpartition("/")[2]
    tag = last.partition(":")[2]
    name = name[: -len(tag) - 1] if tag else name
    return (name, digest) if at else (name, tag or "latest")


def _image(reference: str, said: Mapping[str, object]) -> Image:
    size = said.get("Size")
    size_bytes = size if isinstance(size, int) else 0
    if fixed(reference):
        return Image(reference, size_bytes)
    name = _parts(reference)[0]
    digests = [] if _made_here(reference, said) else _digests(said)
    same = [d for d in digests if _plain(d.partition("@")[0]) == _plain(name)]
    own = str(said.get("Id") or "")
    found = (same or digests or [own if ":" in own else f"sha256:{own}"])[0]
    if not fixed(found):
        raise ImageAwayError(f"the container engine does not tell what the image {reference} is")
    return Image(found, size_bytes)


def _made_here(reference: str, said: Mapping[str, object]) -> bool:
    """Built or imported into this engine. Podman names those after a registry that is none, and gives them digests
    all the same."""
    return not _digests(said) or registry_of(reference) == NOWHERE


def _plain(name: str) -> str:
    """Without what Docker leaves out of names of its own registry."""
    for prefix in ("docker.io/", "index.docker.io/", "library/"):
        name = name.removeprefix(prefix)
    return name


def _digests(said: Mapping[str, object]) -> list[str]:
    digests = said.get("RepoDigests")
    return [d for d in digests if isinstance(d, str) and "@sha256:" in d] if isinstance(digests, list) else []


def _object(line: bytes) -> Mapping[str, object]:
    try:
        value = json.loads(line)
    except (ValueError, RecursionError):
        return {}
    return value if isinstance(value, dict) else {}


def _failure(reference: str, text: str) -> Exception:
    """Of a pull: whether it is one that passes."""
    said, registry = text.lower(), registry_of(reference)
    if any(word in said for word in DENIED):
        hint = "the registry's credentials are missing or wrong, or the image is not there"
        return ImageError(f"the image {reference} is refused by {registry}: {text} ({hint})")
    if any(word in said for word in NOT_FOUND) and "lookup" not in said and "host" not in said:
        return ImageError(f"the image {reference} is not at {registry}: {text}")
    return ImageAwayError(f"waiting for the registry {registry}: {text}")
