"""Writes a look-alike of a whole ATL06 granule: the tree, types, chunks, filters and attributes of a real one, with its
values repeated until every beam has the asked number of rows.

Beside it, OUT.payload holds the stored bytes and the number of the chunks that the tests read.

usage: make_large_granule.py GRANULE OUT {classic|paged|latest} [ROWS]
"""

import sys

import h5py
import numpy as np

PAGE = 8 << 20
BEAMS = ["gt1l", "gt1r", "gt2l", "gt2r", "gt3l", "gt3r"]
COLUMNS = ["latitude", "longitude", "h_li", "h_li_sigma", "atl06_quality_summary"]


def repeat(values, rows, rng):
    """The values one after the other until there are enough; numbers get noise so that they compress as they did."""
    times = -(-rows // len(values))
    out = np.concatenate([values] * times)[:rows]
    if out.dtype.kind == "f" and out.ndim == 1:
        usual = np.abs(out) < 1e30
        out[usual] *= (1 + 1e-9 * rng.standard_normal(int(usual.sum()))).astype(out.dtype)
    return out


def copy_attributes(source, target):
    for name, value in source.attrs.items():
        if name in ("DIMENSION_LIST", "REFERENCE_LIST", "CLASS", "NAME"):
            continue
        target.attrs.create(name, value, dtype=source.attrs.get_id(name).dtype)


def copy(source, target, rows, rng):
    for name, item in source.items():
        if isinstance(item, h5py.Group):
            made = target.create_group(name, track_order=True)
            copy_attributes(item, made)
            copy(item, made, rows, rng)
            continue
        values = item[()]
        if item.chunks and item.chunks[0] == 10000 and len(values):
            values = repeat(values, rows, rng)
        options = {}
        if item.chunks:
            options = dict(chunks=item.chunks, maxshape=item.maxshape, compression=item.compression,
                           compression_opts=item.compression_opts, shuffle=item.shuffle)
        # Strings of the real product are longer than a fill value may be.
        if item.dtype.kind in "fiu":
            options["fillvalue"] = item.fillvalue
        made = target.create_dataset(name, data=values, dtype=item.dtype, **options)
        copy_attributes(item, made)


def main():
    source, out, kind = sys.argv[1:4]
    rows = int(sys.argv[4]) if len(sys.argv) > 4 else 120_000
    extra = {
        "classic": dict(libver=("earliest", "v110")),
        "paged": dict(libver=("earliest", "v110"), fs_strategy="page", fs_page_size=PAGE),
        "latest": dict(libver="latest"),
    }[kind]
    with h5py.File(source) as granule, h5py.File(out, "w", track_order=True, **extra) as made:
        copy_attributes(granule, made)
        copy(granule, made, rows, np.random.default_rng(0))
        columns = [made[f"{beam}/land_ice_segments/{name}"].id for beam in BEAMS for name in COLUMNS]
        payload = sum(column.get_storage_size() for column in columns)
        chunks = sum(column.get_num_chunks() for column in columns)
    with open(out + ".payload", "w") as file:
        file.write(f"{payload} {chunks}\n")


main()
