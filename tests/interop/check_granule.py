#!/usr/bin/env python3
"""Check that h5py reads granules as ATL06: structure, attributes and the rules that real files keep.

usage: check_granule.py GRANULE.h5 [GRANULE.h5 ...]
needs: h5py, numpy. Closing line: 'N passed, M failed'; the exit code is 1 when something failed.
"""

import sys

import h5py
import numpy as np

FILL = np.float32(3.4028235e38)
BEAMS = ["gt1l", "gt1r", "gt2l", "gt2r", "gt3l", "gt3r"]
# Name: dtype, units, whether integers are shuffled, fill value (None: HDF5's default).
COLUMNS = {
    "atl06_quality_summary": ("i1", "1", True, None),
    "delta_time": ("f8", "seconds since 2018-01-01", False, None),
    "h_li": ("f4", "meters", False, FILL),
    "h_li_sigma": ("f4", "meters", False, FILL),
    "latitude": ("f8", "degrees_north", False, None),
    "longitude": ("f8", "degrees_east", False, None),
    "segment_id": ("i4", "1", True, 0),
    "sigma_geo_h": ("f4", "meters", False, FILL),
}


class Checks:
    """Counts what passed and prints what failed."""

    def __init__(self):
        self.passed = 0
        self.failed = 0

    def that(self, condition, what):
        if condition:
            self.passed += 1
        else:
            self.failed += 1
            print(f"FAILED {what}")


def text(value):
    return value.decode() if isinstance(value, bytes) else str(value)


def check_column(checks, dataset, expected):
    dtype, units, shuffle, fill = expected
    where = dataset.name
    checks.that(dataset.dtype == np.dtype(dtype), f"{where}: dtype {dataset.dtype}, not {dtype}")
    checks.that(text(dataset.attrs.get("units", "")) == units, f"{where}: units are not {units!r}")
    for name in ["long_name", "description", "contentType", "coordinates"]:
        checks.that(text(dataset.attrs.get(name, "")) != "", f"{where}: no attribute {name}")
    checks.that(dataset.chunks == (10_000,), f"{where}: chunks {dataset.chunks}")
    checks.that(dataset.maxshape == (None,), f"{where}: maxshape {dataset.maxshape}")
    checks.that((dataset.compression, dataset.compression_opts) == ("gzip", 6), f"{where}: not deflate 6")
    checks.that(dataset.shuffle == shuffle, f"{where}: shuffle {dataset.shuffle}")
    if fill is None:
        checks.that(dataset.fillvalue == 0 and "_FillValue" not in dataset.attrs, f"{where}: has a fill value")
    else:
        attribute = dataset.attrs.get("_FillValue")
        checks.that(dataset.fillvalue == fill, f"{where}: HDF5 fill value {dataset.fillvalue}")
        checks.that(attribute is not None and attribute == fill, f"{where}: _FillValue {attribute}")
        checks.that(attribute is not None and attribute.dtype == dataset.dtype, f"{where}: type of _FillValue")


def check_rows(checks, group):
    where = group.name
    rows = {name: group[name][:] for name in COLUMNS}
    checks.that(len({len(column) for column in rows.values()}) == 1, f"{where}: columns differ in length")
    checks.that(len(rows["h_li"]) > 0, f"{where}: no rows")
    quality = rows["atl06_quality_summary"]
    checks.that(np.isin(quality, [0, 1]).all(), f"{where}: quality flags other than 0 and 1")
    checks.that((np.diff(rows["delta_time"]) > 0).all(), f"{where}: delta_time does not increase")
    checks.that((np.diff(rows["segment_id"]) > 0).all(), f"{where}: segment_id does not increase")
    for name in ["h_li", "h_li_sigma", "sigma_geo_h"]:
        checks.that(np.isfinite(rows[name]).all(), f"{where}/{name}: not finite")
        checks.that((quality[rows[name] == FILL] == 1).all(), f"{where}/{name}: filled rows of best quality")
    good = quality == 0
    heights = rows["h_li"][good]
    checks.that(((heights > -100) & (heights < 4500)).all(), f"{where}: heights of best quality off any surface")
    checks.that((rows["h_li_sigma"][good] > 0).all(), f"{where}: errors of best quality that are not positive")
    checks.that((np.abs(rows["latitude"]) <= 90).all(), f"{where}: latitudes out of range")
    checks.that((np.abs(rows["longitude"]) <= 180).all(), f"{where}: longitudes out of range")
    checks.that((np.abs(np.diff(rows["latitude"])) < 0.1).all(), f"{where}: jumps in latitude")


def check_granule(checks, path):
    with h5py.File(path, "r") as file:
        name = path.rsplit("/", 1)[-1]
        checks.that(name.startswith("ATL06_") and len(name) == len("ATL06_20240105120000_03212411_006_01.h5"),
                    f"{path}: not an ATL06 file name")
        checks.that(text(file.attrs.get("short_name", "")) == "ATL06", f"{path}: short_name is not ATL06")
        epoch = file["ancillary_data/atlas_sdp_gps_epoch"]
        checks.that(epoch.shape == (1,) and epoch[0] == 1198800018.0, f"{path}: atlas_sdp_gps_epoch {epoch[:]}")
        orient = file["orbit_info/sc_orient"]
        checks.that(orient.shape == (1,) and orient[0] in (0, 1, 2), f"{path}: sc_orient {orient[:]}")
        checks.that(orient.dtype == np.int8, f"{path}: dtype of sc_orient {orient.dtype}")
        checks.that(text(file["ancillary_data/release"][0]) == name[30:33], f"{path}: release differs from the name")
        checks.that(file["orbit_info/rgt"][0] == int(name[21:25]), f"{path}: rgt differs from the name")
        for beam in BEAMS:
            group = file.get(f"{beam}/land_ice_segments")
            checks.that(group is not None, f"{path}: no {beam}/land_ice_segments")
            if group is None:
                continue
            checks.that(text(file[beam].attrs["groundtrack_id"]) == beam, f"{path}: groundtrack_id of {beam}")
            checks.that(set(COLUMNS) <= set(group), f"{path}: columns of {beam}: {sorted(group)}")
            if set(COLUMNS) <= set(group):
                for column, expected in COLUMNS.items():
                    check_column(checks, group[column], expected)
                check_rows(checks, group)


def main():
    if len(sys.argv) < 2:
        print(__doc__.strip(), file=sys.stderr)
        return 2
    checks = Checks()
    for path in sys.argv[1:]:
        try:
            check_granule(checks, path)
        except (OSError, KeyError, RuntimeError) as error:
            checks.that(False, f"{path}: {error}")
    print(f"{checks.passed} passed, {checks.failed} failed")
    return 1 if checks.failed else 0


if __name__ == "__main__":
    sys.exit(main())
