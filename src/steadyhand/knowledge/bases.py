"""What everybody says of a knowledge base that is not there."""

from steadyhand.errors import NotFound


def unknown(name: str) -> NotFound:
    """To be raised where there is no base of this name."""
    return NotFound(
        f"expected a knowledge base; found none named {name!r}",
        hint=f"steadyhand knowledge list names those there are; steadyhand ingest {name} makes this one",
    )
