#!/usr/bin/env python3
"""Levels of a HEALPix store as xdggs sees them: run.py uses this with the newest xdggs, and calls it with an old one.

usage: levels.py STORE LEAF LEVEL... --pictures FOLDER
needs: xdggs, xarray, zarr, numpy, matplotlib.

Every level is opened in the default mode of xdggs. Its cells are those that hold the cells of the leaf level; count, minimum
and maximum are computed from the leaf level once more. One picture is drawn of each level. Prints what was seen; an
exception means that something is wrong.
"""

import argparse
from pathlib import Path

import matplotlib
import numpy as np
import xarray as xr
import xdggs

matplotlib.use("Agg")
import matplotlib.pyplot as plt  # noqa: E402: the backend is chosen first.


def open_level(store, level):
    """One level as a dataset that knows its grid."""
    data = xr.open_zarr(store, group=str(level)).pipe(xdggs.decode)
    info = data.dggs.grid_info
    assert info.level == level, f"group {level} has level {info.level}"
    assert info.indexing_scheme == "nested", f"group {level}: indexing scheme {info.indexing_scheme!r}"
    ids = data["cell_ids"].values
    assert ids.dtype == np.uint64 and (ids[1:] > ids[:-1]).all(), f"group {level}: cell_ids must increase"
    return data


def grouped(leaf_ids, bits, values, combine):
    """Values of cells of the leaf level combined over the larger cells that hold them; the ids are ascending."""
    starts = np.flatnonzero(np.diff(leaf_ids >> np.uint64(bits), prepend=~np.uint64(0)))
    return combine.reduceat(values, starts)


def check_level(leaf, leaf_level, data, level):
    """Cells, counts, minima and maxima of a level follow from the leaf level."""
    bits = 2 * (leaf_level - level)
    leaf_ids = leaf["cell_ids"].values
    assert (data["cell_ids"].values == np.unique(leaf_ids >> np.uint64(bits))).all(), f"level {level}: other cells"
    counts = grouped(leaf_ids, bits, leaf["count"].values, np.add)
    assert (data["count"].values == counts).all(), f"level {level}: counts differ"
    # Cells without rows are NaN, which fmin and fmax pass over.
    for name, combine in {"h_min": np.fmin, "h_max": np.fmax}.items():
        wanted = grouped(leaf_ids, bits, leaf[name].values, combine)
        assert np.array_equal(data[name].values, wanted, equal_nan=True), f"level {level}: {name} differs"
    return int((counts > 0).sum())


def draw(data, level, picture):
    """The cells with rows, at their centres."""
    full = np.flatnonzero(data["count"].values > 0)
    centers = data.isel(cells=full).dggs.cell_centers()
    figure, axes = plt.subplots()
    axes.scatter(centers["longitude"], centers["latitude"], c=data["h_mean"].values[full], s=4)
    axes.set_title(f"h_mean, level {level}")
    figure.savefig(picture)
    plt.close(figure)
    assert picture.read_bytes()[:8] == b"\x89PNG\r\n\x1a\n", "no picture"


def check(store, leaf_level, levels, pictures):
    leaf = open_level(store, leaf_level)
    assert int(leaf["count"].sum()) > 0, "no rows"
    notes = []
    for level in levels:
        data = leaf if level == leaf_level else open_level(store, level)
        full = check_level(leaf, leaf_level, data, level)
        draw(data, level, Path(pictures) / f"level_{level}.png")
        notes.append(f"level {level}: {full} of {data.sizes['cells']} cells with rows")
    return "; ".join(notes)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("store")
    parser.add_argument("leaf", type=int)
    parser.add_argument("levels", type=int, nargs="+")
    parser.add_argument("--pictures", type=Path, required=True)
    arguments = parser.parse_args()
    print(f"xdggs {xdggs.__version__}: {check(arguments.store, arguments.leaf, arguments.levels, arguments.pictures)}")


if __name__ == "__main__":
    main()
