"""docs/reference/command-line.md, from the commands themselves: every command, argument, option and exit code."""

from collections.abc import Iterator
from typing import Any

import typer
import typer.main

from modelyard.cli.exits import MEANINGS

HEAD = """# Command line

Made from the commands by `make reference`. All but `up`, `down`, `backup`, `restore`, `run` and `check` speak to
the public API.

A service is given by its name or id; a model by `NAME/VERSION`, `NAME` (the newest) or id. `-m` takes
`MODEL[=WEIGHT][xINSTANCES]`: `iris/1.0.0=70x2`. In an update, what it does not say stays: an entry keeps all
of the one whose place it takes, and without any weight the weights.

Commands that change a service follow it to the end; `--no-wait` returns at once, `--timeout` bounds the waiting.
`--json` prints the server's answer. On a terminal tables are wrapped at its width; in a pipe nothing is wrapped or
cut. `NO_COLOR=1` prints without colours.

What deletes asks first, and says what would go. Where nobody can be asked (no terminal) it needs `--yes`, and ends
with 8 without it.

## Which server, which user

The first of these that there is; `modelyard whoami` tells which it was.

1. `--profile NAME`: a login that `modelyard login --profile NAME` keeps
2. `--data-dir DIR`, or `MODELYARD_DATA_DIR`: the user of the first start
3. `MODELYARD_PROFILE`: as 1
4. the variables of OpenStack clients: `OS_AUTH_URL`, `OS_USERNAME`, `OS_PASSWORD` (or `OS_TOKEN`),
   `OS_PROJECT_NAME`; domains may be left out
5. the login that `modelyard login` keeps
6. `./modelyard-data` if it is there, otherwise `~/.local/share/modelyard`

Logins are files in `$XDG_CONFIG_HOME/modelyard/profiles` (`~/.config`), readable by their owner only. They hold a
token, which is good for a day, and never the password.

## Exit codes

| code | means |
| --- | --- |
"""
COMMON = ("--data-dir", "--profile", "--help")
"""Said once, above."""


def markdown(app: typer.Typer) -> str:
    """The page."""
    codes = "".join(f"| {int(code)} | {text} |\n" for code, text in sorted(MEANINGS.items()))
    return HEAD + codes + "".join(_group("modelyard", typer.main.get_command(app)))


def _group(path: str, group: Any) -> Iterator[str]:
    yield f"\n## {path}\n"
    if group.help and path != "modelyard":
        yield f"\n{group.help}\n"
    inner = []
    for name, command in group.commands.items():
        if hasattr(command, "commands"):
            inner.append((f"{path} {name}", command))
        else:
            yield from _command(f"{path} {name}", command)
    for name, command in inner:
        yield from _group(name, command)


def _command(path: str, command: Any) -> Iterator[str]:
    shown = [one for one in command.params if one.name not in {"help"} and not getattr(one, "hidden", False)]
    arguments = [one for one in shown if one.param_type_name == "argument"]
    options = [one for one in shown if one.param_type_name == "option" and one.opts[0] not in COMMON]
    needed = [f"{one.opts[0]} {_kind(one)}" for one in options if one.required]
    usage = [path, *(_place(one) for one in arguments), *needed]
    if len(needed) < len(options):
        usage.append("[OPTIONS]")
    yield f"\n### {path}\n\n    {' '.join(usage)}\n\n{_flat(command.help or '')}\n"
    rows = [(f"`{_place(one)}`", _flat(getattr(one, "help", "") or "")) for one in arguments]
    rows = [row for row in rows if row[1]]
    rows += [(_names(one), _flat(one.help or "") + _more(one)) for one in options]
    if rows:
        yield "\n| | |\n| --- | --- |\n"
        yield from (f"| {_cell(left)} | {_cell(right)} |\n" for left, right in rows)


def _place(argument: Any) -> str:
    name = str(argument.metavar or argument.name.upper())
    return name if argument.required or name.startswith("[") else f"[{name}]"


def _names(option: Any) -> str:
    kind = "" if option.is_flag else f" {_kind(option)}"
    return ", ".join(f"`{name}{kind}`" for name in (*option.opts, *option.secondary_opts))


def _kind(option: Any) -> str:
    return str(option.metavar or option.opts[0].lstrip("-").replace("-", "_").upper())


def _more(option: Any) -> str:
    shown = getattr(option, "show_default", None)
    default = shown if isinstance(shown, str) else option.default
    said = []
    if default not in (None, False, "", ()) and not option.required and not callable(default):
        said.append(f"default {default}")
    if option.envvar:
        said.append(f"or `{option.envvar}`")
    return f" ({', '.join(said)})" if said else ""


def _flat(text: str) -> str:
    """Paragraphs stay, lines are joined."""
    return "\n\n".join(" ".join(part.split()) for part in text.split("\n\n")).strip()


def _cell(text: str) -> str:
    return text.replace("|", "\\|").replace("\n", " ")
