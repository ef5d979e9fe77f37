"""Writes what h5py reads from HDF5 files: the reference of tests/real_files.rs.

Usage: python make_manifest.py DATA_FOLDER FILE_OR_FOLDER... > manifest.tsv      (needs h5py, hdf5plugin and numpy)

A line `> FILE` starts a file, named relative to DATA_FOLDER; `> FILE ! REASON` one that h5py does not open. Under it, one
line per dataset, tab-separated: path, type, shape, hash of the values, hash of the attributes. A path that starts like
the one before it says how many characters it shares with it.

Types are numpy's; "string" for strings of fixed length; "compound"; "opaque", "vlen", "reference" for what has no values
of a fixed form; "unreadable" for what h5py fails to read; "large" when the values are not compared; "null" for none.
Hashes are the first 16 hex digits of sha256 over the canonical form of the values:

- numbers in C order, little-endian; enumerations and flags as their whole numbers; half precision widened to float32;
- strings without their padding, joined by NUL bytes. Behind a NUL-terminated text nothing counts, elsewhere trailing NUL
  bytes, of space-padded text also trailing spaces are padding;
- records field by field in the order of the file: for each its name, a NUL byte and the canonical form of all its values,
  fields of nested records by the same rule; "?" for what has no canonical form, as arrays of records;
- attributes: for each name in byte order the name, a NUL byte and the value; "?" for a value that is neither numbers nor
  strings; then a newline.
"""

import hashlib
import os
import sys

import h5py
import hdf5plugin  # noqa: F401 (registers filters)
import numpy as np
from h5py import h5t

ENDINGS = (".h5", ".hdf5", ".nc", ".he5")
LARGE = 1 << 28


def attribute_text(value):
    """A string of an attribute as bytes, without its padding."""
    value = value.encode() if isinstance(value, str) else bytes(value)
    return value.split(b"\0")[0]


def text(value, padding):
    """A stored string without its padding."""
    if padding == h5t.STR_NULLTERM:
        return value.split(b"\0")[0]
    value = value.rstrip(b"\0")
    return value.rstrip(b" ") if padding == h5t.STR_SPACEPAD else value


def half(values):
    return values.dtype.kind == "f" and values.dtype.itemsize == 2


def numbers(values):
    """Numbers in canonical form; None for other values."""
    values = np.asarray(values)
    if half(values):
        values = values.astype("<f4")
    if values.dtype.kind in "iufb" and values.dtype.itemsize <= 8:
        return values.astype(values.dtype.newbyteorder("<")).tobytes()
    return None


def strings(values, padding):
    raw = np.ascontiguousarray(values)
    size = raw.dtype.itemsize
    data = raw.tobytes()
    return b"\0".join(text(data[at : at + size], padding) for at in range(0, len(data), size)) if size else b""


def kind(type_id):
    """What the manifest calls the type; None for numbers, which numpy names."""
    cls = type_id.get_class()
    if cls == h5t.ARRAY:
        return kind(type_id.get_super())
    if cls == h5t.STRING:
        return "vlen" if type_id.is_variable_str() else "string"
    names = {h5t.COMPOUND: "compound", h5t.OPAQUE: "opaque", h5t.VLEN: "vlen", h5t.REFERENCE: "reference"}
    return names.get(cls)


def canonical(values, type_id):
    """Values of any type in canonical form; None where there is none."""
    array = type_id.get_class() == h5t.ARRAY
    while type_id.get_class() == h5t.ARRAY:
        type_id = type_id.get_super()
    what = kind(type_id)
    if array and what == "compound":
        return None
    if what == "string":
        return strings(values, type_id.get_strpad())
    if what == "compound":
        parts = []
        for at in range(type_id.get_nmembers()):
            name = type_id.get_member_name(at)
            # h5py makes numpy's complex numbers of records of two parts.
            field = values[name.decode()] if values.dtype.names else [values.real, values.imag][at]
            form = canonical(field, type_id.get_member_type(at))
            parts.append(name + b"\0" + (b"?" if form is None else form))
        return b"".join(parts)
    if what:
        return None
    # Numbers in forms that numpy has no type for are widened by the library; they are named here.
    if type_id.get_class() == h5t.FLOAT:
        native = h5t.py_create(np.dtype(values.dtype))
        if any(form(native) != form(type_id) for form in (h5t.TypeFloatID.get_size, h5t.TypeFloatID.get_fields)):
            return None
    return numbers(values)


