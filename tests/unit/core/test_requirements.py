"""`dependencies` of config.json as requirements: what is asked for, and that nothing but names gets through."""

from typing import Any

import pytest

from modelyard.core.packages import contents
from modelyard.core.packages.requirements import key, requirements, violations


def declared(*packages: dict[str, Any]) -> dict[str, Any]:
    return {"dependencies": [{"installer": "pip", "packages": list(packages)}]}


@pytest.mark.parametrize(
    ("package", "wanted"),
    [
        pytest.param({"package_name": "Pillow"}, "pillow", id="name-only"),
        pytest.param(
            {"package_name": "a_b.C", "package_version": "1.0", "restraint": "EXACT"}, "a-b-c==1.0", id="exact"
        ),
        pytest.param(
            {"package_name": "a", "package_version": "1.0rc1", "restraint": "ATLEAST"}, "a>=1.0rc1", id="least"
        ),
        pytest.param({"package_name": "a", "package_version": "2", "restraint": "ATMOST"}, "a<=2", id="most"),
        pytest.param({"package_name": "a", "package_version": "2.1"}, "a==2.1", id="version-without-restraint"),
        pytest.param({"package_name": "a", "package_version": "2.*"}, "a==2.*", id="wildcard"),
        pytest.param({"package_name": "a", "restraint": "EXACT"}, "a", id="restraint-without-version"),
        pytest.param({"package_name": "a[Z,b]"}, "a[b,z]", id="extras"),
        pytest.param({"package_name": "torch", "package_version": "2.1.0+cpu"}, "torch==2.1.0+cpu", id="local"),
    ],
)
def test_a_package_is_a_requirement(package: dict[str, Any], wanted: str) -> None:
    assert list(violations(declared(package)["dependencies"])) == []
    assert requirements(declared(package)) == (wanted,)


@pytest.mark.parametrize(
    ("package", "field"),
    [
        pytest.param({"package_name": "--index-url=x"}, "package_name", id="option"),
        pytest.param({"package_name": "-r"}, "package_name", id="short-option"),
        pytest.param({"package_name": "a @ https://x/a.whl"}, "package_name", id="url"),
        pytest.param({"package_name": "./a"}, "package_name", id="path"),
        pytest.param({"package_name": "a; python_version < '3'"}, "package_name", id="marker"),
        pytest.param({"package_name": "a\n--pre"}, "package_name", id="two-lines"),
        pytest.param({"package_name": "a "}, None, id="space-around"),
        pytest.param({"package_name": "a-"}, "package_name", id="ends-in-hyphen"),
        pytest.param({"package_name": "a", "package_version": "1,<2"}, "package_version", id="two-versions"),
        pytest.param(
            {"package_name": "a", "package_version": "1.*", "restraint": "ATLEAST"}, "package_version", id="star"
        ),
        pytest.param({"package_name": "a", "package_version": 1}, "package_version", id="number"),
        pytest.param(
            {"package_name": "a", "package_version": "1", "restraint": "==="}, "restraint", id="restraint"
        ),
    ],
)
def test_nothing_else_gets_through(package: dict[str, Any], field: str | None) -> None:
    found = [v.field for v in violations(declared(package)["dependencies"])]
    assert found == ([f"dependencies[0].packages[0].{field}"] if field else [])
    if field:
        assert requirements(declared(package)) == ()


def test_the_key_is_of_what_decides_about_an_environment() -> None:
    one = key(("a", "b"), "3.11", "linux")
    assert one == key(("b", "a"), "3.11", "linux")
    assert (
        len({one, key(("a",), "3.11", "linux"), key(("a", "b"), "3.12", "linux"), key(("a", "b"), "3.11", "x")})
        == 4
    )


@pytest.mark.parametrize(
    ("runtime", "noted"),
    [
        ("python3.11", False),
        ("python3.7", True),
        ("tf1.13-python3.6-cpu", True),
        ("pytorch_1.8.0-cuda_10.2-py_3.7-ubuntu_18.04-x86_64", True),
        ("pytorch_2.1.0-py_3.11", False),
        ("anything", False),
        (None, False),
    ],
)
def test_another_interpreter_is_told(runtime: str | None, noted: bool) -> None:
    assert bool(contents.runtime_note({"runtime": runtime}, (3, 11))) is noted
