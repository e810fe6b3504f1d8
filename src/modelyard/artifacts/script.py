"""What can be said of the Python files of a package without running them: what importing the script surely imports
must be Python, and the script must define one service.

A file that nothing imports is not judged: packages carry helpers for other interpreters. What is imported only in
a function, under a condition or in a `try` may never be; its errors are warnings. Where a class may come from
elsewhere (a module of the package, a dependency, `import *`), nothing is said of it: only running it can tell.
"""

import ast
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import PurePosixPath

BASES = ("model_service", "mms")
"""Packages whose classes scripts derive from."""

Read = Callable[[str], bytes | None]
"""The content of a file of the package; None: it has none of this name."""


@dataclass(frozen=True, slots=True)
class Fault:
    """`surely`: the model cannot be loaded."""

    name: str
    text: str
    surely: bool = True


def faults(script: str, read: Read) -> Iterator[Fault]:
    """What is wrong with the script and with what it imports from its package, each file once."""
    seen = {script}
    waiting = [(script, True)]
    while waiting:
        name, surely = waiting.pop(0)
        tree = _parsed(read(name) or b"")
        if isinstance(tree, str):
            yield Fault(name, tree, surely)
            continue
        if name == script:
            yield from (Fault(name, text) for text in _services(tree))
        inner = dict.fromkeys(_modules(ast.walk(tree), name, read), False)
        if surely:
            inner |= dict.fromkeys(_modules(_at_once(tree), name, read), True)
        for each in sorted(inner, key=lambda n: not inner[n]):
            if each not in seen:
                seen.add(each)
                waiting.append((each, inner[each]))
        waiting.sort(key=lambda item: not item[1])


def _parsed(source: bytes) -> ast.Module | str:
    """As Python reads a file: a byte order mark and a declared encoding count."""
    try:
        return ast.parse(source)
    except SyntaxError as error:
        return (
            f"syntax error in line {error.lineno}: {error.msg}" if error.lineno else f"syntax error: {error.msg}"
        )
    except ValueError as error:  # null bytes
        return f"syntax error: {error}"
    except (RecursionError, MemoryError):
        return "syntax error: it is nested too deeply"


def _at_once(tree: ast.Module) -> Iterator[ast.AST]:
    """The statements that importing the module executes whatever happens."""
    waiting: list[ast.stmt] = list(tree.body)
    while waiting:
        statement = waiting.pop()
        yield statement
        if isinstance(statement, ast.ClassDef | ast.With):
            waiting += statement.body


def _modules(nodes: Iterator[ast.AST], importer: str, read: Read) -> Iterator[str]:
    """The files of the package that these nodes import. A script imports what lies beside it, in both ways."""
    here = PurePosixPath(importer).parent
    for node in nodes:
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield from _files(PurePosixPath(), alias.name, read)
        elif isinstance(node, ast.ImportFrom):
            base = here
            for _ in range(node.level - 1):
                base = base.parent
            base = base if node.level else PurePosixPath()
            yield from _files(base, node.module or "", read)
            for alias in node.names:
                yield from _files(base, f"{node.module}.{alias.name}" if node.module else alias.name, read)


def _files(base: PurePosixPath, dotted: str, read: Read) -> Iterator[str]:
    path = base
    for part in dotted.split(".") if dotted else ():
        path /= part
        for name in (f"{path}/__init__.py", f"{path}.py"):
            if read(name) is not None:
                yield name
                break


def _services(tree: ast.Module) -> Iterator[str]:
    bases, elsewhere = _imported(tree)
    classes = {node.name: node for node in _top(tree) if isinstance(node, ast.ClassDef)}
    services: set[str] = set()
    while derived := {n for n, c in classes.items() if n not in services and _derives(c, bases | services)}:
        services |= derived
    parents = {name for n in services for name in map(_name, classes[n].bases)}
    leaves = sorted(services - parents)
    sure = [name for name in leaves if classes[name] in tree.body]
    if len(sure) > 1:
        yield f"defines several services ({', '.join(sure)}); one is expected"
    elif not leaves and not elsewhere:
        yield "defines no class that derives from a base class of model_service"


def _top(tree: ast.Module) -> Iterator[ast.stmt]:
    """Statements that bind names of the module, also those in branches."""
    waiting: list[ast.stmt] = list(tree.body)
    while waiting:
        statement = waiting.pop()
        yield statement
        if not isinstance(statement, ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            for block in ("body", "orelse", "finalbody"):
                waiting += getattr(statement, block, [])
            for handler in getattr(statement, "handlers", []):
                waiting += handler.body


def _imported(tree: ast.Module) -> tuple[set[str], bool]:
    """Names that stand for a base class or its module, and whether a class may come from elsewhere: from modules
    that are neither Python's own nor ours, or made by a call."""
    bases: set[str] = set()
    elsewhere = False
    foreign: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            for alias in node.names:
                ours = alias.name.split(".")[0] in BASES
                (bases if ours else foreign).add(alias.asname or alias.name.split(".")[0])
        elif isinstance(node, ast.ImportFrom):
            root = (node.module or "").split(".")[0]
            if not node.level and root in BASES:
                bases |= {alias.asname or alias.name for alias in node.names}
            elif node.level or root not in sys.stdlib_module_names:
                elsewhere = True
        elif isinstance(node, ast.Assign) and isinstance(node.value, ast.Call | ast.Attribute | ast.Name):
            targets = {_name(target) for target in node.targets}
            elsewhere = elsewhere or bool(targets & {_root(b) for c in _classes(tree) for b in c.bases})
        elif isinstance(node, ast.Call) and _name(node.func) in {"type", "exec", "setattr", "globals"}:
            elsewhere = elsewhere or _name(node.func) != "type" or len(node.args) == 3
    used = {_root(base) for c in _classes(tree) for base in c.bases}
    return bases, elsewhere or bool(foreign & used)


def _classes(tree: ast.Module) -> list[ast.ClassDef]:
    return [node for node in ast.walk(tree) if isinstance(node, ast.ClassDef)]


def _derives(cls: ast.ClassDef, known: set[str]) -> bool:
    return any(_name(base) in known or _root(base) in known for base in cls.bases)


def _name(node: ast.AST) -> str:
    return node.id if isinstance(node, ast.Name) else ""


def _root(node: ast.expr) -> str:
    while isinstance(node, ast.Attribute):
        node = node.value
    return _name(node)