def digest(data):
    return "-" if data is None else hashlib.sha256(data).hexdigest()[:16]


def attributes(item):
    parts = []
    for name in sorted(item.attrs.keys(), key=str.encode):
        try:
            low = h5py.h5a.open(item.id, name.encode())
            value = None if low.get_space().get_simple_extent_type() == h5py.h5s.NULL else item.attrs[name]
            data = None if value is None else attribute(value, low.get_type())
        except (OSError, TypeError, ValueError):
            data = None
        parts.append(name.encode() + b"\0" + (b"?" if data is None else data) + b"\n")
    return digest(b"".join(parts))


def attribute(value, type_id):
    values = np.asarray(value)
    form = numbers(values)
    if form is not None:
        return form
    if values.dtype.kind == "S" and type_id.get_class() == h5t.STRING and not type_id.is_variable_str():
        return strings(values, type_id.get_strpad())
    if values.dtype.kind in "SU" or (values.dtype.kind == "O" and all(isinstance(v, (str, bytes)) for v in values.flat)):
        padded = type_id.get_class() == h5t.STRING and type_id.get_strpad() == h5t.STR_SPACEPAD
        found = [attribute_text(v) for v in values.flat]
        return b"\0".join(s.rstrip(b" ") if padded else s for s in found)
    return None


def dataset(item):
    type_id = item.id.get_type()
    what = kind(type_id)
    if item.shape is None:
        return what or item.dtype.name, "null", "-", attributes(item)
    shape = ",".join(map(str, item.shape + (item.dtype.subdtype[1] if item.dtype.subdtype else ())))
    if item.size * item.dtype.itemsize > LARGE:
        return "large", shape, "-", attributes(item)
    try:
        values = item[()]
    except (OSError, TypeError, ValueError):
        return "unreadable", shape, "-", attributes(item)
    form = canonical(values, type_id)
    plain = what or ("float32" if half(np.asarray(values)) else values.dtype.newbyteorder("=").name)
    return plain, shape, digest(form), attributes(item)


def members(group, prefix, seen, found):
    for name in group:
        if isinstance(group.get(name, getlink=True), h5py.ExternalLink):
            continue
        try:
            item = group[name]
        except (KeyError, RuntimeError):
            continue
        # A soft link may lead through an external one.
        if item.file.filename != group.file.filename:
            continue
        full = prefix + name
        if isinstance(item, h5py.Dataset):
            found[full] = dataset(item)
        elif isinstance(item, h5py.Group) and item.id not in seen:
            members(item, full + "/", seen + [item.id], found)


def main():
    root = sys.argv[1]
    files = []
    for name in sys.argv[2:]:
        path = os.path.join(root, name)
        if os.path.isdir(path):
            for folder, _, names in os.walk(path):
                files += [os.path.join(folder, n) for n in names if n.endswith(ENDINGS)]
        else:
            files.append(path)
    for path in sorted(files):
        shown = os.path.relpath(path, root)
        try:
            h5 = h5py.File(path, "r")
        except OSError as error:
            print(">", shown, "!", str(error).split("(")[-1].rstrip(")"))
            continue
        print(">", shown)
        found = {}
        members(h5, "", [h5["/"].id], found)
        before = ""
        for name in sorted(found, key=str.encode):
            shared = len(os.path.commonprefix([before, name]))
            print(f"{shared}:{name[shared:]}", *found[name], sep="\t")
            before = name


main()
