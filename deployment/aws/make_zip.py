#!/usr/bin/env python3
"""Packs a folder into a zip whose bytes depend on names, modes and contents alone.

usage: make_zip.py FOLDER ZIP

Entries are sorted; times are the first that a zip can hold. Only files and the bits of executability count.
"""

import os
import sys
import zipfile
from pathlib import Path

FIRST = (1980, 1, 1, 0, 0, 0)


def main():
    if len(sys.argv) != 3:
        sys.exit(__doc__.strip())
    folder, target = Path(sys.argv[1]), Path(sys.argv[2])
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    if not files:
        sys.exit(f"error: {folder}: no files to pack")
    partial = target.with_name(target.name + ".partial")
    with zipfile.ZipFile(partial, "w") as archive:
        for path in files:
            entry = zipfile.ZipInfo(path.relative_to(folder).as_posix(), FIRST)
            entry.create_system = 3
            entry.external_attr = (0o100755 if os.access(path, os.X_OK) else 0o100644) << 16
            archive.writestr(entry, path.read_bytes(), zipfile.ZIP_DEFLATED, 9)
    partial.replace(target)


if __name__ == "__main__":
    main()
