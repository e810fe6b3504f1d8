"""`modelyard batch`: what is sent, what is shown, how it ends."""

import json
from collections.abc import Callable
from pathlib import Path

import httpx
import pytest
from tests.unit.cli.every import JOB, MODEL, TASK, Server

from modelyard.cli.batch_view import line
from modelyard.cli.exits import BadFileError, Exit
from modelyard.cli.mapping import rule_for
from modelyard.client import Model, Service, Task

Run = Callable[..., tuple[int, str, str]]
NUMBER = {"type": "number"}
SCHEMA = {
    "type": "object",
    "properties": {
        "data": {
            "type": "object",
            "properties": {"req_data": {"type": "array", "items": [{"properties": {"x": NUMBER, "y": NUMBER}}]}},
        }
    },
}


def model(schema: object = SCHEMA, url: str = "/") -> Model:
    apis = json.dumps([{"url": url, "method": "post", "request": {"data": schema}}])
    return Model(model_id="m", model_name="iris", model_version="1.0.0", model_status="", raw={"apis": apis})


def test_a_rule_mirrors_the_schema_in_its_order() -> None:
    (entry,) = rule_for(model(), "/", by_name=False)["properties"]["data"]["properties"]["req_data"]["items"]  # type: ignore[index]
    assert entry == {
        "type": "object",
        "properties": {"x": {"type": "number", "index": 0}, "y": {"type": "number", "index": 1}},
    }


def test_a_rule_may_go_by_names() -> None:
    (entry,) = rule_for(model(), "/", by_name=True)["properties"]["data"]["properties"]["req_data"]["items"]  # type: ignore[index]
    assert entry["properties"]["y"] == {"type": "number", "column": "y"}


@pytest.mark.parametrize(
    ("known", "uri", "why"),
    [
        (model(url="/other"), "/", "does not say what a request at / looks like"),
        (model({"type": "object", "properties": {"x": {"type": "file"}}}), "/", "x is of the type 'file'"),
        (model({"type": "array"}), "/", "says no type"),
    ],
    ids=["no api", "a file", "no items"],
)
def test_a_schema_that_says_too_little_is_an_error(known: Model, uri: str, why: str) -> None:
    with pytest.raises(BadFileError, match=why):
        rule_for(known, uri, by_name=False)


def job(status: str, **task: object) -> Service:
    return Service(
        service_id="s",
        service_name="jobs",
        status=status,
        batch=Task(task_id="t", number=1, state="active", **task),  # type: ignore[arg-type]
    )


@pytest.mark.parametrize(
    ("shown", "told"),
    [
        (job("running", rows=1000, planned=True, rows_done=5), "running: 5 of 1,000 rows"),
        (job("running", rows=10, rows_done=5), "running: 5 of 10 or more rows"),
        (
            job("running", rows=100, planned=True, rows_done=5, rows_failed=2, rows_per_second=9, seconds_left=90),
            "running: 7 of 100 rows, 2 FAILED, 9 rows/s, 1 min 30 s left",
        ),
        (
            job("running", waiting="the store is away"),
            "running: its input is being counted, waits: the store is away",
        ),
    ],
    ids=["some", "more to come", "a pace", "waiting"],
)
def test_a_line_says_how_far_it_is(shown: Service, told: str) -> None:
    assert line(shown) == told


def test_run_sends_the_job_follows_it_and_says_what_failed(run: Run, server: Server) -> None:
    server.answers["GET /v1/p1/models/m1"] = {**MODEL, "apis": model().raw["apis"]}
    code, out, err = run(
        *("batch", "run", "jobs", "-m", "m1", "-i", "obs://b/in.manifest", "-o", "obs://b/out/", "--header"),
        *("--workers", "3", "--option", 'error_threshold={"count": 9}', "-e", "A=b"),
    )
    assert code == Exit.OK, err
    (sent,) = [body for method, path, body in server.sent if path.endswith("/services")]
    (entry,) = sent["config"]
    assert sent["infer_type"] == "batch"
    assert (entry["instance_count"], entry["src_type"], entry["mapping_type"]) == (3, "ManifestFile", "csv")
    assert entry["additional_properties"] == {"csv_header": True, "error_threshold": {"count": 9}}
    assert entry["mapping_rule"] == rule_for(model(), "/", by_name=True)
    assert entry["envs"] == {"A": "b"}
    assert str(TASK["manifest"]) in out
    assert "finished: 10 of 10 rows, 1 FAILED" in err
    assert f"modelyard batch failed {JOB['service_name']}" in err


