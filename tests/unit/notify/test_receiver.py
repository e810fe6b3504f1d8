"""The receiver of the examples, which people copy: what it refuses before it believes anything."""

import socket
from threading import Thread

import pytest
from examples.notifications.receiver import MOST_BYTES, Receiver, Refused, check_certificate

PLACE = "http://host:8470"


@pytest.mark.parametrize("place", [PLACE, PLACE + "/", PLACE + "/smn/"])
@pytest.mark.parametrize(
    "url",
    [
        *("http://host:8470@evil/smn/x.pem", "http://host:84700/smn/x.pem", "http://host:8470.evil/smn/x.pem"),
        *(
            "https://host:8470/smn/x.pem",
            "http://evil/smn/x.pem",
            "file:///smn/x.pem",
            "",
            "http://u@host:8470/smn/",
        ),
    ],
)
def test_a_certificate_from_elsewhere_is_not_fetched(url: str, place: str) -> None:
    def fetch(_url: str) -> bytes:
        raise AssertionError("it was fetched")

    with pytest.raises(Refused, match="elsewhere"):
        check_certificate({"signing_cert_url": url, "type": "Notification"}, fetch, place)


@pytest.mark.parametrize("length", ["", "x", "-1", "²", str(MOST_BYTES + 1), "9" * 5000])
@pytest.mark.timeout(20)
def test_a_length_that_is_none_is_refused(length: str) -> None:
    with Receiver(0, "urn", "", PLACE, print) as receiver:
        thread = Thread(target=receiver.serve_forever)
        thread.start()
        try:
            with socket.create_connection(("127.0.0.1", receiver.server_port), timeout=10) as connection:
                connection.sendall(f"POST / HTTP/1.1\r\nContent-Length: {length}\r\n\r\n".encode("latin-1"))
                assert b" 403 " in connection.recv(100)
        finally:
            receiver.shutdown()
            thread.join()
