"""Object paths: four spellings, and what none of them may say."""

import pytest

from modelyard.objects.paths import MalformedPathError, ObjectPath, object_path

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
