"""Use cases of secrets: a project's own, which its services find as files.

A value is never shown again, and sealed in the database. A service has the value that the secret had when its
config was last changed; another value makes another version, which reaches it with its next change.
"""

import re
from collections.abc import Mapping, Sequence

from modelyard.core.masking import SHORTEST
from modelyard.domain.errors import Conflict, Invalid, NotFound, Violation
from modelyard.domain.identity import CONTROL_WRITE, Principal
from modelyard.domain.secrets import Secret, SecretValue
from modelyard.operations import acting
from modelyard.operations.context import Context, authorise
from modelyard.store.base import ReadTransaction

NAME = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9_.-]{0,62}[A-Za-z0-9])?")
MOST_BYTES = 32 * 1024
MOST_SECRETS = 200
"""Of one project."""

Use = Mapping[str, Sequence[str]]
"""The services that have a secret, by its name."""


async def listed(ctx: Context, principal: Principal, project_id: str) -> tuple[Sequence[Secret], Use]:
    """By name, and who uses each. Raises Forbidden."""
    authorise(principal, project_id, CONTROL_WRITE, "listSecrets")
    async with ctx.store.read() as r:
        return await r.secrets(project_id), await _use(r, project_id)


async def save(ctx: Context, principal: Principal, project_id: str, name: str, value: str | None) -> Secret:
    """The same value again changes nothing. Raises Forbidden, Invalid."""
    authorise(principal, project_id, CONTROL_WRITE, "saveSecret")
    if violations := _wrong(name, value):
        raise Invalid(*violations)
    acting.named(name, f"secrets/{name}")
    async with ctx.store.write() as w:
        known = {one.name: one for one in await w.secrets(project_id)}
        before, text = known.get(name), SecretValue(value or "")
        if before is not None and before.value == text:
            return before
        if before is None and len(known) >= MOST_SECRETS:
            raise Invalid(Violation("name", f"is one too many: a project has at most {MOST_SECRETS}"))
        secret = Secret(project_id, name, before.version + 1 if before else 1, text, ctx.clock())
        await w.save_secret(secret)
    return secret


async def delete(ctx: Context, principal: Principal, project_id: str, name: str) -> None:
    """Raises Forbidden, NotFound, Conflict."""
    authorise(principal, project_id, CONTROL_WRITE, "deleteSecret")
    async with ctx.store.write() as w:
        if not any(one.name == name for one in await w.secrets(project_id)):
            raise NotFound("secret", name)
        if users := (await _use(w, project_id)).get(name):
            raise Conflict(f"The secret {name} is in use: take it from service {', '.join(users)} first.")
        acting.named(name)
        await w.delete_secret(project_id, name)


async def _use(r: ReadTransaction, project_id: str) -> Use:
    """Of what each service is to run, and of what it may go back to."""
    using: dict[str, list[str]] = {}
    for record in await r.records(project_id):
        variants = (variant for revision in record.revisions.values() for variant in revision.variants)
        for name in sorted({file.name for variant in variants for file in variant.template.secrets}):
            using.setdefault(name, []).append(record.service.name)
    return using


def _wrong(name: str, value: str | None) -> Sequence[Violation]:
    """Says nothing of the value but its size."""
    found = []
    if not NAME.fullmatch(name):
        found.append(
            Violation("name", "must have 1 to 64 letters, digits, '-', '_' and '.', the ends letters or digits")
        )
    if value is None:
        found.append(Violation("value", "is mandatory"))
    elif len(value) < SHORTEST:
        text = f"has {len(value)} characters, must have {SHORTEST} or more: it could not be told from other text"
        found.append(Violation("value", text))
    elif not _encodes(value) or (size := len(value.encode())) > MOST_BYTES:
        told = (
            f"has {size} bytes, at most {MOST_BYTES} are allowed" if _encodes(value) else "is no text of Unicode"
        )
        found.append(Violation("value", told))
    return found


def _encodes(value: str) -> bool:
    try:
        value.encode()
    except UnicodeEncodeError:
        return False
    return True
