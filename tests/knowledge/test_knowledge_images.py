"""Image files become pictures; what is none, or would fill the memory, is refused with a reason."""

import struct

import pytest

from steadyhand.errors import DocumentUnreadable
from steadyhand.knowledge.readers.image import EXTENSIONS, media_type, read


def png(width: int, height: int) -> bytes:
    return b"\x89PNG\r\n\x1a\n" + struct.pack(">I4sII", 13, b"IHDR", width, height) + bytes(9)


def gif(width: int, height: int) -> bytes:
    return b"GIF89a" + struct.pack("<HH", width, height) + bytes(3)


def jpeg(width: int, height: int, frame: int = 0xC2) -> bytes:
    comment = b"\xff\xfe" + struct.pack(">H", 2 + 300) + b"\xff\xc0" * 150  # looks like a frame, is none
    tables = b"\xff\xff\xff\xc4" + struct.pack(">H", 5) + bytes(3)
    return (
        b"\xff\xd8"
        + comment
        + tables
        + bytes([0xFF, frame])
        + struct.pack(">HBHH", 11, 8, height, width)
        + bytes(6)
    )


def webp(kind: bytes, rest: bytes) -> bytes:
    return b"RIFF" + bytes(4) + b"WEBP" + kind + bytes(4) + rest


def webp_lossy(width: int, height: int) -> bytes:
    return webp(b"VP8 ", b"\x00\x00\x00\x9d\x01\x2a" + struct.pack("<HH", width, height))


def webp_lossless(width: int, height: int) -> bytes:
    return webp(b"VP8L", b"\x2f" + ((width - 1) | (height - 1) << 14).to_bytes(4, "little"))


def webp_extended(width: int, height: int) -> bytes:
    return webp(b"VP8X", bytes(4) + (width - 1).to_bytes(3, "little") + (height - 1).to_bytes(3, "little"))


KINDS = [(png, "image/png"), (gif, "image/gif"), (jpeg, "image/jpeg")]
KINDS += [(kind, "image/webp") for kind in (webp_lossy, webp_lossless, webp_extended)]


@pytest.mark.parametrize(("made", "kind"), KINDS)
def test_an_image_is_passed_on_as_it_is(made, kind: str) -> None:
    content = made(640, 480)
    document = read(content, "folder/chart.png")
    assert (document.title, document.text, document.blocks) == ("chart", "", ())
    assert [(picture.page, picture.media_type, picture.data) for picture in document.pictures] == [
        (1, kind, content)
    ]
    assert media_type(content) == kind


@pytest.mark.parametrize("made", [png, jpeg, webp_lossless, webp_extended])
def test_more_than_a_hundred_megapixels_are_refused(made) -> None:
    assert read(made(10_000, 10_000), "x.png").pictures
    with pytest.raises(DocumentUnreadable, match="at most 100 megapixels; found 10001 x 10000"):
        read(made(10_001, 10_000), "x.png")


@pytest.mark.parametrize("made", [made for made, _ in KINDS])
def test_a_header_that_is_cut_off_or_empty_is_refused(made) -> None:
    for length in range(10):
        with pytest.raises(DocumentUnreadable, match=r"x.png: expected an image"):
            read(made(640, 480)[:length], "x.png")
    if made is not webp_lossless and made is not webp_extended:  # they cannot say 0
        with pytest.raises(DocumentUnreadable, match="found a header without"):
            read(made(0, 480), "x.png")


@pytest.mark.parametrize("content", [b"II*\x00" + bytes(20), b"MM\x00*" + bytes(20)])
def test_a_tiff_says_what_to_do(content: bytes) -> None:
    with pytest.raises(DocumentUnreadable, match="found a TIFF") as caught:
        read(content, "x.tif")
    assert "PNG" in caught.value.hint


def test_markers_without_end_are_refused_in_no_time() -> None:
    for content in (
        b"\xff\xd8" + b"\xff" * 200_000,
        b"\xff\xd8" + b"\xff\xe0\x00\x00" * 50_000,
        b"\xff\xd8\xff\xd9junk",
    ):
        with pytest.raises(DocumentUnreadable, match="found a header without"):
            read(content, "x.jpg")


def test_extensions_are_those_of_the_formats() -> None:
    assert {".png", ".jpg", ".jpeg", ".gif", ".webp"} < set(EXTENSIONS)
