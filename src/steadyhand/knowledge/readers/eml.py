"""E-mails as mail programs and servers keep them: head, text and quoted history. Attachments are apart."""

from email.message import Message
from html import escape

from steadyhand.knowledge.readers import _mail_parts as parts
from steadyhand.knowledge.readers import html
from steadyhand.knowledge.readers._decode import decoded
from steadyhand.knowledge.readers._mail import Mail, document
from steadyhand.types.document import Document

EXTENSIONS = (".eml",)


def read(content: bytes, name: str) -> Document:
    """The message itself, titled by its subject. Raises `DocumentUnreadable` for what is none, or is encrypted."""
    message = parts.parsed(content, name)
    texts = parts.texts(message)
    kinds = {part.get_content_type() for part in texts}
    is_html = "text/html" in kinds
    return document(
        Mail(
            subject=parts.header(message, "subject"),
            sender=", ".join(parts.people(message, "from")),
            to=parts.people(message, "to"),
            cc=parts.people(message, "cc"),
            date=parts.date(message),
            message_id=parts.header(message, "message-id"),
            plain="" if is_html else "\n\n".join(_text(part) for part in texts),
            html="\n".join(map(_as_html, texts)).encode() if is_html else b"",
        ),
        name,
    )


def saved_page(content: bytes, name: str) -> Document:
    """The web page in an archive such as .mht: a message without a sender that holds a page and its pictures."""
    message = parts.parsed(b"Subject: a page\n" + content, name)
    return html.read(("\ufeff" + "\n".join(map(_as_html, parts.texts(message)))).encode(), name)


def _text(part: Message) -> str:
    """In the encoding that the part names: some of them look like UTF-8 and are not."""
    content = parts.bytes_of(part)
    try:
        return content.decode(parts.charset(part) or "utf-8")
    except (UnicodeError, LookupError):
        return decoded(content.replace(b"\0", b""), "")


def _as_html(part: Message) -> str:
    text = _text(part)
    return text if part.get_content_type() == "text/html" else f"<pre>{escape(text)}</pre>"
