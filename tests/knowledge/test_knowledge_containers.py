"""Containers: what is in them, under paths that are safe, or the reason why not."""

import stat
import warnings
from pathlib import PurePosixPath
from zipfile import ZIP_BZIP2, ZIP_LZMA, ZipInfo

import pytest
from document_files import POLICY
from hypothesis import given
from hypothesis import strategies as st
from mail_files import attachment, message, ole
from zip_files import bomb, with_flag, zipped

from steadyhand import plugins
from steadyhand.errors import DocumentError, DocumentUnreadable, DocumentUnsupported
from steadyhand.knowledge.reading import formats
from steadyhand.knowledge.reading.formats import members
from steadyhand.knowledge.reading.members import Member, Paths, fault, safe

_EML = b"""Subject: x
Content-Type: multipart/mixed; boundary=b

--b

Hello.
--b
Content-Type: text/plain
Content-Disposition: attachment; filename=notes.txt

Notes.
--b--
"""
WITH_NOTES = {
    "zip": zipped(("notes.txt", b"Notes.")),
    "eml": _EML,
    "msg": ole(message(attachments=(attachment("notes.txt", b"Notes."),))),
}


def unpacked(content: bytes, name: str = "a.zip") -> dict[str, bytes | DocumentError]:
    found: list[Member] = list(members(content, name))
    assert len(dict(found)) == len(found), "every member has a path of its own"
    return dict(found)


def reason(held: bytes | DocumentError) -> str:
    assert isinstance(held, DocumentUnreadable)
    return str(held)


# Every container


@pytest.mark.parametrize("name", plugins.names("knowledge.containers"))
def test_a_container_gives_its_members_by_relative_paths(name: str) -> None:
    container = plugins.load("knowledge.containers", name)
    assert all(extension.startswith(".") and extension.islower() for extension in container.EXTENSIONS)
    assert [(path, bytes(held).strip()) for path, held in container.members(WITH_NOTES[name], "a")] == [
        ("notes.txt", b"Notes.")
    ]


@pytest.mark.parametrize("name", plugins.names("knowledge.containers"))
def test_what_is_no_container_is_refused(name: str) -> None:
    for content in (b"junk", bytes(100)):
        with pytest.raises(DocumentError):
            list(plugins.load("knowledge.containers", name).members(content, "a"))


# Zip archives


def test_documents_in_folders_keep_their_paths() -> None:
    content = zipped(("a/", b""), ("a/b/notes.txt", b"Notes."), ("policy.pdf", POLICY["pdf"]))
    assert unpacked(content) == {"a/b/notes.txt": b"Notes.", "policy.pdf": POLICY["pdf"]}


def test_hidden_files_are_left_out() -> None:
    content = zipped(("__MACOSX/._a.txt", b"x"), (".git/a.txt", b"x"), ("b/.c.txt", b"x"), ("Thumbs.db", b"x"))
    assert unpacked(content) == {}


def test_what_no_reader_is_there_for_is_unsupported() -> None:
    (held,) = unpacked(zipped(("setup.exe", b"MZ"))).values()
    assert isinstance(held, DocumentUnsupported)


@pytest.mark.parametrize(
    ("path", "shown", "found"),
    [
        ("../../etc/notes.txt", "etc/notes.txt", "a path that leads out of the archive: '../../etc/notes.txt'"),
        ("a/../../notes.txt", "a/notes.txt", "a path that leads out"),
        ("..\\..\\notes.txt", "notes.txt", "a path that leads out"),
        ("/etc/notes.txt", "etc/notes.txt", "an absolute path"),
        ("C:\\notes.txt", "notes.txt", "an absolute path"),
        ("a\x07b.txt", "ab.txt", "characters that nobody can see"),
        ("gnp\u202etxt.txt", "gnptxt.txt", "characters that nobody can see"),
        ("a/" * 600 + "b.txt", "b.txt", "a path of more than 1,000 bytes"),
    ],
)
def test_a_member_whose_name_leads_elsewhere_is_refused(path: str, shown: str, found: str) -> None:
    refused = unpacked(zipped((path, b"Notes."), ("good.txt", b"Good.")))
    assert list(refused) == [shown, "good.txt"]
    assert found in reason(refused[shown])
    assert refused["good.txt"] == b"Good."


def test_a_name_is_read_to_its_end_and_not_to_its_first_nul() -> None:
    content = zipped(("notes.txt_exe", b"x")).replace(b"notes.txt_exe", b"notes.txt\0exe")
    (held,) = unpacked(content).values()
    assert isinstance(held, DocumentError)


def test_two_members_of_one_name_are_both_there() -> None:
    with warnings.catch_warnings(action="ignore"):
        content = zipped(("a.txt", b"one"), ("a.txt", b"two"), ("a (2).txt", b"three"), ("a.txt", b"four"))
    assert unpacked(content) == {
        "a.txt": b"one",
        "a (2).txt": b"two",
        "a (2) (2).txt": b"three",
        "a (3).txt": b"four",
    }


