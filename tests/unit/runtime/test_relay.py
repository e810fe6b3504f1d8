"""What a door does with bytes and ends, between real sockets."""

import errno
import os
import socket
import struct
import threading
import time
from contextlib import closing
from pathlib import Path

import pytest
from tests.worlds.doors import (
    Door,
    all_of,
    door,
    eventually,
    free_port,
    in_thread,
    port_of,
    program,
    unix_listener,
)

from modelyard_runtime.door import flow, relay
from modelyard_runtime.door.reach import tcp, unix


def joined(listening: socket.socket, at: Door, name: str = "s.sock") -> tuple[socket.socket, socket.socket]:
    caller = at.caller(name)
    served, _ = listening.accept()
    served.settimeout(20)
    return caller, served


def test_bytes_go_both_ways_as_they_come(tmp_path: Path) -> None:
    with closing(program()) as listening, door(tmp_path, port_of(listening)) as at:
        caller, served = joined(listening, at)
        with caller, served:
            for turn in range(3):
                caller.sendall(b"question %d" % turn)
                assert served.recv(100) == b"question %d" % turn
                served.sendall(b"first")
                assert caller.recv(100) == b"first"
                served.sendall(b"and more")
                assert caller.recv(100) == b"and more"


def test_large_bodies_arrive_whole_in_both_directions_at_once(tmp_path: Path) -> None:
    sent = os.urandom(6_000_000)
    with closing(program()) as listening, door(tmp_path, port_of(listening)) as at:
        caller, served = joined(listening, at)
        with caller, served:
            got: dict[str, bytes] = {}

            def say(connection: socket.socket) -> None:
                connection.sendall(sent)
                connection.shutdown(socket.SHUT_WR)

            talkers = [in_thread(lambda c=c: say(c)) for c in (caller, served)]
            hearers = [
                in_thread(lambda n=n, c=c: got.__setitem__(n, all_of(c)))
                for n, c in (("caller", caller), ("program", served))
            ]
            for one in (*talkers, *hearers):
                one.join(30)
            assert got == {"caller": sent, "program": sent}
            at.until(0)


def test_the_end_of_one_sides_words_is_passed_on_and_the_other_may_go_on(tmp_path: Path) -> None:
    with closing(program()) as listening, door(tmp_path, port_of(listening)) as at:
        caller, served = joined(listening, at)
        with caller, served:
            caller.sendall(b"all I have")
            caller.shutdown(socket.SHUT_WR)
            assert all_of(served) == b"all I have"
            served.sendall(b"an answer all the same")
            served.close()
            assert all_of(caller) == b"an answer all the same"
            at.until(0)


def test_a_program_that_ends_first_is_heard_to_have_ended(tmp_path: Path) -> None:
    with closing(program()) as listening, door(tmp_path, port_of(listening)) as at:
        caller, served = joined(listening, at)
        with caller:
            served.sendall(b"bye")
            served.close()
            assert all_of(caller) == b"bye"
            assert at.counts() == (1, 1)  # the caller has not closed
        at.until(0)


def test_a_program_that_answers_before_it_has_read_all_is_heard(tmp_path: Path) -> None:
    """413 and close, with most of the body unread: the kernel resets the connection."""
    with closing(program()) as listening, door(tmp_path, port_of(listening)) as at:
        caller, served = joined(listening, at)
        with caller:
            talker = in_thread(lambda: _say_much(caller))
            served.recv(1000)
            served.sendall(b"too much")
            served.shutdown(socket.SHUT_WR)
            assert caller.recv(100) == b"too much"
            served.close()
            talker.join(20)
            assert not talker.is_alive()
        at.until(0)


def _say_much(connection: socket.socket) -> None:
    try:
        for _ in range(1000):
            connection.sendall(bytes(65536))
    except OSError:
        return


def test_a_caller_who_leaves_takes_the_programs_connection_with_it(tmp_path: Path) -> None:
    with closing(program()) as listening, door(tmp_path, port_of(listening)) as at:
        caller, served = joined(listening, at)
        with served:
            caller.sendall(b"a long question")
            served.recv(100)
            caller.close()
            assert served.recv(100) == b""
            at.until(0)


def test_a_break_of_the_programs_connection_ends_the_callers(tmp_path: Path) -> None:
    with closing(program()) as listening, door(tmp_path, port_of(listening)) as at:
        caller, served = joined(listening, at)
        with caller:
            caller.sendall(b"x")
            served.recv(1)
            served.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            served.close()
            assert caller.recv(1) == b""
            at.until(0)


def test_a_slow_reader_makes_the_other_side_wait_and_little_is_held(tmp_path: Path) -> None:
    with closing(program()) as listening, door(tmp_path, port_of(listening)) as at:
        caller, served = joined(listening, at)
        with caller, served:
            served.settimeout(0.5)
            sent = 0
            with pytest.raises(TimeoutError):
                while True:
                    sent += served.send(bytes(65536))
            (connection,) = at.relay._connections
            assert connection.back is not None
            assert 0 < len(connection.back.held) <= flow.CHUNK
            served.settimeout(20)
            served.shutdown(socket.SHUT_WR)
            assert len(all_of(caller)) == sent


def test_who_reads_slowly_holds_up_nobody_else(tmp_path: Path) -> None:
    with closing(program()) as listening, door(tmp_path, port_of(listening)) as at:
        slow, flooding = joined(listening, at)
        with slow, flooding:
            flooding.setblocking(False)
            with pytest.raises(BlockingIOError):
                while True:
                    flooding.send(bytes(65536))
            caller, served = joined(listening, at)
            with caller, served:
                caller.sendall(b"quick")
                assert served.recv(100) == b"quick"


