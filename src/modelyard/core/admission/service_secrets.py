"""The secrets that a service asks for (contract §2, service_secrets): which there are, and where they are found.

Each is a file at its mount path, in every instance of the service. The value and its version become part of the
template, so that a service goes on with the values that it was given: another value of a secret reaches it with
the next change of its config or of its secrets, as a rollout. `/run`, where secrets often lie, is open to them.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

from modelyard.core.admission import properties, volumes
from modelyard.core.admission.service import SecretRequest
from modelyard.core.admission.volumes import IN_IMAGES, SYSTEM, HostDirs
from modelyard.core.packages.programs import is_image
from modelyard.domain.errors import Violation
from modelyard.domain.model import Model
from modelyard.domain.revision import Variant
from modelyard.domain.secrets import Secret, SecretFile
from modelyard.domain.texts import shown

MOST = 16
"""Of one service."""
PLACES = tuple(place for place in SYSTEM if place != "/run")


@dataclass(frozen=True, slots=True)
class ServiceSecrets:
    """`asked`: what the service asks for, now or before; `known`: those of its project, of the names in there."""

    asked: tuple[SecretRequest, ...] = ()
    known: Mapping[str, Secret] = field(default_factory=dict)
    files: tuple[SecretFile, ...] | None = None


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What one entry of the config has besides. `image`: its model is one; `boxed`: it runs in a container
    whatever its model is; `mounts`: its volumes, by mount path the field that asks for each."""

    image: bool = False
    boxed: bool = False
    mounts: Mapping[str, str] = field(default_factory=dict)


def violations(secrets: ServiceSecrets, entries: Sequence[Surroundings], dirs: HostDirs) -> Iterator[Violation]:
    """What is wrong with them; shapes are for `service.violations`."""
    seen: dict[str, str] = {}
    if len(secrets.asked) > MOST:
        yield Violation(properties.SECRETS, f"has {len(secrets.asked)} entries, at most {MOST} are allowed")
    for i, asked in enumerate(secrets.asked):
        at = f"{properties.SECRETS}[{i}]"
        if not asked.secret_id or not asked.mount_path:
            continue
        if asked.secret_id not in secrets.known:
            yield Violation(
                f"{at}.secretId",
                f"is {shown(asked.secret_id)}, which is no secret of this project (GET …/secrets)",
            )
        where, field_ = asked.mount_path, f"{at}.mouthPath"
        wrong = [*_where(field_, where, entries, dirs), *volumes.touching(field_, where, seen)]
        seen.setdefault(volumes.plain(where), at)
        if not wrong and not dirs.mountable and not all(entry.image or entry.boxed for entry in entries):
            text = f"cannot be mounted: instances have no view of the files of their own here ({dirs.why})"
            wrong.append(Violation(at, text))
        yield from wrong


def mounted(secrets: ServiceSecrets) -> tuple[SecretFile, ...]:
    """Those of a valid request."""
    if secrets.files is not None:
        return secrets.files
    return tuple(
        SecretFile(one.name, one.version, volumes.plain(asked.mount_path), one.value)
        for asked in secrets.asked
        if asked.mount_path and (one := secrets.known.get(asked.secret_id or ""))
    )


def surroundings(variant: Variant, model: Model | None, *, boxed: bool) -> Surroundings:
    """Of what is admitted already. `boxed`: its pool is one of containers."""
    mounts = {volume.mount_path: f"the volume at {volume.mount_path}" for volume in variant.template.volumes}
    return Surroundings(model is not None and is_image(model), boxed, mounts)


def requested(variants: Iterable[Variant]) -> tuple[SecretRequest, ...]:
    """What a service asks for already, as its present variants have it: each has all of them."""
    files = next((variant.template.secrets for variant in variants), ())
    return tuple(SecretRequest(one.name, one.path) for one in files)


def given(variants: Iterable[Variant], files: tuple[SecretFile, ...]) -> tuple[Variant, ...]:
    """The same variants with these secrets."""
    return tuple(replace(one, template=replace(one.template, secrets=files)) for one in variants)


def _where(at: str, path: str, entries: Sequence[Surroundings], dirs: HostDirs) -> Iterator[Violation]:
    taken = {place for one in entries for place in (IN_IMAGES if one.image else dirs.occupied)}
    wrong = list(volumes.mount_path(at, path, (*PLACES, *sorted(taken - {"/run"}))))
    if path.endswith("/") and not wrong:
        wrong.append(Violation(at, f"is {shown(path)}, must name a file: the secret is its content"))
    for one in entries:
        wrong = wrong or list(volumes.touching(at, path, one.mounts))
    yield from wrong
