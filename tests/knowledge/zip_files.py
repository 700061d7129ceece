"""Zip archives, good and bad."""

from io import BytesIO
from zipfile import ZIP_DEFLATED, ZipFile, ZipInfo


def zipped(*members: tuple[str | ZipInfo, bytes], method: int = ZIP_DEFLATED) -> bytes:
    """An archive of these members in this order; one name may come twice."""
    with BytesIO() as file:
        with ZipFile(file, "w", method) as archive:
            for name, content in members:
                archive.writestr(name, content)
        return file.getvalue()


def bomb(name: str, mebibytes: int) -> bytes:
    """An archive of one member that is a thousand times as large as its archive."""
    with BytesIO() as file:
        with ZipFile(file, "w", ZIP_DEFLATED, compresslevel=1) as archive, archive.open(name, "w") as member:
            for _ in range(mebibytes):
                member.write(bytes(2**20))
        return file.getvalue()


def with_flag(archive: bytes, flag: int) -> bytes:
    """Set a bit of the flags of every member, in both places where they stand."""
    changed = bytearray(archive)
    for mark, offset in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        at = changed.find(mark)
        while at >= 0:
            changed[at + offset] |= flag & 0xFF
            changed[at + offset + 1] |= flag >> 8
            at = changed.find(mark, at + 4)
    return bytes(changed)
