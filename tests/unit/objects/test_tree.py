"""What a directory holds, whatever lies in it: files by name, or a refusal by name, at any depth."""

import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from modelyard import trees
from modelyard.objects.tree import RefusedFileError, files


@pytest.fixture(autouse=True)
def removed(tmp_path: Path) -> Iterator[None]:
    """What is too deep for pytest to remove."""
    yield
    trees.remove(tmp_path)


def names(base: Path, inside: Path) -> list[str]:
    return [file.name for file in files(base, inside.resolve())]


def test_files_links_and_case(tmp_path: Path) -> None:
    base = tmp_path / "bucket/a"
    (base / "sub").mkdir(parents=True)
    for name in ("A", "a", "sub/ü x#%2F", "." + "x" * 200):
        (base / name).write_text("x")
    (tmp_path / "bucket/shared").mkdir()
    (tmp_path / "bucket/shared/w").write_text("12")
    (base / "linked").symlink_to(tmp_path / "bucket/shared")
    (base / "twice").symlink_to(tmp_path / "bucket/shared")
    (base / "file").symlink_to("sub/ü x#%2F")
    wanted = ["." + "x" * 200, "A", "a", "file", "linked/w", "sub/ü x#%2F", "twice/w"]
    assert names(base, tmp_path / "bucket") == sorted(wanted)


def loop_of_two(base: Path) -> None:
    (base / "one").mkdir()
    (base.parent / "two").mkdir()
    (base / "one/link").symlink_to(base.parent / "two")
    (base.parent / "two/back").symlink_to(base / "one")


REFUSED: dict[str, tuple[Callable[[Path], object], str]] = {
    "itself": (lambda base: (base / "l").symlink_to("."), "leads in a circle"),
    "above": (lambda base: (base / "l").symlink_to(".."), "leads"),
    "two": (loop_of_two, "'one/link/back' is a symbolic link that leads in a circle"),
    "dangling": (lambda base: (base / "l").symlink_to("gone"), "leads nowhere"),
    "out": (lambda base: (base / "l").symlink_to("/etc/hostname"), "leads out of bucket"),
    "root": (lambda base: (base / "l").symlink_to("/"), "leads out of bucket"),
    "device": (lambda base: (base / "l").symlink_to("/dev/null"), "leads out of bucket"),
    "pipe": (lambda base: os.mkfifo(base / "p"), "'p' is a named pipe"),
    "new line": (lambda base: (base / "a\nb").touch(), r"'a\nb' has a control character"),
    "escape": (lambda base: (base / "a\x1b[31m").mkdir(), "has a control character"),
    "backslash": (lambda base: (base / "a\\b").touch(), "has a control character or a backslash"),
    "latin 1": (lambda base: Path(os.fsdecode(os.fsencode(base) + b"/caf\xe9")).touch(), "is not UTF-8 text"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_no_package_holds_is_refused_by_name(tmp_path: Path, case: str) -> None:
    base = tmp_path / "bucket/a"
    base.mkdir(parents=True)
    make, cause = REFUSED[case]
    make(base)
    with pytest.raises(RefusedFileError) as refused:
        names(base, tmp_path / "bucket")
    assert cause in str(refused.value)
    str(refused.value).encode()


@pytest.mark.parametrize(("depth", "refused"), [(500, False), (600, True), (6500, True)])
def test_depth_is_bounded_by_the_length_of_a_key(tmp_path: Path, depth: int, refused: bool) -> None:
    here = os.open(tmp_path, os.O_RDONLY)
    for _ in range(depth):
        os.mkdir("d", dir_fd=here)
        below = os.open("d", os.O_RDONLY, dir_fd=here)
        os.close(here)
        here = below
    os.close(os.open("f", os.O_CREAT | os.O_WRONLY, dir_fd=here))
    os.close(here)
    if refused:
        with pytest.raises(RefusedFileError, match="lies too deep"):
            names(tmp_path, tmp_path)
    else:
        assert names(tmp_path, tmp_path) == ["d/" * depth + "f"]


def test_there_is_a_bound(tmp_path: Path) -> None:
    for n in range(4):
        (tmp_path / str(n)).touch()
    with pytest.raises(RefusedFileError, match="at most 3 files"):
        list(files(tmp_path, tmp_path.resolve(), most=3))