def test_a_rule_may_come_from_a_file(run: Run, server: Server, tmp_path: Path) -> None:
    (tmp_path / "rule.json").write_text('{"type": "object"}')
    words = ("batch", "run", "jobs", "-m", "m1", "-i", "obs://b/in/", "-o", "obs://b/out/", "--mapping")
    assert run(*words, "rule.json", "--no-wait")[0] == Exit.OK
    (sent,) = [body for _, path, body in server.sent if path.endswith("/services")]
    assert sent["config"][0]["mapping_rule"] == {"type": "object"}
    (tmp_path / "rule.json").write_text("{")
    code, _, err = run(*words, "rule.json", "--no-wait")
    assert (code, "rule.json" in err) == (Exit.REFUSED, True)


def test_columns_that_hardly_are_a_request_are_told_and_so_is_what_maps_them(run: Run, server: Server) -> None:
    server.answers["GET /v1/p1/models/m1"] = {**MODEL, "apis": model().raw["apis"]}
    words = ("batch", "run", "jobs", "-m", "m1", "-i", "obs://b/in/", "-o", "obs://b/out/", "-f")
    code, _, err = run(*words, "parquet")
    said = " ".join(err.split())
    assert code == Exit.OK
    assert "Each row is sent as an object of its columns. " in said
    assert "wants 'data' to be of the type 'object': `--mapping auto`" in said
    assert said.count("--mapping auto") == 2  # before, and with the rows that failed
    assert " ".join(run(*words, "jsonl")[2].split()).count("--mapping auto") == 1
    assert "--mapping" not in run(*words, "parquet", "--mapping", "auto")[2]


def test_a_job_that_fails_fails_the_command(run: Run, server: Server) -> None:
    failed = {**JOB, "status": "failed", "error_msg": "b may not be written"}
    content = f"event: service\ndata: {json.dumps(failed)}\n\n"
    server.answers["GET /v1/p1/services/b1/watch"] = httpx.Response(200, content=content)
    code, _, err = run("batch", "watch", "b1")
    assert (code, "b may not be written" in err) == (Exit.FAILED, True)


def test_who_watches_is_told_that_the_server_is_away(
    run: Run, server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    tries: list[bool] = []
    plain = Server.__call__

    def answer(self: Server, asked: httpx.Request) -> httpx.Response:
        if asked.url.path.endswith("/watch"):
            tries.append(True)
            if len(tries) < 5:
                raise httpx.ConnectError("refused")
        return plain(self, asked)

    monkeypatch.setattr(Server, "__call__", answer)
    code, _, err = run("batch", "watch", "b1")
    assert code == Exit.OK, err
    assert "the connection broke (http://yard.test: nothing answers there), trying again" in " ".join(err.split())
    assert "connected again" in err


def test_one_that_runs_anew_says_nothing_of_its_former_task(run: Run, server: Server) -> None:
    begun = {**JOB, "status": "deploying"}
    anew = {**JOB, "batch": {**TASK, "task_id": "t2", "number": 2}}
    content = "".join(f"event: service\ndata: {json.dumps(one)}\n\n" for one in (begun, anew))
    server.answers["GET /v1/p1/services/b1/watch"] = httpx.Response(200, content=content)
    code, _, err = run("batch", "resume", "b1")
    assert code == Exit.OK, err
    first, *_ = err.splitlines()
    assert first.split() == [JOB["service_name"], "deploying"]
    server.answers["GET /v1/p1/services/b1"] = {**JOB, "status": "stopped"}
    server.answers["GET /v1/p1/services/b1/watch"] = httpx.Response(200, content=content)
    _, _, err = run("batch", "resume", "b1")
    assert "deploying: 10 of 10 rows" in err, "it goes on with this one"


def test_only_batch_services_are_jobs(run: Run) -> None:
    code, _, err = run("batch", "status", "s1")
    assert (code, "not a batch service" in err) == (Exit.NOT_FOUND, True)


def test_failed_rows_are_listed(run: Run) -> None:
    code, out, _ = run("batch", "failed", "b1", "--json")
    assert (code, json.loads(out)[0]["row"]) == (Exit.OK, 3)
