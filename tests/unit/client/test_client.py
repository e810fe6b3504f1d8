"""The client against a server made of canned answers: login, refusals, waiting."""

import json
import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import httpx
import pytest
from tests.worlds.canned import logged_in

from modelyard.client import (
    ApiError,
    Away,
    Client,
    Credentials,
    NotConfigured,
    OperationFailed,
    Unreachable,
    Variant,
    WaitTimeout,
)
from modelyard.client.answers import raise_for_answer
from modelyard.client.status import pause_s
from modelyard.client.waiting import Patience

CREDENTIALS = Credentials(
    auth_url="http://yard.test/v3", username="admin", password="s3cret", project_name="default"
)
Handler = Callable[[httpx.Request], httpx.Response]


@dataclass
class Server:
    """Answers logins by itself and everything else from `routes`, in order; remembers what it was asked."""

    routes: dict[str, list[httpx.Response | Exception]] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)
    bodies: list[object] = field(default_factory=list)
    logins: int = 0

    def __call__(self, request: httpx.Request) -> httpx.Response:
        key = f"{request.method} {request.url.path}"
        if key == "POST /v3/auth/tokens":
            self.logins += 1
            return logged_in(f"token-{self.logins}", "default")
        self.asked.append(f"{key} {request.headers.get('X-Auth-Token', '-')}")
        self.bodies.append(json.loads(request.content) if request.content else None)
        if key.endswith("/watch") and key not in self.routes:
            return httpx.Response(404, json={"error_code": "ModelArts.4204", "error_msg": "an older server"})
        answers = self.routes[key]
        answer = answers.pop(0) if len(answers) > 1 else answers[0]
        if isinstance(answer, Exception):
            raise answer
        return answer

    def count(self, call: str) -> int:
        return sum(one.rpartition(" ")[0] == call for one in self.asked)

    def client(self) -> Client:
        return Client(CREDENTIALS, transport=httpx.MockTransport(self))


@dataclass
class Clock:
    """Time that passes only by sleeping."""

    time: float = 0.0
    naps: list[float] = field(default_factory=list)

    def sleep(self, seconds: float) -> None:
        self.naps.append(seconds)
        self.time += seconds

    def patience(self, timeout_s: float = 100.0) -> Patience:
        return Patience(timeout_s, now=lambda: self.time, sleep=self.sleep)


def service(status: str, **more: object) -> httpx.Response:
    return httpx.Response(200, json={"service_id": "s1", "service_name": "iris", "status": status, **more})


def test_the_first_call_logs_in_and_later_ones_reuse_the_token() -> None:
    server = Server({"GET /v1/p1/services/s1": [service("running")]})
    with server.client() as yard:
        assert yard.services.get("s1").status == "running"
        yard.services.get("s1")
    assert server.asked == ["GET /v1/p1/services/s1 token-1"] * 2
    assert server.logins == 1


def test_a_token_that_ran_out_is_replaced_once() -> None:
    expired = httpx.Response(401, json={"error_code": "ModelArts.0202", "error_msg": "The token expired."})
    server = Server({"GET /v1/p1/services/s1": [service("running"), expired, service("stopped")]})
    with server.client() as yard:
        yard.services.get("s1")
        assert yard.services.get("s1").status == "stopped"
    assert server.logins == 2


def test_a_refusal_carries_code_message_and_request_id() -> None:
    refusal = httpx.Response(
        404,
        json={"error_code": "ModelArts.3502", "error_msg": "Service s1 does not exist.", "message": "…"},
        headers={"X-Request-Id": "r-7"},
    )
    with Server({"GET /v1/p1/services/s1": [refusal]}).client() as yard, pytest.raises(ApiError) as caught:
        yard.services.get("s1")
    e = caught.value
    assert (e.status, e.code, e.message, e.request_id) == (
        404,
        "ModelArts.3502",
        "Service s1 does not exist.",
        "r-7",
    )


