"""An Outlook message as the mail that it is, and one that is attached to it as an Internet message."""

from collections.abc import Iterator
from datetime import datetime
from email.encoders import encode_base64
from email.mime.base import MIMEBase
from email.mime.multipart import MIMEMultipart
from email.mime.text import MIMEText
from email.utils import format_datetime
from itertools import islice

from steadyhand.knowledge.readers import _mapi as mapi
from steadyhand.knowledge.readers import _rtf
from steadyhand.knowledge.readers._draft import canonical, collapsed
from steadyhand.knowledge.readers._mail import Mail
from steadyhand.knowledge.readers._mapi import Properties

_RECIPIENTS_LIMIT = 200


def mail(message: Properties) -> Mail:
    """Its plain text where it has one, else the web page, else the words of its RTF."""
    plain = message.text(mapi.BODY)
    page = b"" if plain.strip() else message.html()
    people = list(islice(message.recipients(), _RECIPIENTS_LIMIT))
    return Mail(
        subject=message.text(mapi.SUBJECT),
        sender=_sender(message),
        to=[_shown(person) for person in people if person.number(mapi.RECIPIENT_TYPE) == mapi.TO],
        cc=[_shown(person) for person in people if person.number(mapi.RECIPIENT_TYPE) == mapi.CC],
        date=message.moment(mapi.SUBMITTED) or message.moment(mapi.DELIVERED),
        message_id=message.text(mapi.MESSAGE_ID),
        plain=plain if plain.strip() or page else _rtf.text(_rtf.unpacked(message.binary(mapi.RTF))),
        html=page,
    )


def files(message: Properties) -> Iterator[tuple[str, bytes]]:
    """The name and the content of each attachment; pictures that only the text shows are left out."""
    for attached in message.attachments():
        inner = attached.inner_message()
        if inner is not None:
            yield f"{inner.text(mapi.SUBJECT) or 'message'}.eml", as_internet_message(inner)
        elif not attached.number(mapi.IS_HIDDEN) and (content := attached.binary(mapi.FILE_DATA)):
            yield attached.text(mapi.FILE_NAME) or attached.text(mapi.SHORT_FILE_NAME) or "attachment", content


def as_internet_message(message: Properties) -> bytes:
    """The message with its attachments, for the reader of .eml: no .msg file can be cut out of another one."""
    found = mail(message)
    parts = MIMEMultipart()
    parts.attach(
        MIMEText(found.plain or found.html.decode("utf-8-sig"), "plain" if found.plain else "html", "utf-8")
    )
    for name, content in files(message):
        part = MIMEBase("application", "octet-stream")
        part.set_payload(content)
        encode_base64(part)
        part.add_header("Content-Disposition", "attachment", filename=("utf-8", "", collapsed(canonical(name))))
        parts.attach(part)
    head = [
        ("From", found.sender),
        ("To", ", ".join(found.to)),
        ("Cc", ", ".join(found.cc)),
        ("Subject", found.subject),
        ("Date", format_datetime(datetime.fromisoformat(found.date)) if found.date else ""),
        ("Message-ID", found.message_id),
    ]
    lines = [f"{label}: {collapsed(canonical(said))}\n" for label, said in head if said]
    return "".join(lines).encode("utf-8", "replace") + parts.as_bytes()


def _sender(message: Properties) -> str:
    address = message.text(mapi.SENDER_SMTP) or message.text(mapi.REPRESENTED_SMTP)
    return _person(message.text(mapi.SENDER_NAME), address or message.text(mapi.SENDER_ADDRESS))


def _shown(recipient: Properties) -> str:
    address = recipient.text(mapi.SMTP_ADDRESS) or recipient.text(mapi.ADDRESS)
    return _person(recipient.text(mapi.NAME), address)


def _person(name: str, address: str) -> str:
    """An Exchange server's own addresses, such as /O=COMPANY/CN=ANN, say less than the name."""
    if "@" not in address:
        return name or address
    return f"{name} <{address}>" if name and name != address else address
