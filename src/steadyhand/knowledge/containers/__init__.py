"""One file per format that holds files: `EXTENSIONS`, and `members(content, name)` that yields `Member`s."""
