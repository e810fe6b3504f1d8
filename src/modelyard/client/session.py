"""One authenticated connection to the API: logs in when it must, turns refusals into exceptions.

A token is fetched with the first call and again when the server answers 401 to one (it ran out, or the server's
keys changed). A call that changes something is never repeated for any other reason: only its sender knows
whether that is safe.
"""

from collections.abc import Generator, Mapping
from types import MappingProxyType
from typing import Any, Self

import httpx

from modelyard.client.credentials import Credentials
from modelyard.client.errors import ApiError, Unreachable
from modelyard.client.records import Json

UNAUTHORIZED = 401
NOTHING: Mapping[str, str] = MappingProxyType({})
TOKEN_HEADER = "X-Auth-Token"  # noqa: S105 - the name of a header


class TokenAuth(httpx.Auth):
    """Keystone v3 password login (contract §6), as httpx wants it."""

    requires_response_body = True

    def __init__(self, credentials: Credentials, timeout_s: float) -> None:
        self._credentials = credentials
        self._extensions = {"timeout": httpx.Timeout(timeout_s).as_dict()}
        self._token = ""
        self.project_id = credentials.project_id

    def auth_flow(self, request: httpx.Request) -> Generator[httpx.Request, httpx.Response, None]:
        """Send with the token there is; after a 401 log in and send once more."""
        known = bool(self._token)
        if not known:
            self.accept((yield self.login()))
        request.headers[TOKEN_HEADER] = self._token
        response = yield request
        if known and response.status_code == UNAUTHORIZED:
            self.accept((yield self.login()))
            request.headers[TOKEN_HEADER] = self._token
            yield request

    def login(self) -> httpx.Request:
        """The request that fetches a token."""
        c = self._credentials
        project: Json = (
            {"id": c.project_id}
            if c.project_id
            else {"name": c.project_name, "domain": {"name": c.project_domain_name}}
        )
        user = {"name": c.username, "password": c.password, "domain": {"name": c.user_domain_name}}
        body = {
            "auth": {
                "identity": {"methods": ["password"], "password": {"user": user}},
                "scope": {"project": project},
            }
        }
        url = f"{c.auth_url.rstrip('/')}/auth/tokens"
        return httpx.Request("POST", url, json=body, extensions=self._extensions)

    def accept(self, response: httpx.Response) -> None:
        """Keep the token of an answer to `login`; ApiError when it was refused."""
        raise_for_answer(response)
        self._token = response.headers["X-Subject-Token"]
        self.project_id = response.json()["token"]["project"]["id"]

    @property
    def token(self) -> str:
        """The present token, "" before the first call."""
        return self._token


class Session:
    """Calls below `/v1/{project_id}`, and absolute URLs (inference)."""

    def __init__(
        self,
        credentials: Credentials,
        *,
        timeout_s: float = 70.0,
        transport: httpx.BaseTransport | None = None,
    ) -> None:
        self._auth = TokenAuth(credentials, timeout_s)
        self._http = httpx.Client(auth=self._auth, timeout=timeout_s, transport=transport, trust_env=False)
        self._root = credentials.auth_url.rstrip("/").removesuffix("/v3")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        self._http.close()

    def token(self) -> str:
        """A token that works now, for callers that talk to the gateway by themselves."""
        if not self._auth.token:
            self._auth.accept(self._exchange(self._auth.login(), auth=None))
        return self._auth.token

    def call(
        self,
        method: str,
        path: str,
        *,
        body: object = None,
        params: dict[str, str | int] | None = None,
        headers: Mapping[str, str] = NOTHING,
    ) -> Json:
        """The JSON object that `method path` answers; `path` is relative to the project (`/services`)."""
        if not self._auth.project_id:
            self.token()
        url = f"{self._root}/v1/{self._auth.project_id}{path}"
        given = {} if body is None else {"json": body}
        response = self.send(method, url, params=params, headers=headers, **given)
        answer = response.json() if response.content else {}
        return answer if isinstance(answer, dict) else {"answer": answer}

    def absolute(
        self,
        method: str,
        path: str,
        *,
        body: object = None,
        params: Mapping[str, str] = NOTHING,
    ) -> Json:
        """The JSON object that `method path` answers, outside any project (`/v3/users`); {} for none."""
        given = {} if body is None else {"json": body}
        response = self.send(method, f"{self._root}{path}", params=params, **given)
        answer = response.json() if response.content else {}
        return answer if isinstance(answer, dict) else {"answer": answer}

    def root(self, path: str) -> Json:
        """A call outside any project, such as `/healthz`; needs no token."""
        response = self.send("GET", f"{self._root}{path}", auth=None)
        answer = response.json() if response.content else {}
        return answer if isinstance(answer, dict) else {}

    def send(self, method: str, url: str, **options: Any) -> httpx.Response:
        """Send one request; ApiError when it is refused, Unreachable when no answer comes."""
        auth = options.pop("auth", httpx.USE_CLIENT_DEFAULT)
        response = self._exchange(self._http.build_request(method, url, **options), auth=auth)
        raise_for_answer(response)
        return response

    def _exchange(self, request: httpx.Request, *, auth: Any) -> httpx.Response:
        try:
            return self._http.send(request, auth=auth)
        except httpx.TransportError as e:
            raise Unreachable(f"{e.request.url.scheme}://{e.request.url.netloc.decode()}: {reason(e)}") from e


def reason(error: httpx.TransportError) -> str:
    """Why no answer came, in a few words."""
    if isinstance(error, httpx.ConnectError):
        return "nothing answers there"
    if isinstance(error, httpx.TimeoutException):
        return "no answer in time"
    return f"the connection broke ({error})"


def raise_for_answer(response: httpx.Response) -> None:
    """ApiError for any answer outside 2xx, from the API's error shape (or Keystone's, or none)."""
    if response.is_success:
        return
    code, message = "", ""
    details: tuple[tuple[str, str], ...] = ()
    try:
        answer = response.json()
    except ValueError:
        answer = None
    if isinstance(answer, dict):
        nested = answer.get("error")
        code = str(answer.get("error_code") or "")
        details = _details(answer.get("details"))
        message = str(answer.get("error_msg") or (nested.get("message") if isinstance(nested, dict) else "") or "")
    if not message:
        message = response.text.strip()[:500] or f"{response.status_code} {response.reason_phrase}"
    raise ApiError(response.status_code, code, message, response.headers.get("X-Request-Id", ""), details)


def _details(value: object) -> tuple[tuple[str, str], ...]:
    if not isinstance(value, list):
        return ()
    return tuple((str(one.get("field")), str(one.get("error_msg"))) for one in value if isinstance(one, dict))
