"""The parts of an Internet message: which are the text, which are files that came with it. Source: RFC 5322, MIME.

Headers are read leniently from their raw lines, and not by `email.policy.default`: that parses strictly, and fails
in many ways on what hostile and merely old programs write.
"""

import re
from collections.abc import Iterator
from datetime import UTC
from email import message_from_bytes, policy
from email.errors import MessageError
from email.header import decode_header
from email.message import Message
from email.utils import getaddresses, parsedate_to_datetime

from steadyhand.errors import DocumentUnreadable

_HEADERS = frozenset(("from", "to", "subject", "date", "message-id", "received"))
_ENCRYPTED = frozenset(["multipart/encrypted", "application/pkcs7-mime", "application/x-pkcs7-mime"])
_NO_FILES = frozenset(
    ["application/pgp-signature", "application/pkcs7-signature", "application/x-pkcs7-signature", "text/calendar"]
)
_TEXTS = frozenset(["text/plain", "text/html"])
_FOLD = re.compile(r"\r?\n[ \t]*")
_PEOPLE_LIMIT = 200  # shown of a header
_HEADER_LIMIT = 20_000  # characters; the library's time grows with their square


def parsed(content: bytes, name: str) -> Message:
    """Raises `DocumentUnreadable` for what is no message, and for one that is encrypted as a whole."""
    try:
        message = message_from_bytes(content, policy=policy.compat32)
    except (RecursionError, MessageError, ValueError) as error:
        raise DocumentUnreadable(
            f"{name}: expected an e-mail; found one that cannot be taken apart ({type(error).__name__})",
            hint="save it anew from a mail program",
        ) from None
    if not any(found.lower() in _HEADERS for found, _ in message.raw_items()):
        raise DocumentUnreadable(
            f"{name}: expected an e-mail; found none of its headers, such as From and Subject",
            hint="save it from a mail program as .eml",
        )
    if message.get_content_type() in _ENCRYPTED:
        raise DocumentUnreadable(
            f"{name}: expected an e-mail that anybody can read; found an encrypted one",
            hint="save it decrypted",
        )
    return message


def header(message: Message, name: str) -> str:
    """The first header of this name, in lower case, as text on one line; "" without one."""
    for found, value in message.raw_items():
        if found.lower() == name:
            return _decoded(str(value))
    return ""


def people(message: Message, name: str) -> list[str]:
    """Each person of an address header, as "Ann Lee <ann@x.example>"."""
    shown = []
    for found, value in message.raw_items():
        if found.lower() == name:
            shown += [f"{_decoded(who)} <{at}>" if who else _decoded(at) for who, at in _addresses(str(value))]
    return [person for person in shown if person.strip()][:_PEOPLE_LIMIT]


def date(message: Message) -> str:
    """ISO 8601, in the zone of the sender; "" when it cannot be told."""
    try:
        found = parsedate_to_datetime(header(message, "date"))
    except (ValueError, TypeError, IndexError, OverflowError):
        return ""
    return (found if found.tzinfo else found.replace(tzinfo=UTC)).isoformat()


def texts(message: Message) -> list[Message]:
    """The parts that are the message itself, in reading order, all plain where there is a choice."""
    kind = message.get_content_type()
    if kind == "multipart/alternative":
        choices = [found for part in children(message) if (found := texts(part))]
        plain = [found for found in choices if any(part.get_content_type() == "text/plain" for part in found)]
        return (plain or choices[-1:] or [[]])[0]
    if message.is_multipart() and kind != "message/rfc822":
        return [found for part in children(message) for found in texts(part)]
    is_text = kind in _TEXTS or message.get_content_maintype() == "multipart"  # of one part, without boundaries
    return [message] if is_text and not _is_file(message) else []


def files(message: Message) -> Iterator[Message]:
    """The parts that came with the message. Images that its text shows are none, nor are signatures."""
    if message.is_multipart() and message.get_content_type() != "message/rfc822":
        for part in children(message):
            yield from files(part)
    elif _is_file(message):
        yield message


def children(message: Message) -> list[Message]:
    found = message.get_payload()
    return [part for part in found if isinstance(part, Message)] if isinstance(found, list) else []


def file_name(message: Message) -> str:
    """As its sender named it, "" when it has none."""
    try:
        return _decoded(message.get_filename() or "")
    except (ValueError, LookupError, TypeError):
        return ""


def bytes_of(message: Message) -> bytes:
    """The content of a part that is no multipart, without its transfer encoding."""
    try:
        content = message.get_payload(decode=True)
    except (ValueError, LookupError):
        return b""
    return content if isinstance(content, bytes) else b""


def charset(message: Message) -> str:
    """What the part says of itself, "" for nothing."""
    try:
        return message.get_content_charset() or ""
    except (ValueError, LookupError, TypeError):
        return ""


def _is_file(message: Message) -> bool:
    kind, disposition = message.get_content_type(), message.get_content_disposition()
    if kind in _NO_FILES or (kind in _TEXTS and disposition is None):
        return False
    if kind == "message/rfc822" or disposition == "attachment":
        return True
    return bool(file_name(message)) and message.get_content_maintype() != "image"


def _addresses(raw: str) -> list[tuple[str, str]]:
    """Name and address of each; a header that is none of addresses is one name."""
    text = _unfolded(raw)
    try:
        return getaddresses([text])
    except (RecursionError, IndexError, ValueError):
        return [("", text[:200])]


def _decoded(raw: str) -> str:
    """A header's text: encoded words (RFC 2047) decoded, and bytes that nobody declared taken for UTF-8."""
    text = _unfolded(raw)
    if "=?" not in text:
        return text
    try:
        words = decode_header(text)
    except (MessageError, ValueError):
        return text
    return "".join(_word(word, encoding) for word, encoding in words)


def _word(word: bytes | str, encoding: str | None) -> str:
    if isinstance(word, str):
        return word
    try:
        return word.decode(encoding or "utf-8", "replace")
    except (LookupError, ValueError):
        return word.decode("latin-1")


def _unfolded(raw: str) -> str:
    """The start of a header on one line. The parser keeps bytes that are not ASCII as surrogates."""
    return _FOLD.sub(" ", raw[:_HEADER_LIMIT].encode("utf-8", "surrogateescape").decode("utf-8", "replace")).strip()
