"""Reading in children: whatever a file does to one, the others are read."""

import asyncio
import dataclasses
import os
import signal
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import aclosing
from io import BytesIO
from pathlib import Path

import msgspec
import pytest
from document_files import POLICY, page_of, pdf
from hostile_files import long_pdf
from zip_files import zipped

from steadyhand import plugins
from steadyhand.errors import DocumentUnreadable, DocumentUnsupported, UsageError
from steadyhand.knowledge.reading import frames
from steadyhand.knowledge.reading.children import Readers
from steadyhand.knowledge.reading.formats import read_document
from steadyhand.knowledge.reading.frames import Parsed
from steadyhand.types.document import Block, Document, Page, Picture

SLOW = long_pdf(4_000)


@pytest.fixture(scope="module")
async def readers() -> AsyncIterator[Readers]:
    async with Readers(2) as opened:
        yield opened


def children_of(pid: int) -> set[int]:
    """Linux keeps them by the thread that started them."""
    threads = Path(f"/proc/{pid}/task").iterdir()
    return {int(child) for thread in threads for child in told(thread / "children").split()}


def told(path: Path) -> str:
    """What /proc tells; "" when the thread or the process has ended meanwhile."""
    try:
        return path.read_text()
    except (FileNotFoundError, ProcessLookupError):
        return ""


async def until(holds: Callable[[], bool]) -> None:
    while not holds():
        await asyncio.sleep(0.02)


def is_gone(pid: int) -> bool:
    """A zombie is gone: nobody has asked for its exit code yet."""
    status = told(Path(f"/proc/{pid}/status"))
    return not status or "State:\tZ" in status


def open_files(pid: int) -> set[str]:
    return {str(link.readlink()) for link in Path(f"/proc/{pid}/fd").iterdir()}


def names_of_environment(pid: int) -> set[str]:
    entries = Path(f"/proc/{pid}/environ").read_text().split("\0")
    return {entry.partition("=")[0] for entry in entries if entry}


on_linux = pytest.mark.skipif(sys.platform != "linux", reason="looks into /proc")


@pytest.mark.parametrize("kind", sorted(POLICY))
async def test_a_child_reads_what_its_parent_would(readers: Readers, kind: str) -> None:
    name = "policy" + plugins.load("knowledge.readers", kind).EXTENSIONS[0]
    assert await readers.read(POLICY[kind], name) == read_document(POLICY[kind], name)


async def test_refusals_come_through_with_their_hint(readers: Readers) -> None:
    with pytest.raises(DocumentUnsupported, match="found 'no extension'"):
        await readers.read(b"text", "README")
    with pytest.raises(DocumentUnreadable, match="found an encrypted one") as caught:
        await readers.read(pdf([page_of("secret")], is_encrypted=True), "a.pdf")
    assert caught.value.hint == "save it without a password"


async def test_members_come_one_by_one_and_can_be_read_meanwhile() -> None:
    content = zipped(*[(f"{number}.txt", f"Text {number}.".encode()) for number in range(20)], ("x.exe", b"MZ"))
    read = []
    async with Readers(1) as readers, aclosing(readers.unpack(content, "a.zip")) as members:
        async for path, held in members:
            if isinstance(held, bytes):
                read.append((await readers.read(held, path)).text)
            else:
                assert isinstance(held, DocumentUnsupported)
    assert read == [f"Text {number}." for number in range(20)]


async def test_what_is_no_container_is_refused(readers: Readers) -> None:
    for name in ("a.zip", "a.txt"):
        with pytest.raises((DocumentUnreadable, DocumentUnsupported)):
            _ = [member async for member in readers.unpack(b"PK\x03\x04junk", name)]


async def test_a_container_may_be_left_early(readers: Readers) -> None:
    content = zipped(*[(f"{number}.txt", os.urandom(200_000)) for number in range(20)])
    async with aclosing(readers.unpack(content, "a.zip")) as members:
        async for path, _ in members:
            assert path == "0.txt"
            break
    assert (await readers.read(b"Text.", "a.txt")).text == "Text."


async def test_many_documents_at_once_are_all_read(readers: Readers) -> None:
    found = await asyncio.gather(*[readers.read(f"Text {n}.".encode(), f"{n}.txt") for n in range(200)])
    assert [document.text for document in found] == [f"Text {n}." for n in range(200)]


@on_linux
async def test_one_child_reads_one_document_after_another_and_ends_with_its_readers() -> None:
    before = children_of(os.getpid())
    async with Readers(1) as readers:
        for number in range(20):
            await readers.read(b"Text.", f"{number}.txt")
        (child,) = children_of(os.getpid()) - before
    assert child not in children_of(os.getpid())
    assert is_gone(child)


