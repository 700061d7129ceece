"""What came with an e-mail: attachments, and messages that were forwarded as files."""

import mimetypes
from collections.abc import Iterator
from email.errors import MessageError
from email.message import Message

from steadyhand.knowledge.readers import _mail_parts as parts
from steadyhand.knowledge.reading.members import Member, refusal, safe

EXTENSIONS = (".eml",)


def members(content: bytes, name: str) -> Iterator[Member]:
    """Each attachment under its file name. Raises `DocumentUnreadable` for what is no e-mail."""
    for part in parts.files(parts.parsed(content, name)):
        yield _message(part) if part.get_content_type() == "message/rfc822" else _file(part)


def _file(part: Message) -> Member:
    extension = mimetypes.guess_extension(part.get_content_type()) or ""
    return safe(
        (parts.file_name(part) or f"attachment{extension}").replace("/", "-").replace("\\", "-")
    ), parts.bytes_of(part)


def _message(part: Message) -> Member:
    inner = next(iter(parts.children(part)), None)
    named = parts.file_name(part) or (inner is not None and parts.header(inner, "subject")) or "message"
    path = safe(named.replace("/", "-").removesuffix(".eml") + ".eml")
    try:
        return path, b"" if inner is None else inner.as_bytes()
    except (MessageError, UnicodeError, LookupError, ValueError, AttributeError) as error:
        return refusal(path, "a message", f"one that cannot be taken out ({type(error).__name__})")
