"""Pages as pixels: bounded, whatever size a page claims and whatever images it shows."""

from contextlib import closing

import numpy as np
import pypdfium2 as pdfium
from numpy.typing import NDArray
from pypdfium2 import raw

from steadyhand.errors import DocumentUnreadable
from steadyhand.knowledge.readers._png import png
from steadyhand.types.document import Picture

_DPI, _LONGEST_PX = 150, 2_000
_COVERS = 0.25  # of the page, before what it shows is taken for a scan
_MOST_OBJECTS = 1_000
_MOST_MEGAPIXELS = 100
_COLOURLESS = 8  # of 255: how far the channels of a grey scan may differ
_MIB = 2**20
_MOST_MIB = 256  # of all pictures of one document


def pixels(page: pdfium.PdfPage, scale: float, name: str) -> NDArray[np.uint8]:
    """The page in red, green, blue, shape (height, width, 3); `scale` is pixels per point.

    Raises `DocumentUnreadable` for a page with an image too large to be decoded.
    """
    for image in _images(page):
        wide, high = image.get_px_size()
        if wide * high > _MOST_MEGAPIXELS * 1_000_000:
            raise DocumentUnreadable(
                f"{name}: expected images of at most {_MOST_MEGAPIXELS} megapixels; found one of {wide} x {high}",
                hint="save it with a lower resolution",
            )
    with closing(page.render(scale=scale, rev_byteorder=True, limit_image_cache=True)) as bitmap:
        shown: NDArray[np.uint8] = bitmap.to_numpy()[:, :, :3].copy()
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


def _is_scan(page: pdfium.PdfPage) -> bool:
    width, height = page.get_size()
    covered = 0.0
    for image in _images(page):
        left, bottom, right, top = image.get_bounds()
        covered += (right - left) * (top - bottom)
    return bool(covered >= _COVERS * width * height)


def _images(page: pdfium.PdfPage) -> list[pdfium.PdfImage]:
    found = []
    for at, item in enumerate(page.get_objects(max_depth=4)):
        if at >= _MOST_OBJECTS:
            break
        if item.type == raw.FPDF_PAGEOBJ_IMAGE:
            found.append(item)
    return found


def _grey_if_colourless(shown: NDArray[np.uint8]) -> NDArray[np.uint8]:
    spread = shown.max(axis=2) - shown.min(axis=2)
    return shown[:, :, 1] if spread.max(initial=0) <= _COLOURLESS else shown
