"""HTTP/1.1 of the API, by h11: it leaves methods to the application and ignores offers to upgrade.

httptools is some 0.1 ms faster, where a call of the API takes ten. But it knows a list of methods, refuses CONNECT
to HOST:PORT with a text that no client of the API can read, and loses the body of a request that offers
`Upgrade: h2c`, as Java's client does.
"""

import json
import uuid

from uvicorn.protocols.http.h11_impl import H11Protocol


class Protocol(H11Protocol):
    """`uvicorn.Config(http=Protocol)`."""

    def send_400_response(self, msg: str) -> None:
        """What cannot be read never reaches the application, so the one shape of errors is made here once more."""
        request_id = uuid.uuid4().hex
        text = "The request cannot be read as HTTP/1.1."
        body = json.dumps({"error_code": "ModelArts.0104", "error_msg": text, "message": text})
        head = (
            "HTTP/1.1 400 Bad Request",
            "content-type: application/json",
            f"content-length: {len(body)}",
            f"x-request-id: {request_id}",
            f"x-openstack-request-id: req-{request_id}",
            "connection: close",
        )
        self.transport.write("\r\n".join((*head, "", body)).encode("ascii"))
        self.transport.close()
