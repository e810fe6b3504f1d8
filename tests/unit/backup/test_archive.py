"""An archive that is not, to the last bit, what we write is refused; and what others could write, too."""

import gzip
import hashlib
import io
import random
import tarfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from modelyard.backup import archive, checking, layout
from modelyard.backup.archive import Reader, Writer
from modelyard.backup.layout import About, BackupError, DamagedBackupError, Entry
from modelyard.backup.sealing import HEAD_BYTES, PIECE, TAG, Sealed, Unsealed

ABOUT = About("1.0", "0009", 1, "x", "sqlite", "included", False)
LONG = "objects/b/" + "/".join(["d" * 200] * 4)
FILES = {
    "keys/a": b"k",
    "objects/b/a": b"",
    "objects/b/a-b": b"x" * 511,
    "objects/b/ü": b"y" * 3000,
    LONG: b"long",
}


def written(files: dict[str, bytes] = FILES) -> bytes:
    sink = io.BytesIO()
    writer = Writer(sink, io.BytesIO())
    writer.add_bytes(layout.ABOUT, ABOUT.text())
    for name, content in sorted(files.items(), key=lambda each: (layout.section(each[0]), each[0])):
        writer.add(name, len(content), iter((content,)), time_ns=7, version="1-2-3")
    writer.add_directory("packages/d/empty")
    writer.finish()
    return sink.getvalue()


def read(content: bytes, room: Path) -> tuple[dict[str, bytes], list[Entry]]:
    found: dict[str, bytes] = {}
    settled: list[Entry] = []

    def take(entry: Entry, pieces: Iterator[bytes]) -> None:
        found[entry.name] = b"".join(pieces)

    whole = archive.whole(io.BytesIO(content))
    checking.walk(Reader(io.BytesIO(content), whole), take, room, lambda _text: None, settled.append)
    return found, settled


def test_what_is_written_is_read(tmp_path: Path) -> None:
    found, settled = read(written(), tmp_path)
    assert found == {**FILES, "packages/d/empty": b""}
    assert {one.name: (one.time_ns, one.version) for one in settled if one.name in FILES} == dict.fromkeys(
        FILES, (7, "1-2-3")
    )
    assert written() == written()


def test_tar_reads_what_is_written() -> None:
    with tarfile.open(fileobj=io.BytesIO(written())) as tar:
        names = {one.name: one for one in tar}
    assert set(names) == {layout.ABOUT, layout.MANIFEST, "packages/d/empty", *FILES}


@pytest.mark.parametrize("of_fifty", range(6))
def test_no_damage_passes(of_fifty: int, tmp_path: Path) -> None:
    """Somewhere a bit is flipped, a byte is lost, something is put in, halves are exchanged, the end is cut."""
    for seed in range(of_fifty * 50, of_fifty * 50 + 50):
        with pytest.raises(DamagedBackupError):
            read(damaged(seed), tmp_path)


def damaged(seed: int) -> bytes:
    rng, content = random.Random(seed), bytearray(written())
    at = rng.randrange(len(content))
    match seed % 6:
        case 0 | 1:
            content[at] ^= 1 << rng.randrange(8)
        case 2:
            del content[at:]
        case 3:
            del content[at]
        case 4:
            content[at:at] = rng.randbytes(rng.randrange(1, 2000))
        case 5:
            half = len(content) // 2
            content[: 2 * half] = content[half : 2 * half] + content[:half]
    return bytes(content)


@pytest.mark.parametrize("more", [b"\x00", b"\x00" * 512, gzip.compress(b"more", mtime=0), b"x"])
def test_nothing_may_follow(more: bytes, tmp_path: Path) -> None:
    with pytest.raises(DamagedBackupError, match="does not end"):
        read(written() + more, tmp_path)


def sealed_end(packed: bytes, inflated: int) -> bytes:
    return packed + archive._end(inflated, hashlib.sha256(packed).hexdigest())


