"""Files that hold other files, one file each: `EXTENSIONS`, `members(content, name)`."""
