"""What a row of the audit says of a request, and how refusals are counted."""

from dataclasses import replace
from typing import Any

import pytest

from modelyard.core import audit
from modelyard.core.audit import Flood, FloodBounds
from modelyard.domain.audit import AuditRow, Means, Outcome


@pytest.mark.parametrize(
    ("body", "names"),
    [
        ({"service_name": "x", "config": [{"weight": 1}, {"weight": 2, "envs": {"K": "v"}}]},
         ("service_name", "config[].weight", "config[].envs")),
        ({"user": {"name": "ada", "password": "p"}}, ("user.name", "user.password")),
        ({"config": [], "envs": {}}, ("config", "envs")),
        ({"not a name": 1, "": 2, "ok": {"not a name": 1}}, ("ok",)),
        ([{"op": "replace", "path": "/config/0/envs/KEY", "value": "s"}, {"op": "x y", "path": "/a"}, 7],
         ("replace /config/0/envs",)),
        ("text", ()),
        ({f"f{i}": 0 for i in range(50)}, (*(f"f{i}" for i in range(40)), "…")),
    ],
)  # fmt: skip
def test_names_of_the_fields_that_were_sent(body: Any, names: tuple[str, ...]) -> None:
    assert audit.names(body) == names


@pytest.mark.parametrize(
    ("template", "given", "resource"),
    [
        ("/v1/{project_id}/services/{service_id}", {"project_id": "p", "service_id": "7f"}, "services/7f"),
        ("/v1/modelyard/admin/flavors/{flavor}", {"flavor": "a/b"}, "flavors/a/b"),
        ("/v2/{project_id}/notifications/topics/{urn}", {"urn": "urn:smn:t"}, "notifications/topics/urn:smn:t"),
        ("/v3/users/{user_id}", {"user_id": "u\n"}, "v3/users/u\\n"),
        ("/v1/{project_id}/objects/{bucket}/{key:path}", {"bucket": "b", "key": r"k\1"}, r"objects/b/k\1"),
        ("/v1/{project_id}/a/{app_code}", {"app_code": "s3cret"}, "a/***"),
        ("/v1/{project_id}/x/{thing}", {"thing": "y" * 500}, "x/" + "y" * 197 + "…"),
    ],
)
def test_a_resource_is_the_path_with_what_it_names(template: str, given: dict[str, str], resource: str) -> None:
    assert audit.resource(template, given) == resource


ROW = AuditRow(1000, "PUT /x", Outcome.REFUSED, 400, "0104", user_id="u", user_name="ada", project_id="p")


@pytest.mark.parametrize(
    ("change", "administrator", "lane"),
    [
        ({}, False, "p refused"),
        ({"outcome": Outcome.DONE}, False, "p"),
        ({"outcome": Outcome.FAILED}, False, "p refused"),
        ({"outcome": Outcome.DONE, "action": "GET /x"}, False, "p reads"),
        ({"outcome": Outcome.DONE, "action": audit.LOGIN}, False, "p logins"),
        ({"outcome": Outcome.DONE, "project_id": ""}, True, "installation"),
        ({"outcome": Outcome.DONE, "project_id": ""}, False, "u"),
        ({"user_id": ""}, False, "unknown callers"),
        ({"user_id": "", "project_id": "", "means": Means.LOCAL}, False, "installation"),
    ],
)
def test_lanes(change: dict[str, Any], administrator: bool, lane: str) -> None:
    assert audit.lane(replace(ROW, **change), administrator=administrator) == lane


NOBODY = replace(ROW, user_id="", user_name="")


def test_of_somebody_who_is_known_the_first_ones_are_told_one_by_one() -> None:
    flood = Flood(FloodBounds(singly=2))
    told = [flood.take(replace(ROW, at_ms=1000 + i), "a") is not None for i in range(5)]
    assert told == [True, True, False, False, False]
    assert flood.due_ms() == 61_000
    (counted,) = flood.drain()
    assert (counted.times, counted.at_ms, counted.until_ms, counted.user_name) == (3, 1002, 1004, "ada")
    assert flood.due_ms() is None
    assert flood.take(ROW, "a") is ROW, "a new window"


def test_of_nobody_the_first_of_each_kind_is() -> None:
    flood = Flood(FloodBounds(kinds=2))
    assert flood.take(NOBODY, "10.0.0.1") is NOBODY
    assert flood.take(NOBODY, "10.0.0.1") is None
    assert flood.take(NOBODY, "10.0.0.2") is NOBODY, "another address"
    other = replace(NOBODY, action="POST /y")
    assert flood.take(other, "10.0.0.1") is other
    assert flood.take(replace(NOBODY, action="POST /z"), "10.0.0.1") is None
    alike, several = flood.drain()
    assert (alike.action, alike.times) == ("PUT /x", 1)
    assert (several.action, several.times, several.error_code) == ("several calls", 1, "")


def test_a_window_has_a_bounded_number_of_rows_whoever_calls() -> None:
    bounds = FloodBounds(singly=3, kinds=4, callers=5)
    flood = Flood(bounds)
    told = 0
    for number in range(10_000):
        row = replace(NOBODY, action=f"PUT /{number % 17}", address=f"10.0.{number % 100}.1")
        told += flood.take(row, row.address) is not None
    counted = flood.drain()
    assert told <= bounds.kinds * bounds.callers
    assert len(counted) <= (bounds.kinds + 1) * bounds.callers + 1
    assert told + sum(row.times for row in counted) == 10_000
    assert [row.address for row in counted if row.action == "several calls"].count("") == 1