def crafted(change: Callable[[tarfile.TarFile], None]) -> bytes:
    """What somebody who knows the format writes: its checksum is right."""
    plain = io.BytesIO()
    with tarfile.open(fileobj=plain, mode="w", format=tarfile.GNU_FORMAT) as tar:
        add(tar, layout.ABOUT, ABOUT.text())
        change(tar)
    # as long as ours: tar pads more
    inner = plain.getvalue().rstrip(b"\0")
    inner += bytes(-len(inner) % 512) + bytes(1024)
    return sealed_end(gzip.compress(inner, mtime=0), len(inner))


def add(tar: tarfile.TarFile, name: str, content: bytes = b"x", **more: object) -> None:
    info = tarfile.TarInfo(name)
    info.size = len(content)
    for key, value in more.items():
        setattr(info, key, value)
    tar.addfile(info, io.BytesIO(content))


CRAFTED: dict[str, tuple[Callable[[tarfile.TarFile], None], str]] = {
    "a way up": (lambda tar: add(tar, "objects/../../etc/passwd"), "leads elsewhere"),
    "an absolute name": (lambda tar: add(tar, "/etc/passwd"), "leads elsewhere"),
    "a dot": (lambda tar: add(tar, "objects/./a"), "leads elsewhere"),
    "an empty part": (lambda tar: add(tar, "objects//a"), "leads elsewhere"),
    "a long name": (lambda tar: add(tar, "objects/b/" + "a/" * 3000 + "a"), "longer than any"),
    "a long part": (lambda tar: add(tar, "objects/b/" + "a" * 256), "leads elsewhere"),
    "a control character": (lambda tar: add(tar, "objects/b/\x1b[2J"), "control character"),
    "no UTF-8": (lambda tar: add(tar, "objects/b/\udcff"), "not UTF-8"),
    "another file": (lambda tar: add(tar, "format"), "nothing that we write"),
    "an instance": (lambda tar: add(tar, "instances/i/spec.json"), "nothing that we write"),
    "a link": (lambda tar: add(tar, "objects/b/a", b"", type=tarfile.SYMTYPE, linkname="/etc"), "neither"),
    "a hard link": (lambda tar: add(tar, "objects/b/a", b"", type=tarfile.LNKTYPE, linkname="keys/a"), "neither"),
    "a device": (lambda tar: add(tar, "objects/b/a", b"", type=tarfile.CHRTYPE), "neither"),
    "a pipe": (lambda tar: add(tar, "objects/b/a", b"", type=tarfile.FIFOTYPE), "neither"),
    "a sparse file": (lambda tar: add(tar, "objects/b/a", b"", type=tarfile.GNUTYPE_SPARSE), "neither"),
    "a pax header": (lambda tar: add(tar, "objects/b/a", b"1", type=tarfile.XHDTYPE), "neither"),
    "the same twice": (lambda tar: (add(tar, "objects/b/a"), add(tar, "objects/b/a"))[0], "comes again"),
    "another order": (lambda tar: (add(tar, "packages/d/a"), add(tar, "keys/a"))[0], "not in its place"),
    "no manifest": (lambda tar: add(tar, "keys/a"), "no manifest"),
    "a manifest that knows nothing": (
        lambda tar: (add(tar, "keys/a"), add(tar, layout.MANIFEST, b""))[0],
        "does not know",
    ),
    "a manifest that knows more": (
        lambda tar: add(tar, layout.MANIFEST, Entry("keys/b", 1).line() * 3),
        "not what the manifest says",
    ),
    "a manifest of something": (lambda tar: add(tar, layout.MANIFEST, b"{}\n"), "a line of"),
    "a manifest without end": (lambda tar: add(tar, layout.MANIFEST, b"x" * 3_000_000), "longer than any"),
}