def test_an_answer_that_is_not_of_the_api_is_quoted() -> None:
    answer = httpx.Response(418, text="<html>Short and stout</html>")
    with (
        Server({"GET /v1/p1/services/s1": [answer]}).client() as yard,
        pytest.raises(ApiError, match="Short and stout"),
    ):
        yard.services.get("s1")


BY_API = {"X-Request-Id": "r-7"}


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        (httpx.Response(502, html="<html>Bad Gateway</html>"), Away),
        (httpx.Response(503, text="no healthy upstream"), Away),
        (httpx.Response(504), Away),
        (httpx.Response(500, html="<html>Internal Server Error</html>"), ApiError),
        (httpx.Response(503, json={"error_code": "ModelArts.4302", "error_msg": "no instance"}), ApiError),
        (httpx.Response(503, json={"error": {"message": "too many logins", "code": 503}}), ApiError),
        (httpx.Response(503, headers=BY_API), ApiError),  # to a HEAD, which has no body
        (httpx.Response(502, text="a model's own", headers=BY_API), ApiError),
    ],
)
def test_what_a_proxy_answers_is_no_answer_of_the_server(
    answer: httpx.Response, expected: type[Exception]
) -> None:
    with pytest.raises(expected):
        raise_for_answer(answer)


def test_a_server_that_starts_anew_behind_a_proxy_is_waited_for() -> None:
    away = httpx.Response(502, html="<html>Bad Gateway</html>")
    server, clock = Server({"GET /v1/p1/services/s1": [service("deploying"), away, service("running")]}), Clock()
    with server.client() as yard:
        assert yard.services.wait("s1", patience=clock.patience()).status == "running"


def test_no_answer_is_unreachable_and_says_where() -> None:
    def refuse(request: httpx.Request) -> httpx.Response:
        raise httpx.ConnectError("refused", request=request)

    client = Client(CREDENTIALS, transport=httpx.MockTransport(refuse))
    with client, pytest.raises(Unreachable, match=r"http://yard\.test: nothing answers there"):
        client.models.list()


def test_unset_fields_of_a_variant_are_not_sent() -> None:
    server = Server({"PUT /v1/p1/services/s1": [httpx.Response(200, json={"update_time": 5, "resource_ids": []})]})
    with server.client() as yard:
        assert (
            yard.services.configure("s1", [Variant(model_id="m1", weight=70), Variant(model_id="m2", weight=30)])
            == 5
        )
    flavor = {"specification": "modelarts.vm.cpu.2u", "instance_count": 1}
    expected = {"config": [{"model_id": "m1", "weight": 70, **flavor}, {"model_id": "m2", "weight": 30, **flavor}]}
    assert server.bodies == [expected]


def test_waiting_reports_every_step_and_ends_when_the_service_settles() -> None:
    steps = [
        service("deploying", progress=0),
        service("deploying", progress=60),
        service("running", progress=None),
    ]
    seen: list[int | None] = []
    with Server({"GET /v1/p1/services/s1": list(steps)}).client() as yard:
        done = yard.services.wait("s1", lambda s: seen.append(s.progress), Clock().patience())
    assert (done.status, seen) == ("running", [0, 60, None])


def test_waiting_goes_on_while_instances_start_again_and_ends_when_they_are_only_tried_later() -> None:
    def seen(status: str, variant: str) -> httpx.Response:
        entry = {"model_id": "m1", "weight": 100, "instance_count": 1, "status": variant}
        return service(status, config=[entry])

    # as a service looks after `down` and `up`: its status is the one from before, then it is short of instances
    started_again = [seen("running", "deploying"), seen("concerning", "deploying"), seen("running", "running")]
    with Server({"GET /v1/p1/services/s1": list(started_again)}).client() as yard:
        assert yard.services.wait("s1", patience=Clock().patience()).config[0].status == "running"
    crashing = [seen("concerning", "deploying"), seen("concerning", "concerning")]
    with Server({"GET /v1/p1/services/s1": list(crashing)}).client() as yard:
        assert yard.services.wait("s1", patience=Clock().patience()).status == "concerning"
    with (
        Server({"GET /v1/p1/services/s1": [seen("concerning", "deploying")]}).client() as yard,
        pytest.raises(WaitTimeout, match="after 100 s"),
    ):
        yard.services.wait("s1", patience=Clock().patience(100.0))


