"""The connection to a worker."""

import socket

from modelyard.batch.link import widen


def test_a_connection_has_more_room_for_what_is_sent() -> None:
    ours, theirs = socket.socketpair()
    with ours, theirs:
        before = ours.getsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF)
        received = ours.getsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF)
        widen(ours)
        assert ours.getsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF) > before
        assert ours.getsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF) == received
