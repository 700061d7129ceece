"""What is written between the rules on top of a Markdown file: the plain part of YAML and TOML, no more.

Keys with scalars and lists of scalars are read; maps inside maps, anchors and tags are left out.
"""

import re

from steadyhand.types.json import Json

_KEY = re.compile(r"([A-Za-z_][\w. -]{0,60}?)\s*[:=](?:\s+|$)(.*)|([A-Za-z_][\w.-]{0,60})\s*=\s*(.*)")
_ITEM = re.compile(r"\s*-\s+(.+)")
_COMMENT = re.compile(r"\s+#.*$")
_PART = re.compile(r"""\s*("(?:[^"\\]|\\.)*"|'(?:[^']|'')*'|[^,]+)\s*(?:,|$)""")
_WORDS: dict[str, Json] = {"true": True, "false": False, "null": None, "~": None, "": None}
_INTEGER = re.compile(r"[+-]?(?:0|[1-9]\d{0,14})")
_DECIMAL = re.compile(r"[+-]?\d{1,15}\.\d{1,15}")
_FIELDS = 200  # at most so many are kept


def front_matter(source: str) -> dict[str, Json]:
    """The fields by name in lower case. Dates stay as they are written; a field without a value is left out."""
    found: dict[str, Json] = {}
    open_key = ""
    folded = False
    for line in source.split("\n"):
        if not line.strip() or line.lstrip().startswith("#"):
            continue
        key = _KEY.match(line)
        if key:
            open_key, value = (key[1] or key[3]).strip().lower(), (key[2] or key[4] or "").strip()
            folded = value in {"|", ">", "|-", ">-"}
            if len(found) < _FIELDS and not folded:
                found[open_key] = _value(value)
        elif open_key:
            _continue(found, open_key, line, folded=folded)
    return {key: value for key, value in found.items() if value is not None}


def _continue(found: dict[str, Json], key: str, line: str, *, folded: bool) -> None:
    """An indented line belongs to the key above it: another item of its list, or more of its text."""
    before = found.get(key)
    item = _ITEM.match(line)
    if folded:
        found[key] = f"{before} {line.strip()}" if isinstance(before, str) else line.strip()
    elif item and (before is None or isinstance(before, list)):
        found[key] = [*(before or []), _scalar(item[1])]


def _value(text: str) -> Json:
    if text.startswith("[") and text.endswith("]"):
        return [_scalar(part) for part in _PART.findall(text[1:-1]) if part.strip()]
    return _scalar(text)


def _scalar(text: str) -> Json:
    plain = text.strip()
    if plain[:1] in {'"', "'"} and plain[-1:] == plain[:1] and len(plain) > 1:
        inner = plain[1:-1]
        return inner.replace("''", "'") if plain[0] == "'" else inner.replace('\\"', '"')
    plain = _COMMENT.sub("", plain).strip()
    if plain.lower() in _WORDS:
        return _WORDS[plain.lower()]
    if plain[0] in "{&*!|>%@`":
        return None
    if _INTEGER.fullmatch(plain):
        return int(plain)
    return float(plain) if _DECIMAL.fullmatch(plain) else plain
