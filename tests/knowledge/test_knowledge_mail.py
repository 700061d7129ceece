"""Messages as documents, and what came with them."""

from email.message import EmailMessage

import pytest
from mail_files import (
    attached_message,
    attachment,
    binary,
    compressed_rtf,
    message,
    ole,
    properties,
    recipient,
    string8,
    text,
)

from steadyhand.errors import DocumentError, DocumentUnreadable
from steadyhand.knowledge.reading.formats import members, read_document
from steadyhand.knowledge.reading.members import Member
from steadyhand.types.document import Document


def mail(body: str = "Hello.", **headers: str) -> EmailMessage:
    written = EmailMessage()
    for name, said in {"From": "Ann Lee <Ann@X.example>", "Subject": "Hotels in Bern"}.items():
        written[name] = headers.pop(name, said)
    for name, said in headers.items():
        written[name.replace("_", "-")] = said
    written.set_content(body)
    return written


def unpacked(content: bytes, name: str) -> dict[str, bytes | DocumentError]:
    found: list[Member] = list(members(content, name))
    assert len(dict(found)) == len(found)
    return dict(found)


def shown(document: Document) -> list[str]:
    return [document.text[block.start : block.end] for block in document.blocks]


# Internet messages


def test_a_message_is_titled_by_its_subject_and_begins_with_who_wrote_to_whom() -> None:
    written = mail(
        Subject="Größe der Zimmer, İstanbul",
        From="Ånn Lee <Ann@X.example>",
        To="Bob <bob@y.example>, c@z.example",
        Cc="d@z.example",
        Date="Tue, 03 Mar 2026 10:00:00 +0100",
        Message_ID="<1@x.example>",
    )
    document = read_document(written.as_bytes(), "in/a.eml")
    assert document.title == "Größe der Zimmer, İstanbul"
    assert shown(document) == [
        "From: Ånn Lee <Ann@X.example>\nTo: Bob <bob@y.example>, c@z.example\nCc: d@z.example\nDate: 2026-03-03T10:00:00+01:00\nSubject: Größe der Zimmer, İstanbul",
        "Hello.",
    ]
    assert document.metadata == {
        "from": "ann@x.example",
        "to": ["bob@y.example", "c@z.example"],
        "cc": ["d@z.example"],
        "date": "2026-03-03T10:00:00+01:00",
        "subject": "Größe der Zimmer, İstanbul",
        "message_id": "<1@x.example>",
    }


def test_plain_text_is_preferred_to_the_same_in_html() -> None:
    written = mail("The plain words.")
    written.add_alternative("<p>The <b>rich</b> words.</p>", subtype="html")
    assert shown(read_document(written.as_bytes(), "a.eml"))[1:] == ["The plain words."]


def test_a_message_in_html_keeps_its_tables_and_headings() -> None:
    written = EmailMessage()
    written["Subject"] = "Limits"
    written.set_content(
        "<h1>Hotels</h1><p>Per night:</p><table><tr><th>City<th>EUR<tr><td>Bern<td>140</table>", subtype="html"
    )
    document = read_document(written.as_bytes(), "a.eml")
    assert shown(document)[1:] == ["Hotels", "Per night:", "City | EUR\nBern | 140"]
    assert document.blocks[-1].section == "Hotels"
    assert document.text[document.blocks[-1].start : document.blocks[-1].header_end] == "City | EUR"


@pytest.mark.parametrize(
    "line",
    [
        "On Mon, 2 Mar 2026 at 10:00, Bob Miller <bob@y.example> wrote:",
        "On Mon, 2 Mar 2026 at 10:00, Bob Miller\n<bob@y.example> wrote:",
        "Am 02.03.2026 um 10:00 schrieb Bob Miller:",
        "Le 2 mars 2026 à 10:00, Bob Miller a écrit :",
        "2 Mar 2026 Pzt, 10:00 tarihinde Bob <bob@y.example> şunu yazdı:",
        "-----Original Message-----",
        "-------- Weitergeleitete Nachricht --------",
        "Von: Bob Miller\nGesendet: Montag, 2. März 2026",
    ],
)
def test_an_earlier_message_is_a_section_of_its_own(line: str) -> None:
    document = read_document(mail(f"Here it is.\n\n{line}\n> Where is it?\n").as_bytes(), "a.eml")
    answer, *_, asked = [block for block in document.blocks if block.kind != "heading"][1:]
    assert (document.text[answer.start : answer.end], answer.section) == ("Here it is.", "")
    assert document.text[asked.start : asked.end].endswith("> Where is it?")
    assert asked.section


