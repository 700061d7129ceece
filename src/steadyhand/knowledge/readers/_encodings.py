"""Guesses which encoding old text is in: how many of its letters stand as they do in a language.

Counts what is not ASCII in a sample, once for each language and encoding. Windows-1252 is what stays when no other
is clearly better, as in texts whose only such signs are quotation marks.
"""

import codecs
import re
from typing import NamedTuple

FALLBACK = "cp1252"
"""Decodes nearly every byte; what Windows wrote in Western Europe and America."""

_SAMPLE = 8_192  # bytes of lines that are not ASCII
_AHEAD = 20  # ASCII bytes that are kept before the first other one of a line
_HEAD_START = 0.1  # of the fallback: others must be clearly better
_USUAL = 0.6  # share of the most usual letters of an alphabet
_KANA = 0.3  # share of syllables and stops in Japanese
_FREQUENT = 0.12  # share of the most frequent signs in short Chinese and Korean texts

_FOREIGN = r"[^\W\x00-\x7f]"
_LATIN = f"(?<=[A-Za-z])[%s]|[%s](?=[A-Za-z])|(?<=[A-Za-z]{_FOREIGN})[%s]"  # beside ASCII letters
_OTHER = rf"(?<={_FOREIGN})[%s](?![A-Za-z])|(?<![^\W\d_])[%s](?={_FOREIGN})"  # in a word of its own, capitals first
_MARKS = r"[‘“”„—…€«»°§·•®©™´¿¡ºª½£±×²³µ‚\xa0]"
_SIGNS = rf"[’–]|(?<![^\W\d_]){_MARKS}|{_MARKS}(?![^\W\d_])"  # not between letters
_NOT_ASCII_BYTE = re.compile(rb"[\x80-\xff]")
_NOT_ASCII = re.compile(r"[^\x00-\x7f]")


class _Script(NamedTuple):
    """Encodings, and what text that was written in them consists of."""

    encodings: tuple[str, ...]
    pattern: str
    share: float = 1.0  # of what is not ASCII; below 1, no byte may be broken
    head_start: float = 0.0


def _latin(letters: str, *encodings: str) -> _Script:
    both = "".join(letter for letter in letters + letters.upper() if not letter.isascii())
    return _Script(encodings, f"{_LATIN % (both, both, both)}|{_SIGNS}")


def _western(letters: str) -> tuple[_Script, _Script]:
    usual = _latin(letters, FALLBACK)
    return usual._replace(head_start=_HEAD_START), usual._replace(encodings=("cp850", "mac_roman"))


def _other(letters: str, *encodings: str) -> _Script:
    return _Script(encodings, _OTHER % (letters, letters + letters.upper()), _USUAL)


_SCRIPTS = (
    *_western("äöüßéàåæø"),
    *_western("éàèçâêîôûùëïœ"),
    *_western("áéíóúñãõâêôçàüìòè"),
    _latin("çğıöşüâîûİ", "cp1254", "cp857"),
    _latin("áðéíóúýþæö", FALLBACK),
    _latin("ąćęłńóśźż", "cp1250", "iso8859_2", "cp852"),
    _latin("áčďéěíňóřšťúůýžäľĺôŕ", "cp1250", "iso8859_2", "cp852"),
    _latin("áéíóöőúüű", "cp1250", "iso8859_2", "cp852"),
    _latin("ăâîşţ", "cp1250", "iso8859_2"),
    _latin("čćžšđ", "cp1250", "iso8859_2"),
    _latin("āčēģīķļņšūžąęėįųõ", "cp1257"),
    _other("оеаинтсрвліц", "cp1251", "koi8_r", "cp866", "iso8859_5"),
    _other("αοιετσνηυρκάέήίόύ", "cp1253", "iso8859_7"),
    _other("יוהלמארתבש", "cp1255"),
    _other("اليمونرتبةعد", "cp1256"),
    _other("านรอกเงมยลวดทส่้ัี", "cp874"),
    _Script(("cp932", "euc_jp"), "[ぁ-んァ-ヴー、。]", _KANA),
    _Script(
        ("gb18030",),
        "[的一是不了在人有我他这为之来大以个中上们到说国和地也子时道出要于就下得可你年，。]",
        _FREQUENT,
    ),
    _Script(
        ("big5hkscs",),
        "[的一是不了在人有我他這為之來大以個中上們到說國和地也子時道出要於就下得可你年，。]",
        _FREQUENT,
    ),
    _Script(("cp949",), "[이다의는에을가를고하도로은기지사한어자아인대서리나정시일스해수]", _FREQUENT),
)


def sample(content: bytes) -> bytes:
    """What shows an encoding: lines from their first bytes that are not ASCII on, at most 8 KiB."""
    lines: list[bytes] = []
    size = at = 0
    while size < _SAMPLE and (found := _NOT_ASCII_BYTE.search(content, at)):
        start = max(at, found.start() - _AHEAD)
        line_end = content.find(b"\n", found.start()) + 1 or len(content)
        at = min(line_end, start + _SAMPLE - size)
        lines.append(content[start:at])
        size += at - start
    return b"".join(lines)


def guessed(content: bytes) -> str:
    """The encoding of text that is not UTF-8; `FALLBACK` where nothing says otherwise. Never raises."""
    part = sample(content)
    best, most = FALLBACK, 0.0
    for script in _SCRIPTS:
        for encoding in script.encodings:
            score = script.head_start + _score(part, encoding, script)
            if score > most:
                best, most = encoding, score
    return best


def _score(part: bytes, encoding: str, script: _Script) -> float:
    """How many of the signs are as expected, as a share; 0 where the sample is not in the encoding at all."""
    try:
        text = codecs.getincrementaldecoder(encoding)("strict").decode(part)
    except UnicodeDecodeError:
        if script.share < 1:
            return 0.0
        text = part.decode(encoding, errors="replace")
    signs = len(_NOT_ASCII.findall(text))
    return len(re.findall(script.pattern, text)) / (signs * script.share) if signs else 0.0
