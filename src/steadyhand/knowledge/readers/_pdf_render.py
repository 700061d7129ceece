"""Pages as pixels: bounded, whatever size a page claims and whatever images it shows."""

from collections.abc import Iterator
from contextlib import closing, suppress
from itertools import islice
from typing import NamedTuple

import numpy as np
import pypdfium2 as pdfium
from numpy.typing import NDArray
from pypdfium2 import raw

from steadyhand.errors import DocumentUnreadable
from steadyhand.knowledge.readers._png import png
from steadyhand.types.document import Picture

_DPI, _LONGEST_PX = 150, 2_000
_COVERS = 0.25  # of the page, before what it shows is taken for a scan
_MOST_OBJECTS, _DEEPEST = 1_000, 4  # of forms in each other
_MOST_MEGAPIXELS = 100
_COLOURLESS = 8  # of 255: how far the channels of a grey scan may differ
_MIB = 2**20
_MOST_MIB = 256  # of all pictures of one document


def pixels(page: pdfium.PdfPage, scale: float, name: str) -> NDArray[np.uint8]:
    """The page in red, green, blue, shape (height, width, 3); `scale` is pixels per point.

    Raises `DocumentUnreadable` for a page with an image too large to be decoded.
    """
    for image in _images(page):
        if image.width * image.height > _MOST_MEGAPIXELS * 1_000_000:
            raise DocumentUnreadable(
                f"{name}: expected images of at most {_MOST_MEGAPIXELS} megapixels; found one of "
                f"{image.width} x {image.height}",
                hint="save it with a lower resolution",
            )
    try:
        with closing(page.render(scale=scale, rev_byteorder=True, limit_image_cache=True)) as bitmap:
            shown: NDArray[np.uint8] = bitmap.to_numpy()[:, :, :3].copy()
    except pdfium.PdfiumError as error:
        raise DocumentUnreadable(
            f"{name}: expected a page that can be drawn; found one that cannot ({error})",
            hint="print it to a new PDF",
        ) from None
    return shown


def pictures(pdf: pdfium.PdfDocument, numbers: list[int], name: str) -> list[Picture]:
    """Those of the pages that are mostly an image, rendered with 150 dpi or 2,000 pixels at most."""
    found: list[Picture] = []
    size = 0
    for number in numbers:
        with closing(pdf[number - 1]) as page:
            if not _is_scan(page):
                continue
            scale = min(_DPI / 72, _LONGEST_PX / max(page.get_size()))
            found.append(Picture(number, "image/png", png(_grey_if_colourless(pixels(page, scale, name)))))
        size += len(found[-1].data)
        if size > _MOST_MIB * _MIB:
            raise DocumentUnreadable(
                f"{name}: expected scanned pages of at most {_MOST_MIB} MiB in all; found more by page {number}",
                hint="split the document",
            )
    return found


class _Image(NamedTuple):
    """Pixels, and the area that they cover in square points."""

    width: int
    height: int
    area: float


def _is_scan(page: pdfium.PdfPage) -> bool:
    width, height = page.get_size()
    covered = sum(image.area for image in _images(page))
    return bool(covered >= _COVERS * width * height)


def _images(page: pdfium.PdfPage) -> Iterator[_Image]:
    """The images among the first things on the page; those without pixels or place are left out."""
    for item in islice(page.get_objects(max_depth=_DEEPEST), _MOST_OBJECTS):
        if item.type == raw.FPDF_PAGEOBJ_IMAGE:
            with suppress(pdfium.PdfiumError):
                left, bottom, right, top = item.get_bounds()
                width, height = item.get_px_size()
                yield _Image(width, height, (right - left) * (top - bottom))


def _grey_if_colourless(shown: NDArray[np.uint8]) -> NDArray[np.uint8]:
    spread = shown.max(axis=2) - shown.min(axis=2)
    return shown[:, :, 1] if spread.max(initial=0) <= _COLOURLESS else shown
