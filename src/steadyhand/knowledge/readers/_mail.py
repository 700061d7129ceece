"""A message as a document: who wrote it to whom, what it says, and earlier messages in sections of their own."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from steadyhand.errors import DocumentUnreadable
from steadyhand.knowledge.readers import html
from steadyhand.knowledge.readers._draft import Draft, canonical, collapsed
from steadyhand.knowledge.readers._paragraphs import is_list, paragraphs
from steadyhand.types.document import Block, Document
from steadyhand.types.json import Json

_ADDRESS = re.compile(r"[^\s<>\"(),;:]{1,64}@[^\s<>\"(),;:]{1,255}")
_HISTORY = re.compile(
    r"""^[ ]?(?:
      -{2,}[ ]?[^\W\d_][\w'’ ]{3,60}[ ]?-{2,}                                  # -----Original Message-----
    | (?:On|Am|Le|El|Il|Op|Den|Em|Dne|W\ dniu)\ [^\n]{6,160}(?:\n[^\n>][^\n]{0,120})?
      (?:wrote|schrieb|écrit|escribió|scritto|schreef|skrev|escreveu|napsal|napisał)[^\n>]{0,120}:
    | (?!>)[^\n]{6,120}tarihinde[^\n]{0,120}yazdı:
    | (?:From|Von|De|Da|Van|Från|Fra|Od|Kimden)[ ]?:[^\n]{1,200}
      (?=\n(?:Sent|Date|Gesendet|Datum|Envoyé|Enviado|Inviato|Verzonden|Skickat|Sendt|Gönderilme|Tarih|To|An)\b)
    )[ ]*$""",
    re.VERBOSE | re.MULTILINE,
)
"""The line above an earlier message, as the common mail programs write it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Mail:
    """Text as it is shown, without the transport's encodings. `date` is ISO 8601, or "" when there is none."""

    subject: str = ""
    sender: str = ""
    to: Sequence[str] = ()
    cc: Sequence[str] = ()
    date: str = ""
    message_id: str = ""
    plain: str = ""
    html: bytes = b""


def document(mail: Mail, name: str) -> Document:
    """The document; all on page 1. Plain text is preferred to the same in HTML."""
    draft = Draft(name)
    draft.add("paragraph", "\n".join(f"{label}: {said}" for label, said in _head(mail) if said))
    if mail.plain.strip():
        _write(draft, canonical(mail.plain))
    elif mail.html.strip():
        _write_html(draft, mail.html, name)
    return draft.document(mail.subject, _metadata(mail))


def _head(mail: Mail) -> list[tuple[str, str]]:
    shown = [
        ("From", mail.sender),
        ("To", ", ".join(mail.to)),
        ("Cc", ", ".join(mail.cc)),
        ("Date", mail.date),
        ("Subject", mail.subject),
    ]
    return [(label, collapsed(canonical(said))) for label, said in shown]


def _metadata(mail: Mail) -> dict[str, Json]:
    """Addresses rather than names: they are what one filters by."""
    known: dict[str, Json] = {
        "from": next(iter(_addresses([mail.sender])), ""),
        "to": _addresses(mail.to),
        "cc": _addresses(mail.cc),
        "date": mail.date,
        "subject": collapsed(canonical(mail.subject)),
        "message_id": collapsed(canonical(mail.message_id)),
    }
    return {field: value for field, value in known.items() if value}


def _addresses(people: Sequence[str]) -> list[Json]:
    """The address in each, else what is there instead."""
    plain = [collapsed(canonical(person)) for person in people if person.strip()]
    return [found[0].lower() if (found := _ADDRESS.search(person)) else person for person in plain]


def _write(draft: Draft, text: str) -> None:
    """Plain text, with a section for each earlier message in it."""
    at = 0
    for earlier in _HISTORY.finditer(text):
        _write_paragraphs(draft, text[at : earlier.start()])
        draft.heading(collapsed(earlier[0]), 1)
        at = earlier.end()
    _write_paragraphs(draft, text[at:])


def _write_paragraphs(draft: Draft, text: str) -> None:
    for paragraph in paragraphs(text):
        draft.add("list" if is_list(paragraph) else "paragraph", paragraph)


def _write_html(draft: Draft, content: bytes, name: str) -> None:
    """What the HTML reader makes of it, block by block. Images alone are no text: the head then is all there is."""
    try:
        found = html.read(content, name)
    except DocumentUnreadable:
        return
    for block in found.blocks:
        text = found.text[block.start : block.end]
        if block.kind == "heading":
            draft.heading(text, 2 + _depth(block))
        elif block.kind == "paragraph":
            _write(draft, text)
        else:
            header_lines = found.text.count("\n", block.start, block.header_end) + 1 if block.header_end else 0
            draft.add(block.kind, text, header_lines=header_lines)


def _depth(block: Block) -> int:
    return block.section.count(" > ")