def test_a_deployment_that_fails_raises_its_cause() -> None:
    server = Server({"GET /v1/p1/services/s1": [service("failed", error_msg="exited with status 3")]})
    with server.client() as yard, pytest.raises(OperationFailed, match="exited with status 3"):
        yard.services.wait("s1")


def test_an_update_that_was_rolled_back_raises_although_the_service_runs() -> None:
    logs = {"logs": [{"update_time": 5, "result": "FAIL"}, {"update_time": 3, "result": "SUCCESS"}]}
    server = Server(
        {
            "GET /v1/p1/services/s1": [service("running", error_msg="never became healthy")],
            "GET /v1/p1/services/s1/logs": [httpx.Response(200, json=logs)],
        }
    )
    with server.client() as yard:
        assert yard.services.wait_update("s1", 3).status == "running"
        with pytest.raises(OperationFailed, match="rolled back: never became healthy"):
            yard.services.wait_update("s1", 5)


def test_a_server_that_is_away_for_a_moment_is_asked_again() -> None:
    gone = httpx.ConnectError("refused", request=httpx.Request("GET", "http://yard.test/"))
    with Server({"GET /v1/p1/services/s1": [service("deploying"), gone, service("running")]}).client() as yard:
        assert yard.services.wait("s1", patience=Clock().patience()).status == "running"


def test_pauses_grow_with_the_time_waited_and_end_at_the_limit() -> None:
    clock = Clock()
    with pytest.raises(WaitTimeout, match="nothing moved after 100 s"):
        clock.patience(100).until(lambda: 1, lambda _: False, "nothing moved")
    assert clock.time == pytest.approx(100)
    assert clock.naps[0] == 0.05
    assert max(clock.naps) == 2.0
    assert len(clock.naps) < 110


@pytest.mark.parametrize(("waited_s", "expected"), [(0, 0.05), (5, 0.5), (600, 2.0)])
def test_pause(waited_s: float, expected: float) -> None:
    assert pause_s(waited_s) == expected


def test_finding_by_name_ignores_services_whose_names_only_contain_it() -> None:
    listed = [
        {"service_id": "s9", "service_name": "iris-2", "status": "running"},
        json.loads(service("running").content),
    ]
    server = Server(
        {
            "GET /v1/p1/services": [httpx.Response(200, json={"services": listed, "count": 2, "total_count": 2})],
            "GET /v1/p1/services/s1": [service("running", access_address="http://gw/v1/infers/s1")],
        }
    )
    with server.client() as yard:
        assert yard.services.find("iris").access_address == "http://gw/v1/infers/s1"


def test_a_model_in_use_is_not_deleted_silently() -> None:
    refused = [{"model_id": "m1", "error_code": "ModelArts.3009", "error_msg": "in use by iris"}]
    answer = httpx.Response(200, json={"delete_success_list": [], "delete_failed_list": refused})
    with Server({"DELETE /v1/p1/models/m1": [answer]}).client() as yard, pytest.raises(ApiError, match="in use"):
        yard.models.delete("m1")


def test_credentials_go_through_the_environment_and_back() -> None:
    assert Credentials.from_environment(CREDENTIALS.environment()) == CREDENTIALS
    with pytest.raises(NotConfigured, match="OS_USERNAME, OS_PASSWORD"):
        Credentials.from_environment({"OS_AUTH_URL": "http://yard.test/v3"})


