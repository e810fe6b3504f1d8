"""Whose X-Forwarded-For is believed, and how much of it."""

import pytest

from modelyard.iam.addresses import NOBODY, Proxies, networks, one_party

OURS = Proxies.of("10.0.0.0/8, 2001:db8::1 127.0.0.1")


@pytest.mark.parametrize(
    ("peer", "headers", "caller"),
    [
        pytest.param("10.0.0.1", ["9.9.9.9"], "9.9.9.9", id="one-proxy"),
        pytest.param("10.0.0.1", ["1.1.1.1, 9.9.9.9, 10.1.1.1"], "9.9.9.9", id="two-proxies-and-an-invention"),
        pytest.param("10.0.0.1", ["1.1.1.1", "9.9.9.9"], "9.9.9.9", id="two-headers"),
        pytest.param("8.8.8.8", ["9.9.9.9"], "8.8.8.8", id="not-trusted"),
        pytest.param("10.0.0.1", [], "10.0.0.1", id="no-header"),
        pytest.param("10.0.0.1", ["9.9.9.9, junk"], "10.0.0.1", id="malformed-last"),
        pytest.param("10.0.0.1", ["9.9.9.9, junk, 10.2.2.2"], "10.2.2.2", id="malformed-behind-a-proxy"),
        pytest.param("10.0.0.1", ["9.9.9.9,"], "10.0.0.1", id="empty-last"),
        pytest.param("10.0.0.1", ["9.9.9.9:4711"], "9.9.9.9", id="with-a-port"),
        pytest.param("10.0.0.1", ["[2001:db8::7]:443"], "2001:db8::7", id="v6-with-a-port"),
        pytest.param("::ffff:10.0.0.1", ["9.9.9.9"], "9.9.9.9", id="a-mapped-peer"),
        pytest.param("10.0.0.1", ["::ffff:9.9.9.9"], "9.9.9.9", id="a-mapped-caller"),
        pytest.param("10.0.0.1", ["10.3.3.3, 10.2.2.2"], "10.3.3.3", id="proxies-only"),
        pytest.param("10.0.0.1", ["1.1.1.1, " + "10.0.0.2, " * 9999 + "10.0.0.3"], "10.0.0.2", id="endless"),
        pytest.param("", ["9.9.9.9"], "", id="no-peer"),
        pytest.param("10.0.0.1", ["9.9.9.9 , \t10.9.9.9 "], "9.9.9.9", id="spaces"),
        pytest.param("10.0.0.1", ["999.9.9.9"], "10.0.0.1", id="no-address"),
    ],
)
def test_the_caller(peer: str, headers: list[str], caller: str) -> None:
    assert OURS.caller(peer, headers) == caller


def test_nobody_is_believed_by_default() -> None:
    assert NOBODY.caller("127.0.0.1", ["9.9.9.9"]) == "127.0.0.1"


@pytest.mark.parametrize("text", ["10.0.0.1/8", "proxy.example", "10.0.0.256"])
def test_a_setting_that_is_no_network_is_named(text: str) -> None:
    with pytest.raises(ValueError, match=text):
        networks(f"127.0.0.1, {text}")


@pytest.mark.parametrize(
    ("address", "party"),
    [("9.9.9.9", "9.9.9.9"), ("2001:db8:0:1::7", "2001:db8:0:1::/64"), ("::ffff:9.9.9.9", "9.9.9.9"), ("", "")],
)
def test_who_counts_as_one(address: str, party: str) -> None:
    assert one_party(address) == party
