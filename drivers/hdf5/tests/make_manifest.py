"""Writes what h5py reads from HDF5 files: the reference of tests/real_files.rs.

Usage: python make_manifest.py DATA_FOLDER FILE_OR_FOLDER... > manifest.tsv      (needs h5py and numpy)

A line `> FILE` starts a file, named relative to DATA_FOLDER. Under it, one line per dataset, tab-separated:
path, numpy type ("-" when the elements are neither plain numbers nor fixed-length strings, "large" when the values
are not compared), shape, hash of the values, hash of the attributes. A path that starts like the one before it says how many characters it shares with it.
Hashes are the first 16 hex digits of sha256 over little-endian values in C order; strings are joined by NUL bytes.
Attributes: for each name in byte order the name, a NUL byte and the value; "?" for a value that is neither numbers nor
strings; then a newline.
"""

import hashlib
import os
import sys

import h5py
import numpy as np


def text(value):
    """A string as bytes, without its padding."""
    value = value.encode() if isinstance(value, str) else bytes(value)
    return value.split(b"\0")[0]


def encoded(values, space_padded=False):
    """Numbers as little-endian bytes, strings joined; None for anything else."""
    values = np.asarray(values)
    if values.dtype.kind in "iufb" and values.dtype.itemsize <= 8 and values.dtype != np.float16:
        return values.astype(values.dtype.newbyteorder("<")).tobytes()
    if values.dtype.kind in "SU" or (values.dtype.kind == "O" and all(isinstance(v, (str, bytes)) for v in values.flat)):
        strings = [text(v) for v in values.flat]
        return b"\0".join(s.rstrip(b" ") if space_padded else s for s in strings)
    return None


def spaces(type_id):
    return type_id.get_class() == h5py.h5t.STRING and type_id.get_strpad() == h5py.h5t.STR_SPACEPAD


def digest(data):
    return "-" if data is None else hashlib.sha256(data).hexdigest()[:16]


def attributes(item):
    parts = []
    for name in sorted(item.attrs.keys(), key=str.encode):
        try:
            low = h5py.h5a.open(item.id, name.encode())
            value = None if low.get_space().get_simple_extent_type() == h5py.h5s.NULL else item.attrs[name]
            data = None if value is None else encoded(value, spaces(low.get_type()))
        except (OSError, TypeError, ValueError):
            data = None
        parts.append(name.encode() + b"\0" + (b"?" if data is None else data) + b"\n")
    return digest(b"".join(parts))


def dataset(item):
    plain = "-"
    data = None
    shape = "null" if item.shape is None else ",".join(map(str, item.shape))
    kind = item.dtype.kind
    if item.shape is not None and kind in "iufbS" and item.dtype.subdtype is None:
        if item.size * item.dtype.itemsize > 1 << 28:
            return "large", shape, "-", attributes(item)
        try:
            data = encoded(item[()], spaces(item.id.get_type()))
            if data is not None:
                plain = "string" if kind == "S" else item.dtype.newbyteorder("=").name
        except OSError:
            plain = "unreadable"
    return plain, shape, digest(data), attributes(item)


def main():
    root = sys.argv[1]
    files = []
    for name in sys.argv[2:]:
        path = os.path.join(root, name)
        if os.path.isdir(path):
            for folder, _, names in os.walk(path):
                files += [os.path.join(folder, n) for n in names]
        else:
            files.append(path)
    for path in sorted(files):
        try:
            h5 = h5py.File(path, "r")
        except OSError:
            continue
        print(">", os.path.relpath(path, root))
        found = {}

        def walk(group, prefix, seen):
            for name in group:
                if isinstance(group.get(name, getlink=True), h5py.ExternalLink):
                    continue
                try:
                    item = group[name]
                except KeyError:
                    continue
                full = prefix + name
                if isinstance(item, h5py.Dataset):
                    found[full] = dataset(item)
                elif isinstance(item, h5py.Group) and item.id not in seen:
                    walk(item, full + "/", seen + [item.id])

        walk(h5, "", [h5["/"].id])
        before = ""
        for name in sorted(found, key=str.encode):
            shared = len(os.path.commonprefix([before, name]))
            print(f"{shared}:{name[shared:]}", *found[name], sep="\t")
            before = name


main()
