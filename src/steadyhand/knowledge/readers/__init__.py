"""One file per format: `EXTENSIONS`, and `read(content, name) -> Document` that raises `DocumentError`."""
