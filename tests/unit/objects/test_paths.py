"""Object paths: every spelling, what none of them may say, and which URLs are asked themselves."""

import pytest

from modelyard.objects.paths import MalformedPathError, ObjectPath, Presigned, located, object_path

READ = {
    "obs://bucket/a/b": ObjectPath("bucket", "a/b"),
    "s3://bucket/a/b/": ObjectPath("bucket", "a/b"),
    "https://bucket.obs.example.com/a/b": ObjectPath("bucket", "a/b"),
    "https://bucket.host:8443/a%20b": ObjectPath("bucket", "a b"),
    "/bucket/a": ObjectPath("bucket", "a"),
    "/bucket": ObjectPath("bucket"),
    "obs://bucket/ä b": ObjectPath("bucket", "ä b"),
}
REFUSED = [
    "",
    "bucket/a",
    "obs://",
    "obs:///a",
    "obs://bucket/../a",
    "obs://bucket/a/./b",
    "obs://bucket//a",
    "/../etc",
    "/bucket/a\0b",
    "/bucket/a\\b",
    "https://host/a",
    "https://bucket.host/%2e%2e/a",
    "https://bucket.host/a?x=1",
    "https://[bad/a",
    "file:///etc/passwd",
    "obs://UPPER/a",
    "obs://bucket/" + "x" * 1025,
]


@pytest.mark.parametrize(("text", "expected"), READ.items(), ids=READ.keys())
def test_read(text: str, expected: ObjectPath) -> None:
    assert object_path(text) == expected
    assert object_path(str(expected)) == expected


@pytest.mark.parametrize("text", REFUSED, ids=repr)
def test_refused(text: str) -> None:
    with pytest.raises(MalformedPathError):
        object_path(text)


ENDPOINTS = ("https://obs.example.com", "http://127.0.0.1:8080", "https://s3.inside:8443")
SIGNED = "AccessKeyId=AK&Expires=1&Signature=SECRET"
AMZ = "X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Signature=SECRET"
A_B = ObjectPath("bucket", "a/b")
PLACED = {
    "obs://bucket/a/b": A_B,
    "/bucket/a/b": A_B,
    "https://bucket.anywhere.com/a/b": A_B,
    "https://bucket.obs.example.com/a%2Fb": A_B,
    "https://obs.example.com/bucket/a/b": A_B,
    "https://OBS.example.com:443/bucket/a/b": A_B,
    f"https://bucket.elsewhere.com/a/b?{SIGNED}": A_B,
    f"https://bucket.elsewhere.com:444/a/b?{AMZ}": A_B,
    f"http://169.254.169.254/bucket/a/b?{AMZ}": A_B,
    f"http://localhost:8080/bucket/a/b?{AMZ}": A_B,
    f"https://bucket.evilobs.example.com/a/b?{AMZ}": A_B,
    f"http://bucket.obs.example.com/a/b?{AMZ}": A_B,
    f"https://bucket.s3.inside/a/b?{AMZ}": A_B,
    f"https://my.bucket.obs.example.com/a%20b?{AMZ}": Presigned(
        f"https://my.bucket.obs.example.com/a%20b?{AMZ}", ObjectPath("my.bucket", "a b")
    ),
    **{
        url: Presigned(url, A_B)
        for url in (
            f"https://bucket.obs.example.com/a/b?{SIGNED}",
            f"https://obs.example.com/bucket/a/b?{AMZ}",
            "http://127.0.0.1:8080/bucket/a/b?AWSAccessKeyId=x&Signature=SECRET",
            f"https://bucket.s3.inside:8443/a/b?{AMZ}&versionId=1",
        )
    },
}
NOWHERE = [
    f"https://bucket.obs.example.com/?{AMZ}",
    f"https://obs.example.com/bucket?{AMZ}",
    "https://bucket.obs.example.com/a?token=SECRET",
    f"https://user:SECRET@bucket.obs.example.com/a?{AMZ}",
    f"https://bucket.obs.example.com/a?{AMZ}#SECRET",
    f"https://bucket.obs.example.com:x/a?{AMZ}",
    f"https://bucket.obs.example.com/../a?{AMZ}",
    f"https://[::1/bucket/a?{AMZ}",
    f"ftp://bucket.obs.example.com/a?{AMZ}",
    "bucket/a?Signature=SECRET",
    f"https://bucket.obs.example.com/a?\t{AMZ}",
    f"https://evil\\\\.obs.example.com/a?{AMZ}",
]


@pytest.mark.parametrize(("text", "expected"), PLACED.items(), ids=PLACED.keys())
def test_places(text: str, expected: ObjectPath | Presigned) -> None:
    place = located(text, ENDPOINTS)
    assert place == expected
    assert "SECRET" not in f"{place} {place!r}"


def test_without_endpoints_nobody_is_asked() -> None:
    for text in PLACED:
        assert isinstance(located(text), ObjectPath)


@pytest.mark.parametrize("text", NOWHERE)
def test_no_place_and_no_secret_told(text: str) -> None:
    with pytest.raises(MalformedPathError) as refused:
        located(text, ENDPOINTS)
    assert "SECRET" not in str(refused.value)