def test_ordinary_sentences_open_no_section() -> None:
    body = "On Monday I wrote to Bob.\n\nVon: hier bis dort\nist es weit.\n\nFrom: now on we wait.\n\nEl hotel:\n\n--- a ---"
    document = read_document(mail(body).as_bytes(), "a.eml")
    assert {block.kind for block in document.blocks} <= {"paragraph", "list"}


def test_charsets_are_those_that_the_parts_name() -> None:
    japanese = "料金は一泊です"
    content = b"Subject: x\nContent-Type: text/plain; charset=iso-2022-jp\n\n" + japanese.encode("iso-2022-jp")
    assert shown(read_document(content, "a.eml"))[1] == japanese
    content = b"Subject: x\nContent-Type: text/plain; charset=no-such\n\nM\xfcller"
    assert shown(read_document(content, "a.eml"))[1] == "Müller"
    content = "Subject: Müller\nFrom: Jörg <j@x.example>\n\nx".encode()
    assert read_document(content, "a.eml").title == "Müller"


def test_attachments_are_members_and_pictures_of_the_text_are_not() -> None:
    written = mail()
    written.add_attachment(b"%PDF-1.4", maintype="application", subtype="pdf", filename="Größe.pdf")
    written.add_attachment("Notes.", filename="../../notes.txt")
    written.add_attachment("Other notes.", filename="..\\..\\notes.txt")
    written.add_attachment(b"x", maintype="image", subtype="png", filename="logo.png", disposition="inline")
    written.add_attachment(b"x", maintype="application", subtype="pgp-signature", filename="signature.asc")
    found = unpacked(written.as_bytes(), "a.eml")
    assert list(found) == ["Größe.pdf", "..-..-notes.txt", "..-..-notes (2).txt"]
    assert found["..-..-notes.txt"] == b"Notes.\n"


def test_a_message_that_was_forwarded_as_a_file_is_a_member_with_its_own_members() -> None:
    inner = mail("The inner words.", Subject="Inner/most")
    inner.add_attachment("Notes.", filename="notes.txt")
    written = mail()
    written.add_attachment(inner)
    found = unpacked(written.as_bytes(), "a.eml")
    assert list(found) == ["Inner-most.eml", "Inner-most.eml/notes.txt"]
    content = found["Inner-most.eml"]
    assert isinstance(content, bytes)
    assert "The inner words." in read_document(content, "Inner-most.eml").text


@pytest.mark.parametrize(
    ("content", "found"),
    [
        (b"just some words\n\nand more", "none of its headers"),
        (b"Subject: x\nContent-Type: application/pkcs7-mime; name=smime.p7m\n\nMIIB", "an encrypted one"),
        (b"Subject: x\nContent-Type: multipart/encrypted; boundary=b\n\n--b\n\nx\n--b--", "an encrypted one"),
    ],
)
def test_what_is_no_readable_message_says_so(content: bytes, found: str) -> None:
    with pytest.raises(DocumentUnreadable, match=found):
        read_document(content, "a.eml")


@pytest.mark.parametrize(
    "content",
    [
        b'Subject: =?utf-8?b?////?= =?no-such?q?x?= =?\nFrom: <<>>,,;;@\nTo: "\xff\nDate: 99 Foo 99999\n\nHello.',
        b'Subject:\nContent-Type: multipart/mixed; boundary=""\n\nHello.',
        b"Subject: x\nContent-Type: text/plain; charset*=x''\xff; name*0*=\xff\n\nHello.",
        b"Subject: x\nContent-Transfer-Encoding: base64\n\nSGVsbG8u=====!!",
        b"Subject: x\nContent-Type: ;;;/\nContent-Disposition: ;;\n\nHello.",
    ],
)
def test_malformed_headers_do_not_stop_a_message(content: bytes) -> None:
    assert "Hello." in read_document(content, "a.eml").text
    assert unpacked(content, "a.eml") == {}


# Outlook


