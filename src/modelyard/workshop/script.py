"""What can be said of `customize_service.py` without running it. Pure."""

import ast
from collections.abc import Iterator

BASES = ("model_service", "mms")
"""Packages whose classes scripts derive from."""


def wrong(name: str, text: str) -> Iterator[str]:
    """What is wrong with a Python file of this name; for the script also whether it defines one service."""
    try:
        tree = ast.parse(text)
    except SyntaxError as error:
        yield f"line {error.lineno}: {error.msg}"
        return
    except ValueError as error:  # null bytes
        yield str(error)
        return
    if name == "customize_service.py":
        yield from _services(tree)


def _services(tree: ast.Module) -> Iterator[str]:
    bases, foreign = _imported(tree)
    classes = {node.name: node for node in ast.walk(tree) if isinstance(node, ast.ClassDef)}
    services: set[str] = set()
    while found := {n for n, c in classes.items() if n not in services and _derives(c, bases | services)}:
        services |= found
    parents = {name for n in services for name in map(_name, classes[n].bases)}
    leaves = sorted(services - parents)
    if len(leaves) > 1:
        yield f"defines several services ({', '.join(leaves)}); one is expected"
    elif not leaves and not foreign:
        yield "defines no class that derives from a base class of model_service"


def _imported(tree: ast.Module) -> tuple[set[str], bool]:
    """Names that stand for a base class, and whether others were imported that may."""
    bases: set[str] = set()
    others: set[str] = set()
    for node in ast.walk(tree):
        if not isinstance(node, ast.Import | ast.ImportFrom):
            continue
        for alias in node.names:
            module = (node.module if isinstance(node, ast.ImportFrom) else alias.name) or ""
            ours = module.split(".")[0] in BASES and not getattr(node, "level", 0)
            (bases if ours else others).add(alias.asname or alias.name.split(".")[0])
    used = {_root(base) for c in ast.walk(tree) if isinstance(c, ast.ClassDef) for base in c.bases}
    return bases, "*" in others or bool(others & used)


def _derives(cls: ast.ClassDef, known: set[str]) -> bool:
    return any(_name(base) in known or _root(base) in (*BASES, *known) for base in cls.bases)


def _name(node: ast.expr) -> str:
    return node.id if isinstance(node, ast.Name) else ""


def _root(node: ast.expr) -> str:
    while isinstance(node, ast.Attribute):
        node = node.value
    return _name(node)
