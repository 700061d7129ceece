"""What messages show of what was found, and hints guess was meant."""

import difflib
from collections.abc import Iterable


def excerpt(text: str) -> str:
    """`text` for a message: at most 80 characters of it, with a mark where it was cut."""
    return text if len(text) <= 80 else text[:80] + "…"


def did_you_mean(found: str, options: Iterable[str]) -> str:
    """The hint `did you mean "x"?` with the option nearest to `found`; "" when none is near."""
    by_folded = {option.casefold(): option for option in options}
    near = difflib.get_close_matches(found.casefold(), by_folded, n=1)
    return f'did you mean "{by_folded[near[0]]}"?' if near else ""
