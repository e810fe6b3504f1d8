"""Which of uv's words mean that asking again may help. They are uv's own, from servers that answered so."""

import pytest

from modelyard.artifacts.uv import away

AT = "http://127.0.0.1:9/simple/a/"
STATUS = "  cause: HTTP status"


@pytest.mark.parametrize(
    ("output", "passes"),
    [
        pytest.param(
            f"error: Request failed after 3 retries in 9.6s\n  cause: Failed to fetch: {AT}\n"
            f"  cause: error sending request for url ({AT})\n  cause: client error (Connect)\n"
            "  cause: tcp connect error\n  cause: Connection refused (os error 111)\n",
            True,
            id="refused",
        ),
        pytest.param("  cause: client error (Connect)\n  cause: dns error\n", True, id="no name"),
        pytest.param(f"{STATUS} server error (503 Service Unavailable) for url ({AT})", True, id="503"),
        pytest.param(f"{STATUS} server error (500 Internal Server Error) for url ({AT})", True, id="500"),
        pytest.param(f"{STATUS} client error (429 Too Many Requests) for url ({AT})", True, id="429"),
        pytest.param(
            "error: No solution found when resolving dependencies\n  cause: Because a was not found in the "
            "package registry and you require a==1.0, we can conclude that your requirements are unsatisfiable.",
            False,
            id="not there",
        ),
        pytest.param("hint: An index returned a 403 Forbidden error. Check the URL", False, id="403"),
    ],
)
def test_what_may_pass(output: str, passes: bool) -> None:
    assert away(output) is passes
