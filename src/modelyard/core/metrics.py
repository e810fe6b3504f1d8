"""Samples in Prometheus' text format (version 0.0.4): what instances report, read with suspicion, and joined into
one page for scrapers.

A model's code runs inside its instance and may report anything, so only values are taken over: the samples of the
families named here, with our help, type and labels, each once. Everything else is dropped. Therefore no instance
can use another's labels, change the type of a family, repeat a sample or break the page.

    instance i-1 reports                    the page says
    modelyard_in_flight 2                → modelyard_in_flight{instance="i-1"} 2
    modelyard_in_flight{instance="i-2"} 9
    # TYPE modelyard_in_flight histogram
    hello
"""

import re
from collections.abc import Iterable, Mapping, Sequence

from modelyard.core.metric_catalogue import OF_INSTANCES, ORIGINS, Family
from modelyard.core.tallies import Sample

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"
MOST_SAMPLES = 500
"""Per instance; ours reports about 80. Whatever follows is dropped."""


LINE = re.compile(
    r'([a-z_]{1,60})(?:\{([a-z]{1,20})="([A-Za-z0-9+. -]{1,40})",?\})? +'
    r"([0-9]{1,20}(?:\.[0-9]{1,20})?(?:e[+-]?[0-9]{1,2})?)"
)
VALUES = {
    "status": re.compile(r"[1-5]xx"),
    "phase": re.compile(r"[a-z][a-z -]{0,30}"),
    "le": re.compile(r"\+Inf|[0-9]{1,9}(?:\.[0-9]{1,9})?"),
}
ESCAPES = str.maketrans({"\\": r"\\", '"': r"\"", "\n": r"\n"})

Lines = dict[str, list[str]]
"""The lines of a page, by the name of their family."""


def _samples() -> Mapping[str, tuple[str, str]]:
    """The name of a sample → its family and the label that it must carry ("": none)."""
    samples = {}
    for family in OF_INSTANCES:
        if family.kind == "histogram":
            for suffix, label in (("bucket", "le"), ("sum", ""), ("count", "")):
                samples[f"{family.name}_{suffix}"] = (family.name, label)
        else:
            samples[family.name] = (family.name, "".join(family.labels))
    return samples


SAMPLES = _samples()


def labels(values: Mapping[str, str]) -> str:
    """The text between the braces of a sample: `a="1",b="2"`. Values may be any text."""
    return ",".join(f'{name}="{value.translate(ESCAPES)}"' for name, value in values.items())


def sample(name: str, origin: str, value: float) -> str:
    """One line of a page. `origin`: as `labels` returns it."""
    return f"{name}{{{origin}}} {value}" if origin else f"{name} {value}"


def lines_of(samples: Iterable[Sample], origin: Mapping[str, str] = {}) -> Lines:
    """Lines of a page. `origin`: the labels that say what these samples are of (`metric_catalogue.ORIGINS`)."""
    lines: Lines = {}
    for one in samples:
        family = one.family
        names = {name: origin[name] for name in ORIGINS[family.of]}
        own = dict(zip(family.labels, one.values, strict=True))
        bound = {"le": one.le} if one.le else {}
        name = f"{family.name}_{one.part}" if one.part else family.name
        lines.setdefault(family.name, []).append(sample(name, labels({**names, **own, **bound}), one.value))
    return lines


def told(text: bytes, origin: str) -> Lines:
    """The samples that an instance reported, each with the labels of `origin` added. Never raises."""
    lines: Lines = {}
    seen: set[tuple[str, str | float]] = set()
    for line in text.decode("ascii", "replace").split("\n"):
        parts = LINE.fullmatch(line)
        if parts is None:
            continue
        name, label, label_value, value = parts.groups("")
        family, wanted = SAMPLES.get(name, ("", ""))
        if not family or label != wanted or (label and not VALUES[label].fullmatch(label_value)):
            continue
        same = (name, float(label_value) if label == "le" else label_value)  # le="1" is le="1.0"
        if same in seen:
            continue
        seen.add(same)
        both = f'{origin},{label}="{label_value}"' if label else origin
        lines.setdefault(family, []).append(f"{name}{{{both}}} {value}")
        if len(seen) == MOST_SAMPLES:
            break
    return lines


def page(families: Iterable[Family], parts: Sequence[Lines]) -> str:
    """One page: each family that has samples once, with its samples in the order of the parts."""
    lines = []
    for family in families:
        mine = [line for part in parts for line in part.get(family.name, ())]
        if mine:
            lines += [f"# HELP {family.name} {family.about}", f"# TYPE {family.name} {family.kind}", *mine]
    return "\n".join(lines) + "\n"