def test_an_outlook_message_is_read_like_any_other() -> None:
    content = ole(
        message(
            text(0x0037, "Hotels in Bern"),
            text(0x1000, "Hello Bob.\r\n\r\n-----Original Message-----\r\nWhere is it?"),
            text(0x1035, "<1@x.example>"),
            recipients=(recipient("Bob", "bob@y.example", 1), recipient("Cid", "/O=COMPANY/CN=CID", 2)),
        )
    )
    document = read_document(content, "a.msg")
    assert document.title == "Hotels in Bern"
    assert shown(document) == [
        "From: Ann Lee <Ann@x.example>\nTo: Bob <bob@y.example>\nCc: Cid\nDate: 2026-03-03T09:00:00+00:00\nSubject: Hotels in Bern",
        "Hello Bob.",
        "-----Original Message-----",
        "Where is it?",
    ]
    assert document.metadata["from"] == "ann@x.example"
    assert (document.metadata["to"], document.metadata["cc"]) == (["bob@y.example"], ["Cid"])


def test_an_outlook_message_may_have_its_text_in_html_or_rtf_only() -> None:
    page = message(binary(0x1013, "<table><tr><td>Größe<td>1<tr><td>b<td>2</table>".encode()))
    assert "Größe | 1\nb | 2" in read_document(ole(page), "a.msg").text
    rtf = rb"{\rtf1\ansi\ansicpg1252{\fonttbl{\f0 Arial;}}{\*\generator x;}Gr\'f6\u223\'dfe\par {\b bold} \{x\}}"
    assert "Größe\nbold {x}" in read_document(ole(message(binary(0x1009, compressed_rtf(rtf)))), "a.msg").text
    turkish = message(string8(0x1000, "şişe ılık".encode("cp1254")))
    assert "şişe ılık" in read_document(ole(turkish), "a.msg").text


def test_an_outlook_message_that_does_not_say_how_it_is_written_is_seen_through() -> None:
    sent_as_big5 = message(string8(0x1000, "中文測試".encode("big5")), properties(32, (3, 0x3FDE, 950)))
    assert "中文測試" in read_document(ole(sent_as_big5), "a.msg").text
    silent = message(string8(0x1000, "Срок действия договора три года".encode("cp1251")), properties(32))
    assert "Срок действия договора три года" in read_document(ole(silent), "a.msg").text


def test_packed_rtf_may_repeat_what_stands_before_it_and_itself() -> None:
    # from MS-OXRTFCP, 4.2: seven bytes of text that refer to each other
    packed = bytes.fromhex("1a0000001c0000004c5a4675e2d44b51410004205758595a0d6e7d010eb0")
    content = ole(message(binary(0x1009, packed)))
    assert "WXYZWXYZWXYZWXYZWXYZ" in read_document(content, "a.msg").text


def test_attachments_of_an_outlook_message_are_members() -> None:
    inner = message(
        text(0x0037, "Inner"),
        text(0x1000, "The inner words."),
        recipients=(recipient("Böb", "bob@y.example", 1),),
        attachments=(attachment("notes.txt", b"Notes."),),
        is_inner=True,
    )
    content = ole(
        message(
            attachments=(
                attachment("../Größe.txt", b"big" * 3_000),
                attachment("logo.png", b"x", is_hidden=True),
                attached_message(inner),
            )
        )
    )
    found = unpacked(content, "a.msg")
    assert list(found) == ["..-Größe.txt", "Inner.eml", "Inner.eml/notes.txt"]
    assert found["..-Größe.txt"] == b"big" * 3_000
    forwarded = found["Inner.eml"]
    assert isinstance(forwarded, bytes)
    document = read_document(forwarded, "Inner.eml")
    assert "The inner words." in document.text
    assert (document.metadata["to"], document.metadata["date"]) == (["bob@y.example"], "2026-03-03T09:00:00+00:00")


def test_an_encrypted_outlook_message_says_so() -> None:
    with pytest.raises(DocumentUnreadable, match="an encrypted one"):
        read_document(ole(message(text(0x001A, "IPM.Note.SMIME"))), "a.msg")


@pytest.mark.parametrize("cut", [600, 1500, -700])
def test_a_broken_outlook_message_is_refused(cut: int) -> None:
    whole = ole(message(text(0x1000, "word " * 2_000)))
    with pytest.raises(DocumentUnreadable):
        read_document(whole[:cut], "a.msg")


def test_characters_that_a_database_refuses_are_in_no_metadata() -> None:
    content = ole(message(text(0x0037, "Ho\0tels"), text(0x1035, "<1\0\x01@x>"), text(0x1000, "a\0b")))
    document = read_document(content, "a.msg")
    assert "\0" not in repr((document.metadata, document.title, document.text)).replace("\\x00", "\0")
