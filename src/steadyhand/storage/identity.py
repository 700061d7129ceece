"""Whose database is it? Keeps a copied workspace out of the original's data, and says when the data is gone.

The database's folder remembers the workspace it was made for (`home/workspace`), and the workspace remembers that
it has a database (`.steadyhand/created`).
"""

from pathlib import Path

from steadyhand.errors import DatabaseUnavailable

_FORGET = "to begin with an empty database remove {state}; a backup brings back what was kept"


def claim(state: Path, home: Path) -> None:
    """Raise `DatabaseUnavailable` unless the database in `home` is that of the workspace with `state`.

    A workspace that was moved takes its database along. One that was copied does not: as root the copy would write
    into the original's data, and files copied from a running server are not to be trusted.
    """
    mark, here = home / "workspace", str(state.resolve())
    if is_known(state) and not (home / "data" / "PG_VERSION").exists():
        raise DatabaseUnavailable(
            f"the database of this workspace was in {home}, and is not there any more",
            hint=f"put it back, or {_FORGET.format(state=state)}",
        )
    if not mark.exists():
        return
    owner = Path(mark.read_text(encoding="utf-8").strip())
    if str(owner) == here or not is_known(owner):
        return
    is_shared = not home.resolve().is_relative_to(state.resolve())
    if is_shared or (home / "data" / "postmaster.pid").exists():
        why = (
            "both name the same database" if is_shared else "its database was running and cannot be copied as files"
        )
        raise DatabaseUnavailable(
            f"this workspace is a copy of {owner.parent}; {why}", hint=_FORGET.format(state=state)
        )


def is_known(state: Path) -> bool:
    """Was the workspace's database made, and made whole?"""
    return (state / "created").exists()


def remember(state: Path, home: Path) -> None:
    """Note on both sides that they belong together. Cheap when it is so already."""
    mark, here = home / "workspace", str(state.resolve())
    if not mark.exists() or mark.read_text(encoding="utf-8").strip() != here:
        mark.write_text(f"{here}\n", encoding="utf-8")
    (state / "created").touch(mode=0o600)
