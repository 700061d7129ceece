"""By what a file is read: another recipe has it read again, also when the file is the same."""

from steadyhand.knowledge.reading import chunking, formats

RECIPE = f"{formats.VERSION}/{chunking.VERSION}"
"""Of every file: the versions of the readers and of the chunks."""

PICTURED = frozenset({".pdf", ".png", ".jpg", ".jpeg", ".gif", ".webp", ".tif", ".tiff", ".bmp"})
"""Formats whose pages can be shown as images, or are such."""


def recipe_of(path: str, seen_by: str) -> str:
    """That of an item which may be, or hold, pictures tells the model that sees them; "" for none."""
    extension = formats.extension_of(path)
    has_pictures = extension in PICTURED or extension in formats.containers()
    return f"{RECIPE}/{seen_by}" if seen_by and has_pictures else RECIPE


def is_current(known: str, wanted: str) -> bool:
    """What a model saw in pictures stays when none is named any more."""
    return known == wanted or (wanted == RECIPE and known.startswith(f"{RECIPE}/"))
