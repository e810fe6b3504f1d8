"""The plan of a change, for people. Pure: values in, lines out."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from modelyard.cli.views import model_of_names, status, table, when
from modelyard.client.plans import Plan, Revision

SIGNS = {"added": ("+", "green"), "removed": ("-", "red"), "changed": ("~", "yellow"), "same": ("=", "dim")}
SAID_BY_MODEL = frozenset({"model_id", "model"})


def plan(value: Plan) -> RenderableType:
    """What differs, then what happens."""
    return Group(*_lines(value))


def _lines(value: Plan) -> Iterator[Text]:
    if not value.does_something:
        yield Text(f"{value.service_name}: nothing to change", style="green")
        return
    yield Text(f"{value.service_name}: {'create' if value.creates else 'change'}", style="bold")
    for name, both in value.service.items():
        yield Text(f"  {name}: {_both(both)}")
    for one in value.config:
        yield from _variant(one)
    if value.task:
        yield Text(f"  task: {_task(value.task)}")
    yield Text(f"  {'workers' if value.task else 'instances'}: {_instances(value)}")
    if room := _room(value.room):
        yield Text(f"  room: {room}")
    if len(value.traffic) > 1:
        yield Text(f"  traffic: {' → '.join(_answering(step) for step in value.traffic)}")
    if not value.complete:
        yield Text("  (the rest takes too long to work out: what is said here is how it begins)", style="yellow")


def _variant(one: Mapping[str, Any]) -> Iterator[Text]:
    sign, style = SIGNS.get(str(one.get("change")), ("?", ""))
    fields: Mapping[str, Any] = one.get("fields") or {}
    was = fields.get("model", {}).get("before") if one.get("change") == "changed" else None
    name = model_of_names(one)
    yield Text(f"  {sign} {f'{was} → {name}' if was else name}", style=style)
    if one.get("change") in {"changed", "added"}:
        for field, both in fields.items():
            if field not in SAID_BY_MODEL and both.get("after") != both.get("before"):
                yield Text(f"      {field}: {_both(both)}")


TASKS = {"begins": "a new one", "resumes": "goes on where it was", "continues": "goes on", "stops": "is stopped"}


def _task(task: Mapping[str, Any]) -> str:
    """`a new one, in place of 1234: obs://in/x/ → obs://out/`"""
    said = TASKS.get(str(task.get("does")))
    if said is None:
        return "stays as it is"
    instead = f", in place of {task['supersedes']}" if task.get("supersedes") else ""
    paths = f": {task['src_path']} → {task['dest_path']}" if task.get("src_path") and said != "is stopped" else ""
    return f"{said}{instead}{paths}"


def _both(both: Any) -> str:
    """Before and after; one side alone when the other is not there."""
    if not isinstance(both, Mapping):
        return str(both)
    if "before" not in both:
        return _value(both.get("after"))
    return f"{_value(both['before'])} → {_value(both['after']) if 'after' in both else '(gone)'}"


def _value(value: object) -> str:
    if isinstance(value, float):
        return f"{value:g}"
    return '""' if value == "" else str(value)


def _instances(value: Plan) -> str:
    starts, stops = sum(t.starts for t in value.instances), sum(t.stops for t in value.instances)
    stays = sum(t.stays for t in value.instances)
    said = [f"{verb} {count}" for verb, count in (("start", starts), ("stop", stops), ("keep", stays)) if count]
    return ", ".join(said) or "none"


def _room(room: Mapping[str, Any]) -> str:
    surge = int(room.get("surge") or 0)
    if surge <= 0:
        return ""
    size = room.get("surge_resources") or {}
    cards = "".join(f", {size[key]:g} {key[:3].upper()}" for key in ("gpus", "npus") if size.get(key))
    takes = f" ({size.get('cpu', 0):g} vCPU, {size.get('memory_mb', 0)} MB{cards})" if size.get("cpu") else ""
    waits = f"; it waits for cards: it takes {room['waits_for']}" if room.get("waits_for") else ""
    return f"{surge} more instance{'s' if surge > 1 else ''} at most{takes}{waits}"


def _answering(step: Mapping[str, Any]) -> str:
    """`iris/1.0.0 90 %, iris/2.0.0 10 %`; models that share a track are joined by `and`."""
    parts = []
    for track in step.get("tracks") or ():
        names = " and ".join(_apart(sorted(model_of_names(model) for model in track.get("models") or ())))
        parts.append(f"{names} {track.get('weight')} %")
    return ", ".join(parts) or "nobody"


def _apart(names: list[str]) -> list[str]:
    """One model twice is its instances before and after other settings.

    >>> _apart(["iris/1.0.0", "iris/1.0.0"]), _apart(["iris/1.0.0", "iris/2.0.0"])
    (['iris/1.0.0 (old)', 'iris/1.0.0 (new)'], ['iris/1.0.0', 'iris/2.0.0'])
    """
    if len(names) == 2 and names[0] == names[1]:
        return [f"{names[0]} (old)", f"{names[1]} (new)"]
    return names


def _entry(one: Mapping[str, Any], names: Mapping[str, str]) -> str:
    """`iris/1.0.0 70 % ×2`; batch and edge entries have no weight."""
    weight, count = one.get("weight"), one.get("instance_count")
    model = names.get(str(one.get("model_id"))) or model_of_names(one)
    return " ".join([model, *([f"{weight} %"] if weight is not None else []), *([f"×{count}"] if count else [])])


def revisions(numbered: Iterable[Revision], names: Mapping[str, str]) -> Table:
    """`names`: of models, by id; one that was deleted since is shown by its id."""
    rows = table("REVISION", "STATE", "STABLE", "CREATED", "CONFIG", "ERROR")
    for one in numbered:
        config = ", ".join(_entry(e, names) for e in one.config)
        rows.add_row(
            str(one.number), status(one.state), "yes" if one.stable else "", when(one.created_at), config,
            one.error_msg.partition("\n")[0],
        )  # fmt: skip
    return rows