@on_linux
async def test_a_child_reads_only_what_the_same_people_may_see() -> None:
    """A file that has taken its child over learns nothing of what is not for its own readers."""
    before = children_of(os.getpid())
    served: dict[str, set[int]] = {}
    async with Readers(1) as readers:
        for circle in ("hr", "board", "hr", "everyone", "board", "everyone"):
            there = children_of(os.getpid()) - before
            await readers.read(b"Text.", "a.txt", circle)
            now = children_of(os.getpid()) - before
            served.setdefault(circle, set()).update(now - there)
            assert len(now) <= 2
    assert len(served["hr"]) == 1
    assert served["board"]
    assert served["everyone"]


@on_linux
async def test_a_child_sees_no_environment_and_no_descriptors_of_ours(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SECRET_KEY", "s3cret")
    before = children_of(os.getpid())
    with (tmp_path / "private").open("w") as private:
        os.set_inheritable(private.fileno(), True)
        async with Readers(1) as readers:
            await readers.read(b"Text.", "a.txt")
            (child,) = children_of(os.getpid()) - before
            assert names_of_environment(child) == {
                "PYTHONPATH",
                "MALLOC_ARENA_MAX",
                "OPENBLAS_NUM_THREADS",
                "OMP_NUM_THREADS",
            }
            assert {name.partition(":")[0] for name in open_files(child)} == {"pipe", "/dev/null"}


# What a file can do


async def test_a_document_that_takes_too_long_is_given_up_and_the_next_one_is_read() -> None:
    async with Readers(1, time_s=0.2) as readers:
        with pytest.raises(
            DocumentUnreadable, match=r"^slow\.pdf: expected a file that is read within \d s"
        ) as caught:
            await readers.read(SLOW, "slow.pdf")
        assert caught.value.hint
        assert (await readers.read(b"Text.", "a.txt")).text == "Text."


async def test_a_document_that_takes_too_much_memory_is_given_up_and_the_next_one_is_read() -> None:
    large = b"Some words in a line of text.\n\n" * 1_500_000
    async with Readers(1, memory=100 * 2**20) as readers:
        with pytest.raises(
            DocumentUnreadable, match=r"^large\.txt: expected a file that is read in 100 MiB of memory"
        ):
            await readers.read(large, "large.txt")
        assert (await readers.read(b"Text.", "a.txt")).text == "Text."


@on_linux
@pytest.mark.parametrize(
    ("ended_by", "reason"),
    [
        (signal.SIGSEGV, r"found one that broke it \(it ended with SIGSEGV\)"),
        (signal.SIGABRT, r"found one that broke it \(it ended with SIGABRT\)"),
        (signal.SIGKILL, r"MiB of memory; found one that takes more"),  # the kernel, when the machine has none left
        (signal.SIGALRM, r"found one that takes longer"),  # the child's own clock
    ],
)
async def test_a_document_that_ends_its_reader_is_told_from_the_others(
    ended_by: signal.Signals, reason: str
) -> None:
    before = children_of(os.getpid())
    async with Readers(1) as readers:
        await readers.read(b"Text.", "a.txt")
        (child,) = children_of(os.getpid()) - before
        reading = asyncio.create_task(readers.read(SLOW, "slow.pdf"))
        await asyncio.sleep(0.2)
        os.kill(child, ended_by)
        with pytest.raises(DocumentUnreadable, match=reason):
            await reading
        assert (await readers.read(b"Text.", "a.txt")).text == "Text."


@on_linux
async def test_cancelling_a_reading_ends_its_child() -> None:
    before = children_of(os.getpid())
    async with Readers(1) as readers:
        await readers.read(b"Text.", "a.txt")
        (child,) = children_of(os.getpid()) - before
        reading = asyncio.create_task(readers.read(SLOW, "slow.pdf"))
        await asyncio.sleep(0.2)
        reading.cancel()
        with pytest.raises(asyncio.CancelledError):
            await reading
        await until(lambda: child not in children_of(os.getpid()))
        assert (await readers.read(b"Text.", "a.txt")).text == "Text."


@on_linux
async def test_cancelling_while_a_child_starts_leaves_none_behind() -> None:
    before = children_of(os.getpid())
    async with Readers(1) as readers:
        reading = asyncio.create_task(readers.read(b"Text.", "a.txt"))
        await asyncio.sleep(0.01)
        reading.cancel()
        with pytest.raises(asyncio.CancelledError):
            await reading
    assert children_of(os.getpid()) == before


@on_linux
async def test_closing_ends_what_is_being_read() -> None:
    before = children_of(os.getpid())
    readers = Readers(1)
    reading = [asyncio.create_task(readers.read(SLOW, "slow.pdf")) for _ in range(2)]
    await asyncio.sleep(0.5)
    await readers.close()
    await readers.close()
    for task in reading:
        with pytest.raises(UsageError, match="expected open readers"):
            await task
    assert children_of(os.getpid()) == before


_PARENT = """
import asyncio, pathlib, sys
from steadyhand.knowledge.reading.children import Readers
async def main():
    readers = Readers(1)
    await readers.read(b"Text.", "a.txt")
    print("ready", flush=True)
    await readers.read(pathlib.Path(sys.argv[1]).read_bytes(), "slow.pdf")
asyncio.run(main())
"""


@on_linux
async def test_no_child_outlives_a_parent_that_is_killed(tmp_path: Path) -> None:
    slow = tmp_path / "slow.pdf"
    slow.write_bytes(SLOW)
    parent = await asyncio.create_subprocess_exec(
        sys.executable, "-c", _PARENT, slow, stdout=asyncio.subprocess.PIPE
    )
    assert parent.stdout is not None
    assert await parent.stdout.readline() == b"ready\n"
    await asyncio.sleep(0.1)
    (child,) = children_of(parent.pid)
    parent.kill()
    await parent.wait()
    async with asyncio.timeout(5):
        await until(lambda: is_gone(child))


@on_linux
async def test_an_idle_child_that_was_killed_is_replaced() -> None:
    before = children_of(os.getpid())
    async with Readers(1) as readers:
        await readers.read(b"Text.", "a.txt")
        (child,) = children_of(os.getpid()) - before
        os.kill(child, signal.SIGKILL)
        await asyncio.sleep(0.1)
        assert (await readers.read(b"Text.", "a.txt")).text == "Text."


# What a child that was taken over could say

_GOOD = Document(
    title="T",
    text="Head\n\nText.",
    pages=(Page(1, 0, 11, 595.0, 842.0),),
    blocks=(Block("heading", 0, 4, 1, "Head"), Block("paragraph", 6, 11, 1, "Head")),
    metadata={"author": "Ann", "tags": ["a", 1, None]},
    pictures=(Picture(1, "image/png", b"x"),),
)


def said_back(document: Document) -> Document:
    told = msgspec.msgpack.decode(msgspec.msgpack.encode(frames.parsed(document)), type=Parsed)
    return frames.document(told)


def test_a_document_is_the_same_behind_the_pipe() -> None:
    assert said_back(_GOOD) == _GOOD


@pytest.mark.parametrize(
    "changed",
    [
        {"text": "Head\0\nText."},
        {"text": "Head"},
        {"title": "T\0"},
        {"metadata": {"author": "A\0"}},
        {"pages": (Page(2, 0, 11),)},
        {"pages": (Page(1, 5, 3),)},
        {"pages": (Page(1, 0, 11), Page(2, 5, 11))},
        {"pages": (Page(1, 0, 10**9),)},
        {"pages": ()},
        {"blocks": (Block("paragraph", -1, 4, 1, ""),)},
        {"blocks": (Block("paragraph", 4, 4, 1, ""),)},
        {"blocks": (Block("paragraph", 0, 4, 2, ""),)},
        {"blocks": (Block("paragraph", 0, 5, 1, ""), Block("paragraph", 4, 11, 1, ""))},
        {"blocks": (Block("table", 0, 5, 1, "", header_end=9),)},
        {"blocks": (Block("table", 0, 5, 1, "", titles=(9, 99)),)},
        {"blocks": (Block("program", 0, 5, 1, ""),)},
        {"pictures": (Picture(9, "image/png", b"x"),)},
    ],
)
def test_a_document_that_breaks_its_promises_is_not_believed(changed: dict[str, object]) -> None:
    with pytest.raises(ValueError, match=r"expected|Expected|Invalid"):
        said_back(dataclasses.replace(_GOOD, **changed))


@pytest.mark.parametrize(
    "said",
    [
        b"\xff" * 8 + b"x",
        (frames.FRAME_LIMIT + 1).to_bytes(8, "little"),
        (4).to_bytes(8, "little") + b"junk",
        (3).to_bytes(8, "little") + msgspec.msgpack.encode(["what"])[:3],
        (9).to_bytes(8, "little") + b"\x80\x04\x95\x05\x00\x00\x00\x00\x00",  # pickle
    ],
)
def test_what_is_no_reply_is_an_error_and_nothing_else(said: bytes) -> None:
    with pytest.raises(ValueError, match=r"."):
        frames.next_reply(BytesIO(said))


def test_a_reply_that_breaks_off_is_none() -> None:
    for said in (b"", b"\x05\0\0", (100).to_bytes(8, "little") + b"abc"):
        assert frames.next_reply(BytesIO(said)) is None