def test_a_connection_waits_until_the_port_is_open(tmp_path: Path) -> None:
    port = free_port()
    with door(tmp_path, port) as at:
        callers = [at.caller() for _ in range(20)]
        for caller in callers:
            caller.sendall(b"early")
        at.until(20)
        assert not at.relay.reached
        with closing(socket.create_server(("127.0.0.1", port), backlog=100)) as listening:
            listening.settimeout(20)
            for _ in callers:
                served, _ = listening.accept()
                with served:
                    assert served.recv(100) == b"early"
                    served.sendall(b"answer")
            for caller in callers:
                assert all_of(caller) == b"answer"
                caller.close()
        at.until(0)


def test_waiting_has_an_end(tmp_path: Path) -> None:
    with door(tmp_path, free_port(), patience_s=0.2) as at:
        callers = [at.caller() for _ in range(3)]
        for caller in callers:
            with caller:
                assert caller.recv(1) == b""
        assert at.until(0) == (0, 3)


def test_who_leaves_while_waiting_is_not_kept_and_the_others_are_served(tmp_path: Path) -> None:
    port = free_port()
    with door(tmp_path, port) as at:
        first, second = at.caller(), at.caller()
        at.until(2)
        first.close()
        at.until(1)
        with closing(socket.create_server(("127.0.0.1", port))) as listening, second:
            listening.settimeout(20)
            served, _ = listening.accept()
            with served:
                second.sendall(b"still here")
                assert served.recv(100) == b"still here"


def test_health_questions_are_relayed_and_not_counted(tmp_path: Path) -> None:
    with closing(program()) as listening, door(tmp_path, port_of(listening)) as at:
        asked, heard = joined(listening, at, "probe.sock")
        with asked, heard:
            asked.sendall(b"GET /health")
            assert heard.recv(100) == b"GET /health"
            assert at.counts() == (0, 0)
            caller, served = joined(listening, at)
            with caller, served:
                assert at.counts() == (1, 1)
        assert at.until(0) == (0, 1)


def test_counts_are_told_again_and_again_on_one_connection_within_bounds(tmp_path: Path) -> None:
    with (
        closing(program()) as listening,
        door(tmp_path, port_of(listening)) as at,
        at.caller("door.sock") as asked,
    ):
        for _ in range(3):
            asked.sendall(b"GET /health HTTP/1.1\r\n")
            asked.sendall(b"host: x\r\n\r\n")
            assert b"x-in-flight: 0\r\nx-requests: 0\r\n" in asked.recv(4096)
        asked.sendall(b"x" * 20_000)
        with pytest.raises(ConnectionResetError):
            asked.recv(100)


def test_who_asks_for_counts_waits_while_there_is_no_descriptor(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    accept, refused = socket.socket.accept, []

    def lacking(listening: socket.socket) -> tuple[socket.socket, object]:
        if len(refused) < 2:
            refused.append(time.monotonic())
            raise OSError(errno.EMFILE, os.strerror(errno.EMFILE))
        return accept(listening)

    with door(tmp_path, free_port()) as at:
        monkeypatch.setattr(socket.socket, "accept", lacking)
        assert at.counts() == (0, 0)
    assert refused[1] - refused[0] >= relay.PAUSE_S, "nothing turns round and round"


def test_a_program_may_listen_on_a_unix_socket_instead(tmp_path: Path) -> None:
    place = tmp_path / "own.sock"
    with door(tmp_path, unix(str(place), tcp("127.0.0.1", free_port()))) as at, at.caller() as caller:
        caller.sendall(b"hello")
        at.until(1)
        with closing(unix_listener(place)) as listening:
            listening.settimeout(20)
            served, _ = listening.accept()
            with served:
                assert served.recv(100) == b"hello"


def test_stopping_takes_nobody_more_and_lets_those_inside_finish(tmp_path: Path) -> None:
    with closing(program()) as listening, door(tmp_path, port_of(listening)) as at:
        caller, served = joined(listening, at)
        with caller, served:
            caller.sendall(b"unanswered")
            assert served.recv(100) == b"unanswered"
            at.relay.stop(20)
            refused = threading.Event()
            for _ in range(1000):
                try:
                    at.caller().close()
                except ConnectionRefusedError:
                    break
                refused.wait(0.005)
            else:
                pytest.fail("still accepts")
            served.sendall(b"the last answer")
            served.shutdown(socket.SHUT_WR)
            assert all_of(caller) == b"the last answer"


def test_stopping_waits_for_nobody_who_has_all_or_never_reached_the_program(tmp_path: Path) -> None:
    with closing(program()) as listening, door(tmp_path, port_of(listening)) as at:
        idle, served = joined(listening, at)
        served.close()
        assert idle.recv(1) == b""  # and keeps its side open
        at.relay.stop(60)
        eventually(lambda: not at.relay._connections)
        idle.close()
    with door(tmp_path, free_port()) as at, at.caller() as early:
        at.until(1)
        at.relay.stop(60)
        assert early.recv(1) == b""


def test_many_connections_come_and_go_and_no_descriptor_is_lost(tmp_path: Path) -> None:
    with closing(program()) as listening, door(tmp_path, port_of(listening)) as at:
        caller, served = joined(listening, at)
        with caller, served:
            before = _descriptors()
            for _ in range(200):
                more, other = joined(listening, at)
                more.sendall(b"x")
                assert other.recv(1) == b"x"
                more.close()
                other.close()
            at.until(1)
            eventually(lambda: _descriptors() <= before)
        assert at.until(0) == (0, 201)


def _descriptors() -> int:
    return len(list(Path("/proc/self/fd").iterdir()))