def test_names_in_utf8_without_a_mark_are_understood() -> None:
    content = zipped(("Größe.txt", b"x"))
    assert list(unpacked(content)) == ["Größe.txt"]
    unmarked = bytearray(content)
    for mark, offset in ((b"PK\x03\x04", 7), (b"PK\x01\x02", 9)):
        unmarked[unmarked.find(mark) + offset] &= ~0x08
    assert list(unpacked(bytes(unmarked))) == ["Größe.txt"]


def test_a_symbolic_link_is_refused() -> None:
    link = ZipInfo("passwd.txt")
    link.create_system, link.external_attr = 3, (stat.S_IFLNK | 0o777) << 16
    assert "found a symbolic link" in reason(unpacked(zipped((link, b"/etc/passwd")))["passwd.txt"])


def test_an_encrypted_member_is_refused_and_the_others_are_read() -> None:
    locked = with_flag(zipped(("a.txt", b"secret")), 0x1)
    assert "found an encrypted one" in reason(unpacked(locked)["a.txt"])


def test_a_member_packed_by_another_method_or_broken_is_refused() -> None:
    for method in (ZIP_BZIP2, ZIP_LZMA):
        assert unpacked(zipped(("a.txt", b"Notes."), method=method)) == {"a.txt": b"Notes."}
    whole = zipped(("a.txt", b"Notes. " * 100), ("b.txt", b"Good."))
    broken = bytearray(whole)
    broken[40:50] = b"\xff" * 10
    found = unpacked(bytes(broken))
    assert "found a broken one" in reason(found["a.txt"])
    assert found["b.txt"] == b"Good."
    unknown = bytearray(whole)
    unknown[whole.find(b"PK\x01\x02") + 10] = 9  # deflate64
    assert "found a broken one" in reason(unpacked(bytes(unknown))["a.txt"])


def test_a_bomb_is_refused_by_its_ratio_without_unpacking_it() -> None:
    assert "as in a bomb" in reason(unpacked(bomb("a.txt", 40))["a.txt"])


def test_members_that_share_their_bytes_are_a_bomb() -> None:
    whole = zipped(("a.txt", bytes(range(256)) * 400))
    at = whole.find(b"PK\x01\x02")
    end = whole.find(b"PK\x05\x06")
    tail = bytearray(whole[end:])
    tail[8:12] = (50).to_bytes(2, "little") * 2
    tail[12:16] = (50 * (end - at)).to_bytes(4, "little")
    with pytest.raises(DocumentUnreadable, match="share them, as bombs do"):
        unpacked(whole[:at] + whole[at:end] * 50 + bytes(tail))


def test_containers_in_containers_are_opened_three_deep() -> None:
    second = zipped(("mail.eml", _EML), ("third.zip", zipped(("deep.txt", b"Deep."), ("fourth.zip", zipped()))))
    found = unpacked(zipped(("second.zip", second)))
    assert list(found) == [
        "second.zip/mail.eml",
        "second.zip/mail.eml/notes.txt",
        "second.zip/third.zip/deep.txt",
        "second.zip/third.zip/fourth.zip",
    ]
    assert "containers at most 3 deep" in reason(found["second.zip/third.zip/fourth.zip"])


def test_a_broken_container_in_a_container_stops_only_itself() -> None:
    found = unpacked(zipped(("bad.zip", b"PK\x03\x04junk"), ("policy.zip", POLICY["pdf"]), ("good.txt", b"Good.")))
    assert "cannot be unpacked" in reason(found["bad.zip"])
    assert "expected .zip content; found a PDF" in reason(found["policy.zip"])
    assert found["good.txt"] == b"Good."


def test_more_members_than_anybody_reads_are_left_out_with_a_reason() -> None:
    content = zipped(*[(f"{number}.txt", b"x") for number in range(formats.MEMBERS_LIMIT + 5)])
    found = unpacked(content)
    assert len(found) == formats.MEMBERS_LIMIT + 1
    assert "expected at most 10,000 members; found more, the rest is left out" in reason(found["a.zip"])


def test_an_archive_of_documents_is_told_from_an_office_document() -> None:
    with pytest.raises(DocumentUnreadable, match=r"expected \.zip content; found a Word document"):
        unpacked(POLICY["docx"])
    assert unpacked(zipped()) == {}


# Paths


@given(st.text(max_size=60) | st.text("./\\:aC\0\u202e", max_size=20))
def test_a_safe_path_has_no_fault(path: str) -> None:
    made = safe(path)
    assert fault(made) == ""
    assert not PurePosixPath(made).is_absolute()
    assert safe(made) == made


@given(st.lists(st.sampled_from(["a.txt", "a (2).txt", "b/a.txt", "a"]), max_size=12))
def test_taken_paths_are_unique(names: list[str]) -> None:
    paths = Paths()
    assert len({paths.take(name) for name in names}) == len(names)