URL, WHO = "http://yard.test/v3", {"OS_USERNAME": "ada", "OS_PASSWORD": "s3cret"}


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ({}, {}),
        (
            {"OS_USER_DOMAIN_NAME": "a", "OS_PROJECT_DOMAIN_NAME": "b"},
            {"user_domain_name": "a", "project_domain_name": "b"},
        ),
        (
            {"OS_USER_DOMAIN_ID": "a", "OS_PROJECT_DOMAIN_ID": "b"},
            {"user_domain_id": "a", "project_domain_id": "b"},
        ),
        ({"OS_DOMAIN_NAME": "a"}, {"user_domain_name": "a", "project_domain_name": "a"}),
        ({"OS_DOMAIN_ID": "a"}, {"user_domain_id": "a", "project_domain_id": "a"}),
        ({"OS_DEFAULT_DOMAIN": "default"}, {"user_domain_name": "default", "project_domain_name": "default"}),
        ({"OS_TENANT_NAME": "lab"}, {"project_name": "lab"}),
    ],
    ids=lambda value: ",".join(value) if isinstance(value, dict) else "",
)
def test_the_names_of_openstack_clients(given: dict[str, str], expected: dict[str, str]) -> None:
    found = Credentials.from_environment({"OS_AUTH_URL": URL, **WHO, **given})
    assert found == Credentials(auth_url=URL, username="ada", password="s3cret", **expected)


def test_a_token_stands_for_user_and_password() -> None:
    given = {"OS_AUTH_URL": "http://yard.test/", "OS_TOKEN": "t", "OS_PROJECT_ID": "p"}
    found = Credentials.from_environment(given)
    assert (found.auth_url, found.token, found.project_id) == (URL, "t", "p")
    assert found.environment()["OS_AUTH_TYPE"] == "token"
    assert "t" not in repr(found).split("'")


def test_credentials_never_show_the_password() -> None:
    assert "s3cret" not in repr(CREDENTIALS) + str(CREDENTIALS)


FILE = {
    "auth_url": "u",
    "user_name": "n",
    "domain_name": "d",
    "project_name": "p",
    "project_id": "i",
    "region": "r",
}


def test_a_credentials_file_has_everything_a_login_needs(tmp_path: Path) -> None:
    (tmp_path / "credentials.json").write_text(json.dumps({**FILE, "password": "s", "access_key": "ignored here"}))
    assert Credentials.from_data_dir(tmp_path) == Credentials(
        auth_url="u",
        username="n",
        password="s",
        project_name="p",
        project_id="i",
        user_domain_name="d",
        project_domain_name="d",
        region_name="r",
    )


@pytest.mark.parametrize(
    ("content", "complaint"),
    [
        (None, "there is no"),
        ("{", "not a credentials file"),
        ("{}", "not a credentials file"),
        (json.dumps(FILE), "holds no password any more"),
    ],
    ids=["absent", "torn", "incomplete", "secrets gone"],
)
def test_a_bad_credentials_file_is_named(tmp_path: Path, content: str | None, complaint: str) -> None:
    if content is not None:
        (tmp_path / "credentials.json").write_text(content)
    with pytest.raises(NotConfigured, match=complaint):
        Credentials.from_data_dir(tmp_path)


@pytest.mark.parametrize("lay", [os.mkfifo, Path.mkdir], ids=["pipe", "directory"])
def test_credentials_that_are_no_file_are_named_and_not_waited_for(
    tmp_path: Path, lay: Callable[[Path], None]
) -> None:
    lay(tmp_path / "credentials.json")
    with pytest.raises(NotConfigured, match=r"credentials.json is no regular file"):
        Credentials.from_data_dir(tmp_path)


def told(*steps: httpx.Response, end: str = "") -> httpx.Response:
    """A stream with these services, which then breaks off, or says that it ends."""
    events = [f"id: {n}\nevent: service\ndata: {one.text}\n\n" for n, one in enumerate(steps)]
    return httpx.Response(200, content="".join(events) + end, headers={"Content-Type": "text/event-stream"})


ONE, WATCH = "GET /v1/p1/services/s1", "GET /v1/p1/services/s1/watch"


