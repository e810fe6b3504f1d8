"""Which addresses messages may be sent to, and what a URL of one says."""

from ipaddress import ip_address, ip_network

import pytest

from modelyard.core.outbound import Target, UrlError, refusal, target

OPEN = ("1.1.1.1", "8.8.8.8", "172.32.0.1", "100.128.0.1", "2606:4700::1111", "2a00:1450::1", "::ffff:8.8.8.8")
REFUSED = {
    "loopback": ("127.0.0.1", "127.255.0.9", "::1", "::ffff:127.0.0.1", "64:ff9b::127.0.0.1", "2002:7f00:1::1"),
    "private": ("10.0.0.1", "172.16.0.1", "172.31.255.255", "192.168.1.1", "fd00:ec2::254", "fec0::1"),
    "link-local": ("169.254.169.254", "fe80::1", "fe80::1%eth0", "::ffff:169.254.169.254"),
    "multicast": ("224.0.0.1", "239.1.1.1", "ff02::1"),
    "shared by a carrier (CGNAT)": ("100.64.0.1", "100.100.100.200"),
    "the metadata of a cloud": ("168.63.129.16",),
    "this network": ("0.0.0.0", "0.1.2.3"),
    "reserved": ("240.0.0.1", "255.255.255.255", "192.0.0.192", "192.88.99.1", "::", "::7f00:1", "2001:db8::1"),
}


@pytest.mark.parametrize("text", OPEN)
def test_what_everybody_reaches_may_be_sent_to(text: str) -> None:
    assert refusal(ip_address(text)) == ""


@pytest.mark.parametrize(("kind", "text"), [(kind, text) for kind, texts in REFUSED.items() for text in texts])
def test_what_only_this_machine_reaches_is_refused(kind: str, text: str) -> None:
    assert refusal(ip_address(text)) == kind


def test_teredo_and_other_carriers_of_ipv4_are_as_good_as_what_they_carry() -> None:
    assert refusal(ip_address("2001:0:4136:e378:8000:63bf:80ff:fffe")) == "loopback"
    assert refusal(ip_address("64:ff9b::8.8.8.8")) == ""
    assert refusal(ip_address("64:ff9b::10.0.0.1")) == "private"


def test_the_administrator_may_allow_networks() -> None:
    allowed = (ip_network("127.0.0.0/8"), ip_network("fd00::/8"))
    assert [refusal(ip_address(a), allowed) for a in ("127.0.0.1", "::ffff:127.0.0.1", "fd00::1", "::1")] == [
        "",
        "",
        "",
        "loopback",
    ]


def test_a_url_is_read_as_it_is_sent() -> None:
    assert target("https://Example.ORG/a/b?key=1#part") == Target("https", "example.org", 443, "/a/b?key=1")
    assert target("http://[2606:4700::1111]:8080") == Target("http", "2606:4700::1111", 8080, "/")
    assert target("https://bücher.example./x").host == "xn--bcher-kva.example"
    assert target("http://h:8080/x").origin == "http://h:8080"
    assert target("https://h:443/secret").origin == "https://h"
    assert target("http://[::1]:1/secret").origin == "http://[::1]:1"


@pytest.mark.parametrize(
    ("url", "why"),
    [
        ("ftp://h/x", "scheme 'ftp', must be http:// or https://"),
        ("h/x", "scheme ''"),
        ("http:///x", "names no host"),
        ("http://u:p@h/", "user or a password"),
        ("http://u@h/", "user or a password"),
        ("http://h:0/", "port 0"),
        ("http://h:99999/", "cannot be read"),
        ("http://[::1/", "cannot be read"),
        ("http://h/a b", "a space"),
        ("http://h\r\nX: y/", "a space"),
        ("http://h\\@other/", "a space"),
        ("http://h/ü", "ASCII"),
        ("http://" + "a" * 64 + ".org/", "cannot be read"),
        ("http://h/" + "x" * 3000, "3009 characters"),
    ],
)
def test_what_is_no_url_to_send_to(url: str, why: str) -> None:
    with pytest.raises(UrlError, match=why):
        target(url)


def test_the_scheme_is_that_of_the_subscription() -> None:
    with pytest.raises(UrlError, match="must be https://"):
        target("http://h/", "https")
