"""What came with an Outlook message: attachments, and messages that were attached, as .eml."""

from collections.abc import Iterator

from steadyhand.knowledge.readers import _mapi as mapi
from steadyhand.knowledge.readers import _outlook
from steadyhand.knowledge.reading.members import Member, safe

EXTENSIONS = (".msg",)


def members(content: bytes, name: str) -> Iterator[Member]:
    """Each attachment under its file name. Raises `DocumentUnreadable` for what is no Outlook message."""
    with mapi.opened(content, name) as message:
        for path, held in _outlook.files(message):
            yield safe(path.replace("/", "-").replace("\\", "-")), held
