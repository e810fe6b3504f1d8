"""Environment variables that are secrets: what an entry may say of them, how it is shown, and what is meant by a
value that is sent back as it was shown. Pure.

    {"envs": {"KEY": "s3cret", "MODE": "a"}, "secret_envs": ["KEY"]}      is shown as
    {"envs": {"KEY": "***", "MODE": "a"}, "secret_envs": ["KEY"]}         which, sent again, changes nothing

`***` means the value that is stored: of the same model in the present config, else of the one other entry that has
such a secret. Where there is none, or the variable would be a secret no longer, it is refused.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

from modelyard.core.admission.variant_request import VariantRequest
from modelyard.core.masking import MASK, SHORTEST
from modelyard.domain.errors import Violation
from modelyard.domain.revision import Variant, names_of_secrets
from modelyard.domain.texts import shown


def masked(entry: Mapping[str, object]) -> dict[str, object]:
    """The entry as anybody may see it."""
    secret, envs = names_of_secrets(entry), entry.get("envs")
    if not secret or not isinstance(envs, Mapping):
        return dict(entry)
    return {**entry, "envs": {name: MASK if name in secret else value for name, value in envs.items()}}


def restored(entry: VariantRequest, previous: Sequence[Variant]) -> VariantRequest:
    """With what is stored in place of `***`."""
    asked = [name for name, sent in entry.envs if sent == MASK and name in entry.secret_envs]
    stored = {name: _stored(name, entry.model_id, previous) for name in asked}
    values = {name: value for name, value in stored.items() if value is not None}
    if not values:
        return entry
    raw = dict(entry.raw)
    if isinstance(envs := raw.get("envs"), Mapping):
        raw["envs"] = {**envs, **values}
    return replace(entry, envs=tuple((name, values.get(name, sent)) for name, sent in entry.envs), raw=raw)


def violations(path: str, entry: VariantRequest, previous: Sequence[Variant]) -> Iterator[Violation]:
    """Of an entry that was restored."""
    envs = dict(entry.envs)
    for i, name in enumerate(entry.secret_envs):
        if name not in envs:
            yield Violation(f"{path}.secret_envs[{i}]", f"is {shown(name)}, which is not in envs")
    for name, value in envs.items():
        secret = name in entry.secret_envs
        if value == MASK and secret:
            yield Violation(
                f"{path}.envs.{name}", f"is {MASK}, which stands for the value that is stored: none is"
            )
        elif value == MASK and any(name in one.secret_names for one in previous):
            yield Violation(f"{path}.envs.{name}", f"is {MASK}, which stands for a secret: list it in secret_envs")
        elif secret and 0 < len(value) < SHORTEST:
            text = f"is a secret of less than {SHORTEST} characters, which cannot be told from other text"
            yield Violation(f"{path}.envs.{name}", text)


def _stored(name: str, model_id: str | None, previous: Sequence[Variant]) -> str | None:
    those = [(one.model_id, dict(one.template.envs).get(name)) for one in previous if name in one.secret_names]
    own = [value for model, value in those if model == model_id]
    if own:
        return own[0]
    values = {value for _, value in those}
    return values.pop() if len(values) == 1 else None
