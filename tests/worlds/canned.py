"""Canned answers of a server that is none: what tests of the client and the command line are answered."""

import httpx


def reply(body: object, status: int = 200) -> httpx.Response:
    return httpx.Response(status, json=body, headers={"X-Request-Id": "r-1"})


def logged_in(token: str = "t", project_name: str = "local") -> httpx.Response:
    """The answer to a login, in the project p1."""
    body = {"token": {"project": {"id": "p1", "name": project_name}}}
    return httpx.Response(201, json=body, headers={"X-Subject-Token": token})