def test_waiting_follows_the_stream_and_shows_every_step_of_it() -> None:
    steps = [service("deploying", progress=n) for n in (0, 30, 60)]
    seen: list[int | None] = []
    stream = told(*steps, service("running", progress=None))
    server = Server({ONE: [service("deploying", progress=0)], WATCH: [stream]})
    with server.client() as yard:
        done = yard.services.wait("s1", lambda s: seen.append(s.progress), Clock().patience())
    assert (done.status, seen) == ("running", [0, 0, 30, 60, None])
    assert server.count(ONE) == server.count(WATCH) == 1


def test_a_stream_that_breaks_off_goes_on_where_it_was() -> None:
    end = 'event: end\ndata: {"error_msg": "the server ends"}\n\n'
    streams = [told(service("deploying"), end=end), told(service("running"))]
    server = Server({ONE: [service("deploying")], WATCH: streams})
    with server.client() as yard:
        assert yard.services.wait("s1", patience=Clock().patience()).status == "running"
    assert server.count(ONE) == 1


@pytest.mark.parametrize(
    "instead",
    [
        httpx.Response(200, text="<html>", headers={"Content-Type": "text/html"}),
        httpx.Response(200, content=b"", headers={"Content-Type": "text/event-stream"}),
        httpx.Response(403, json={}),
    ],
    ids=["a page", "nothing", "refused"],
)
def test_without_a_stream_the_service_is_asked_for(instead: httpx.Response) -> None:
    server = Server({ONE: [service("deploying"), service("deploying"), service("running")], WATCH: [instead]})
    with server.client() as yard:
        assert yard.services.wait("s1", patience=Clock().patience()).status == "running"
    assert (server.count(ONE), server.count(WATCH)) == (3, 1)


def test_a_deletion_is_waited_for_by_the_stream() -> None:
    gone = httpx.Response(404, json={"error_code": "ModelArts.3502", "error_msg": "gone"})
    stream = told(service("deleting"), end='event: deleted\ndata: {"service_id": "s1"}\n\n')
    server = Server({ONE: [service("deleting"), gone], WATCH: [stream]})
    with server.client() as yard:
        yard.services.wait_gone("s1", Clock().patience())
    assert server.count(ONE) == 2


def test_what_takes_as_long_as_there_are_files_is_waited_for() -> None:
    waited: dict[str, float] = {}

    def answer(request: httpx.Request) -> httpx.Response:
        if request.url.path == "/v3/auth/tokens":
            return logged_in("t", "default")
        waited[request.url.path.rpartition("/")[2]] = request.extensions["timeout"]["read"]
        return httpx.Response(200, json={})

    with Client(CREDENTIALS, transport=httpx.MockTransport(answer)) as yard:
        yard.admin.disk()
        yard.admin.clean(dry_run=True)
        yard.admin.top()
    assert waited == {"disk": 3600.0, "clean": 3600.0, "top": 70.0}


def test_a_stream_that_only_beats_does_not_hold_whoever_waits() -> None:
    """Beats are comments, so nothing that is an event ever comes."""
    clock = Clock()

    def beating() -> Iterator[bytes]:
        yield told(service("deploying")).content
        for _ in range(100):
            clock.sleep(15.0)
            yield b":\n\n"
        raise AssertionError("it is still read")

    stream = httpx.Response(200, content=beating(), headers={"Content-Type": "text/event-stream"})
    with (
        Server({ONE: [service("deploying")], WATCH: [stream]}).client() as yard,
        pytest.raises(WaitTimeout, match="after 60 s"),
    ):
        yard.services.wait("s1", patience=clock.patience(60.0))


def test_waiting_by_the_stream_takes_no_longer_than_it_may() -> None:
    clock = Clock()
    with (
        Server({ONE: [service("deploying")], WATCH: [told(service("deploying"))]}).client() as yard,
        pytest.raises(WaitTimeout, match="after 10 s"),
    ):
        yard.services.wait("s1", patience=clock.patience(10.0))
