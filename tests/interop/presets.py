"""Checks of every preset: two commands make a store of real granules, and xarray reads the reference values out of it.

Used by run.py, which says how to call it. The references are those of tests/goldens, which make_goldens.py makes with h5py
and numpy.
"""

import sys
from pathlib import Path

import numpy as np
import xarray as xr
import xdggs  # noqa: F401: gives xarray its accessor.

GOLDENS = Path(__file__).resolve().parent.parent / "goldens"
# Presets with rows in their granules, and the group of their store.
GROUPS = {
    "atl03": "19",
    "atl06": "12",
    "atl06_polar": "rectilinear",
    "atl08": "13",
    "cryosat2": "11",
    "gedi_l2a": "13",
}


def read(name):
    """Granules, columns and the table of a file of reference values."""
    lines = (GOLDENS / f"{name}.csv").read_text().splitlines()
    granules = [line.removeprefix("# granule ") for line in lines if line.startswith("# granule ")]
    lines = [line for line in lines if not line.startswith("#")]
    return granules, lines[0].split(","), [line.split(",") for line in lines[1:]]


def make_store(call, zagg, name, granules, work):
    call(zagg, "catalog", "--plugin", name, "--from-files", *granules, "--output", work / "map.json")
    call(zagg, "run", "--plugin", name, "--catalog", work / "map.json", "--store", work / "out.zarr")


def check_values(store, group, names, table):
    """xarray opens the store, xdggs decodes the HEALPix ones; each cell with rows holds its reference values."""
    data = xr.open_zarr(store, group=group)
    if group == "rectilinear":
        have = {name: data[name].values.ravel() for name in names[1:]}
        ids = np.arange(have["count"].size)
    else:
        data = data.pipe(xdggs.decode)
        assert data.dggs.grid_info.level == int(group), data.dggs.grid_info
        have = {name: data[name].values for name in names[1:]}
        ids = data["cell_ids"].values.astype(np.int64)
    full = have["count"] > 0
    assert (ids[full] == [int(row[0]) for row in table]).all(), "cells with rows differ"
    for at, name in enumerate(names[1:], 1):
        want = np.array([float(row[at]) for row in table])
        tolerance = 0 if name.endswith("count") else 1e-6
        assert np.allclose(have[name][full], want, tolerance, tolerance, equal_nan=True), f"{name} differs"
        assert data[name].attrs.get("units") and data[name].attrs.get("long_name"), f"{name}: {data[name].attrs}"
    return f"{len(table)} cells, {len(names) - 1} arrays"


def check_goldens(call, data):
    """The committed references are what the script makes of the granules."""
    return call(sys.executable, GOLDENS / "make_goldens.py", "--check", "--data", data).count("same")


def run(checks, call, zagg, work, data):
    for name, group in GROUPS.items():
        granules, names, table = read(name)
        paths = [data / path for path in granules]
        if not all(path.is_file() for path in paths):
            checks.skip(f"preset {name}", f"its granules are not in {data}: set ZAGG_TEST_DATA")
            continue
        folder = work / f"preset-{name}"
        folder.mkdir()
        if checks.run(f"preset {name}: two commands", make_store, call, zagg, name, paths, folder):
            checks.run(f"preset {name}: xarray", check_values, folder / "out.zarr", group, names, table)
    if all((data / path).is_file() for name in GROUPS for path in read(name)[0]):
        checks.run("presets: references are reproducible", check_goldens, call, data)
