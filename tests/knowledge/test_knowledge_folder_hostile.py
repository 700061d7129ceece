"""A folder that others may write to: what is opened is what was listed, or nothing."""

import os
from pathlib import Path

import pytest

from steadyhand.errors import DocumentUnreadable
from steadyhand.knowledge.sources.folder import Folder


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = tmp_path / "notes"
    made.mkdir()
    (made / "a.md").write_text("# A")
    (tmp_path / "secret.md").write_text("# Secret")
    return made


async def test_a_link_that_took_the_place_of_a_file_leads_nowhere(folder: Path) -> None:
    [item] = [item async for item in Folder(folder, folder.parent).items({})]
    (folder / "a.md").unlink()
    (folder / "a.md").symlink_to(folder.parent / "secret.md")
    with pytest.raises(DocumentUnreadable, match="leads out"):
        await item.open()


async def test_a_folder_that_became_a_link_leads_nowhere(folder: Path) -> None:
    (folder / "in").mkdir()
    (folder / "in" / "secret.md").write_text("# In")
    items = {item.path: item async for item in Folder(folder, folder.parent).items({})}
    (folder / "in").rename(folder / "was")
    (folder / "in").symlink_to(folder.parent)
    with pytest.raises(DocumentUnreadable, match="leads out"):
        await items["in/secret.md"].open()


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="this system has no named pipes")
async def test_a_pipe_that_took_the_place_of_a_file_keeps_nobody_waiting(folder: Path) -> None:
    [item] = [item async for item in Folder(folder, folder.parent).items({})]
    (folder / "a.md").unlink()
    os.mkfifo(folder / "a.md")
    with pytest.raises(DocumentUnreadable, match="something else"):
        await item.open()


async def test_a_link_inside_the_folder_and_a_single_file_that_is_one_are_read(folder: Path) -> None:
    (folder / "b.md").symlink_to("a.md")
    (folder.parent / "named.md").symlink_to("secret.md")
    items = {item.path: item async for item in Folder(folder, folder.parent).items({})}
    assert await items["b.md"].open() == b"# A"
    [named] = [item async for item in Folder(folder.parent / "named.md", folder.parent).items({})]
    assert await named.open() == b"# Secret"
