"""Outlook messages. Attachments are apart."""

from steadyhand.knowledge.readers import _mapi as mapi
from steadyhand.knowledge.readers import _outlook
from steadyhand.knowledge.readers._mail import document
from steadyhand.types.document import Document

EXTENSIONS = (".msg",)


def read(content: bytes, name: str) -> Document:
    """The message itself, titled by its subject. Raises `DocumentUnreadable` for what is none, or is encrypted."""
    with mapi.opened(content, name) as message:
        return document(_outlook.mail(message), name)
