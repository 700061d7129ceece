"""The words of an RTF text, and RTF as Outlook packs it. Sources: RTF 1.9.1, MS-OXRTFCP."""

import re
import struct

from steadyhand.knowledge.readers._decode import of_code_page

_DICTIONARY = (
    rb"{\rtf1\ansi\mac\deff0\deftab720{\fonttbl;}{\f0\fnil \froman \fswiss \fmodern \fscript \fdecor MS Sans Serif"
    rb"SymbolArialTimes New RomanCourier{\colortbl\red0\green0\blue0"
    b"\r\n"
    rb"\par \pard\plain\f0\fs20\b\i\u\tab\tx"
)
_HEAD = struct.Struct("<III")  # packed size, unpacked size, how it is packed; a checksum follows
_PACKED, _NOT_PACKED = 0x75465A4C, 0x414C454D
_WINDOW = 4096
_LIMIT = 32 * 2**20  # bytes unpacked
_TOKEN = re.compile(
    rb"\\([a-z]{1,32})(-?\d{1,10})? ?|\\'([0-9a-fA-F]{2})|\\([^a-z])|([{}])|([^\\{}\r\n]+)|[\r\n]+", re.DOTALL
)
_UNSEEN = frozenset(
    b"fonttbl colortbl stylesheet info pict themedata listtable listoverridetable rsidtbl generator object".split()
)
_SHOWN = {b"par": "\n", b"line": "\n", b"row": "\n", b"cell": " | ", b"tab": " ", b"emdash": "—", b"endash": "–"}
_QUOTES = {b"lquote": "‘", b"rquote": "’", b"ldblquote": "“", b"rdblquote": "”", b"bullet": "•"}
_DEPTH_LIMIT = 1_000


def unpacked(content: bytes) -> bytes:
    """The RTF in a message's property; b"" for what is none."""
    if len(content) < 16:
        return b""
    _, size, kind = _HEAD.unpack_from(content)
    if kind == _NOT_PACKED:
        return content[16:]
    return _unpacked(content[16:], min(size, _LIMIT)) if kind == _PACKED else b""


def _unpacked(packed: bytes, size: int) -> bytes:
    """Flags of eight steps each: a byte as it is, or where in the last 4,096 bytes to copy from."""
    found = bytearray(_DICTIONARY)
    at = 0
    while at < len(packed) and len(found) < size + len(_DICTIONARY):
        flags = packed[at]
        at += 1
        for bit in range(8):
            step = packed[at : at + 1 + (flags >> bit & 1)]
            at += len(step)
            if len(step) == 1:
                found += step
            elif not step or not _copy(found, int.from_bytes(step, "big")):
                return bytes(found[len(_DICTIONARY) :])
    return bytes(found[len(_DICTIONARY) :])


def _copy(found: bytearray, step: int) -> bool:
    """Append what stands at a place of the window, which may reach into it. False at the end."""
    back = (len(found) - (step >> 4)) % _WINDOW
    if not 0 < back <= len(found):
        return False
    for _ in range((step & 15) + 2):
        found.append(found[-back])
    return True


class _Words:
    """Follows the groups of an RTF text and keeps what is shown."""

    def __init__(self) -> None:
        self.shown: list[str] = []
        self._encoding = "cp1252"
        self._unseen_from = 0  # the depth of the group that is not shown, 0 for none
        self._depth = 0
        self._skipped = 0  # characters that stand in for the last \u
        self._is_optional = False

    def take(self, token: re.Match[bytes]) -> None:
        word, argument, code, symbol, brace, text = token.groups()
        if brace:
            self._group(brace == b"{")
        elif symbol:
            self._symbol(symbol)
        elif word:
            self._word(word, int(argument or 0))
        elif code:
            self._show(bytes([int(code, 16)]).decode(self._encoding, "replace"), stands_in=True)
        elif text:
            self._show(text.decode("latin-1"), stands_in=True)

    def _group(self, opens: bool) -> None:
        self._is_optional = False
        self._depth += 1 if opens else -1
        if not opens and self._depth < self._unseen_from:
            self._unseen_from = 0

    def _symbol(self, symbol: bytes) -> None:
        if symbol == b"*":
            self._is_optional = True
        elif symbol in {b"\\", b"{", b"}"}:
            self._show(symbol.decode())
        elif symbol in {b"\n", b"\r"}:
            self._show("\n")
        elif symbol == b"~":
            self._show(" ")

    def _word(self, word: bytes, argument: int) -> None:
        if (self._is_optional or word in _UNSEEN) and not self._unseen_from:
            self._unseen_from = self._depth
        elif word == b"ansicpg":
            self._encoding = of_code_page(argument)
        elif word == b"u":
            self._show(chr(argument % 0x10000) if not 0xD800 <= argument % 0x10000 < 0xE000 else "\ufffd")
            self._skipped = 1
        else:
            self._show(_SHOWN.get(word) or _QUOTES.get(word, ""))
        self._is_optional = False

    def _show(self, text: str, *, stands_in: bool = False) -> None:
        if stands_in and self._skipped:
            text = text[self._skipped :]
            self._skipped = 0
        if text and not self._unseen_from:
            self.shown.append(text)


def text(rtf: bytes) -> str:
    """The words, with line feeds between the paragraphs; pictures and formats are left out."""
    words = _Words()
    for token in _TOKEN.finditer(rtf):
        words.take(token)
    return "".join(words.shown)