@pytest.mark.parametrize("what", CRAFTED)
def test_what_others_could_write_is_refused(what: str, tmp_path: Path) -> None:
    change, why = CRAFTED[what]
    with pytest.raises(DamagedBackupError, match=why):
        read(crafted(change), tmp_path)
    assert not list(tmp_path.iterdir())


def test_a_bomb_is_not_unpacked_beyond_what_it_tells(tmp_path: Path) -> None:
    packed = gzip.compress(bytes(50_000_000), mtime=0)
    for inflated, why in ((10, "longer than all"), (1 << 50, "cannot hold")):
        with pytest.raises(DamagedBackupError, match=why):
            read(sealed_end(packed, inflated), tmp_path)


def test_another_beginning_is_refused(tmp_path: Path) -> None:
    for content in (b"", b"x" * 5000, gzip.compress(b"hello")):
        with pytest.raises(DamagedBackupError, match="does not end"):
            read(content, tmp_path)
    with pytest.raises(DamagedBackupError, match=r"begin with about\.json"):
        inner = tarfile.TarInfo("keys/a").tobuf(tarfile.GNU_FORMAT) + bytes(1024)
        read(sealed_end(gzip.compress(inner), len(inner)), tmp_path)
    with pytest.raises(DamagedBackupError, match="cannot be unpacked"):
        read(sealed_end(b"no gzip" * 100, 5000), tmp_path)


@pytest.mark.parametrize(
    "text",
    [
        b"",
        b"[]",
        b"{}",
        b'{"format": "1"}',
        b"\xff",
        ABOUT.text().replace(b"0009", b"\\u001b[2J"),
        ABOUT.text().replace(b"included", b"others"),
    ],
)
def test_what_it_is_must_be_told(text: bytes) -> None:
    with pytest.raises(DamagedBackupError):
        layout.about(text)


def test_a_newer_format_names_its_release() -> None:
    with pytest.raises(BackupError, match=r"format 9, this release knows 1: use release 7\.1$"):
        layout.about(b'{"format": 9, "release": "7.1", "news": []}')


@pytest.mark.parametrize("release", ['"\\u001b[2J"', '"\\n"', "7", "null"])
def test_a_newer_format_is_not_believed_to_be_text(release: str) -> None:
    with pytest.raises(BackupError, match="use release") as refused:
        layout.about(f'{{"format": 9, "release": {release}}}'.encode())
    assert str(refused.value).isprintable()


@pytest.mark.parametrize(
    "content", [b"", b"short", b"y" * PIECE, b"z" * (2 * PIECE + 1)], ids=["empty", "short", "piece", "pieces"]
)
def test_sealed_and_opened(content: bytes) -> None:
    sealed = seal(content)
    assert len(sealed) == HEAD_BYTES + len(content) + TAG * max(1, -(-len(content) // PIECE))
    reading = Unsealed(io.BytesIO(sealed), b"secret words")
    assert b"".join(iter(lambda: reading.read(100_000), b"")) == content
    assert seal(content) != sealed


def test_pieces_cannot_be_left_out_exchanged_or_appended() -> None:
    sealed = seal(b"a" * PIECE + b"b" * PIECE + b"c")
    head, step = sealed[:HEAD_BYTES], PIECE + TAG
    first, second, third = (sealed[HEAD_BYTES + n * step :][:step] for n in range(3))
    wrong = [head + first + second, head + second + first + third, head + second + third, sealed + third, head]
    wrong += [
        sealed[:-1],
        sealed + b"x",
        head[:-1] + b"x" + sealed[HEAD_BYTES:],
        head[:9],
        seal(b"x", b"another one"),
    ]
    for each in wrong:
        with pytest.raises(DamagedBackupError):
            Unsealed(io.BytesIO(each), b"secret words").read()


def seal(content: bytes, secret: bytes = b"secret words") -> bytes:
    sink = io.BytesIO()
    sealing = Sealed(sink, secret)
    for at in range(0, len(content), 700_001):
        sealing.write(content[at : at + 700_001])
    sealing.close()
    return sink.getvalue()
