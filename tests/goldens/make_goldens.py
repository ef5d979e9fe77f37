#!/usr/bin/env python3
"""Reference values of the presets: what each cell must hold, computed from the real granules by h5py and numpy.

usage: make_goldens.py [--data DIR] [--out DIR] [--check] [PRESET ...]
needs: h5py, numpy, healpix-geo and pyproj as pinned in tests/interop/requirements.txt

DIR with granules is ZAGG_TEST_DATA or ../shared/data beside the checkout. Without a PRESET all are made. The files are
<PRESET>.csv beside this script; gedi_l4a_all and cryosat2_minute belong to a preset with a layer over it. With --check
they are compared instead of written, and the exit code is 1 when one differs.

Nothing is taken from zagg or from the presets' YAML: paths, filters, grids and statistics are written here a second time.
A value that is missing (equal to _FillValue, or NaN by our own mask) is left out of a statistic; `count` counts rows.
Sums are made in float64, and a value is rounded once to the type of the array. Cells are found by healpix-geo (HEALPix
nested, WGS84: geodetic latitude becomes authalic) and by pyproj (rectilinear).

Form of a file: comment lines `# key value`, a line of names, then one line per cell with rows, ascending.
"""

import argparse
import os
import sys
from datetime import datetime
from importlib.metadata import version
from pathlib import Path

import h5py
import healpix_geo
import numpy as np
import pyproj

HERE = Path(__file__).resolve().parent
DATA = Path(os.environ.get("ZAGG_TEST_DATA", HERE.parents[2] / "shared/data"))
BEAMS = ["gt1l", "gt1r", "gt2l", "gt2r", "gt3l", "gt3r"]


def values(dataset, column=None):
    """The values of a dataset as they are meant: scaled, and NaN where one is missing if that makes them floats."""
    raw = dataset[()] if column is None else dataset[:, column]
    attributes = dataset.attrs
    missing = np.zeros(raw.shape, bool)
    if "_FillValue" in attributes:
        missing = raw == np.asarray(attributes["_FillValue"]).ravel()[0].astype(raw.dtype)
    if "scale_factor" in attributes or "add_offset" in attributes:
        scale = float(np.ravel(attributes.get("scale_factor", 1.0))[0])
        raw = raw.astype(np.float64) * scale + float(np.ravel(attributes.get("add_offset", 0.0))[0])
    if raw.dtype.kind == "f":
        return np.where(missing, np.asarray(np.nan, raw.dtype), raw)
    # No integer column that the presets compute with has a missing value in these files.
    assert not missing.any(), dataset.name
    return raw


def optional(group, name, otherwise):
    """A column of a group, or a constant where the file does not have it."""
    if name in group:
        return values(group[name])
    rows = next(iter(dataset for dataset in group.values() if isinstance(dataset, h5py.Dataset))).shape[0]
    return np.full(rows, otherwise)


def atl03(file):
    """Signal photons; a photon takes the height of the terrain model and the flag of its segment."""
    for beam in BEAMS:
        if f"{beam}/heights/h_ph" not in file:
            continue
        heights, segments = file[f"{beam}/heights"], file[f"{beam}/geolocation"]
        first, number = segments["ph_index_beg"][:], segments["segment_ph_cnt"][:]
        segment = np.full(heights["h_ph"].shape, -1)
        for at in np.flatnonzero((first > 0) & (number > 0)):
            # ph_index_beg counts from 1.
            segment[first[at] - 1 : first[at] - 1 + number[at]] = at
        # In atl03_clip_v006.h5 each segment but the first begins one photon early: a photon belongs to the later one of
        # two segments that claim it, and to none if none does. Then its flag is missing, and the photon is dropped.
        orphan = segment < 0
        confidence = heights["signal_conf_ph"][:].max(axis=1)
        nominal = np.isin(segments["podppd_flag"][:][segment], [0, 4]) & ~orphan
        yield {
            "longitude": values(heights["lon_ph"]),
            "latitude": values(heights["lat_ph"]),
            "h_ph": values(heights["h_ph"]),
            "dem_h": np.where(orphan, np.float32(np.nan), values(file[f"{beam}/geophys_corr/dem_h"])[segment]),
            "keep": (heights["quality_ph"][:] == 0) & nominal & (confidence >= 2),
        }


def atl06(file):
    """Segments of good quality."""
    for beam in BEAMS:
        if f"{beam}/land_ice_segments/h_li" not in file:
            continue
        segments = file[f"{beam}/land_ice_segments"]
        yield {
            "longitude": values(segments["longitude"]),
            "latitude": values(segments["latitude"]),
            "h_li": values(segments["h_li"]),
            "s_li": values(segments["h_li_sigma"]),
            "keep": segments["atl06_quality_summary"][:] == 0,
        }


def atl08(file):
    """Land segments that kept most of their photons."""
    for beam in BEAMS:
        if f"{beam}/land_segments/latitude" not in file:
            continue
        segments = file[f"{beam}/land_segments"]
        yield {
            "longitude": values(segments["longitude"]),
            "latitude": values(segments["latitude"]),
            "h_te": values(segments["terrain/h_te_best_fit"]),
            "h_canopy": values(segments["canopy/h_canopy"]),
            "night": optional(segments, "night_flag", np.nan),
            "keep": optional(segments, "dem_removal_flag", 0) == 0,
        }


def gedi_l2a(file):
    """Footprints of good quality, as far as the file tells, in which a mode was found."""
    for name in sorted(file):
        if not name.startswith("BEAM"):
            continue
        beam = file[name]
        good = (optional(beam, "quality_flag", 1) == 1) & (optional(beam, "degrade_flag", 0) == 0)
        yield {
            "longitude": values(beam["lon_lowestmode"]),
            "latitude": values(beam["lat_lowestmode"]),
            "rh50": values(beam["rh"], 50),
            "rh98": values(beam["rh"], 98),
            "elevation": optional(beam, "elev_lowestmode", np.nan),
            "keep": good & (values(beam["rh"], 100) > 0),
        }


def gedi_l4a(file):
    """Footprints of good quality, as far as the file tells, with a prediction."""
    for name in sorted(file):
        if not name.startswith("BEAM"):
            continue
        beam = file[name]
        good = (optional(beam, "l4_quality_flag", 1) == 1) & (optional(beam, "degrade_flag", 0) == 0)
        yield {
            "longitude": values(beam["lon_lowestmode"]),
            "latitude": values(beam["lat_lowestmode"]),
            "agbd": values(beam["agbd"]),
            "agbd_se": optional(beam, "agbd_se", np.nan),
            "keep": good & (values(beam["agbd"]) >= 0),
        }


def gedi_l4a_all(file):
    """Every footprint with what the file has in the place of its prediction: the sample has no prediction at all."""
    for rows in gedi_l4a(file):
        yield rows | {"keep": np.full(rows["agbd"].shape, True)}


def cryosat2(file):
    """Echoes without an error of height, orbit or record."""
    bad = (1 << 24) | (1 << 25) | (1 << 26) | (1 << 27)
    yield {
        "longitude": values(file["lon_poca_20_ku"]),
        "latitude": values(file["lat_poca_20_ku"]),
        "height": values(file["height_1_20_ku"]),
        "freeboard": values(file["radar_freeboard_20_ku"]),
        "ssha": values(file["ssha_interp_20_ku"]),
        "keep": file["flag_prod_status_20_ku"][:] & bad == 0,
    }


def cryosat2_minute(file):
    """Those from 2019-10-05T15:14:00Z on for a minute, in a count of TAI seconds from 2000-01-01T00:00:00 TAI."""
    [rows] = cryosat2(file)
    # TAI was 37 seconds ahead of UTC.
    start = (datetime(2019, 10, 5, 15, 14) - datetime(2000, 1, 1)).total_seconds() + 37
    seconds = values(file["time_20_ku"])
    yield rows | {"keep": rows["keep"] & (seconds >= start) & (seconds < start + 60)}


def count(*columns):
    """Rows in which no column is missing."""
    return int(np.logical_and.reduce([~np.isnan(column) for column in columns]).sum())


def over(column, statistic):
    """A statistic of what is not missing in a column, in float64; NaN where nothing is left."""

    def of(rows):
        present = rows[column][~np.isnan(rows[column])].astype(np.float64)
        return statistic(present) if present.size else np.nan

    return of


def present(column):
    return lambda rows: count(rows[column])


def spread(prefix, column):
    """Least, greatest and mean value."""
    return {
        f"{prefix}_min": over(column, np.min),
        f"{prefix}_max": over(column, np.max),
        f"{prefix}_mean": over(column, np.mean),
    }


def weights(rows):
    """Inverse variances, in the type of the column as in the expression `1.0 / s_li**2`."""
    return (np.float32(1.0) / rows["s_li"] ** 2).astype(np.float64)


def weighted_mean(rows):
    return np.average(rows["h_li"].astype(np.float64), weights=weights(rows))


ATL06 = {
    "h_min": over("h_li", np.min),
    "h_max": over("h_li", np.max),
    "h_mean": weighted_mean,
    "h_sigma": lambda rows: 1.0 / np.sqrt(weights(rows).sum()),
    "h_variance": over("h_li", np.var),
}
QUARTILES = {
    f"h_q{percent}": over("h_li", lambda heights, percent=percent: np.quantile(heights, percent / 100))
    for percent in [25, 50, 75]
}
CANOPY = {
    "canopy_count": present("h_canopy"),
    "h_canopy_mean": over("h_canopy", np.mean),
    "h_canopy_median": over("h_canopy", np.median),
    "h_canopy_max": over("h_canopy", np.max),
}
AGBD = {
    "agbd_mean": over("agbd", np.mean),
    "agbd_median": over("agbd", np.median),
    "agbd_max": over("agbd", np.max),
    "agbd_std": over("agbd", np.std),
    "agbd_se_rms": over("agbd_se", lambda errors: np.sqrt(np.mean(errors**2))),
}

ECHOES = spread("h", "height") | {
    "h_median": over("height", np.median),
    "h_std": over("height", np.std),
    "freeboard_count": present("freeboard"),
    "freeboard_mean": over("freeboard", np.mean),
    "ssha_mean": over("ssha", np.mean),
}

# Each: files, reader of one granule, HEALPix order or ("system", half width, size of a cell), and the statistics beside
# `count`, in the order of the columns.
PRESETS = {
    "atl03": (
        ["atl03/ATL03_gt1l.h5", "atl03/atl03_clip_v006.h5"],
        atl03,
        19,
        spread("h", "h_ph")
        | {
            "h_median": over("h_ph", np.median),
            "h_variance": over("h_ph", np.var),
            "dem_h": over("dem_h", np.mean),
        },
    ),
    "atl06": (["atl06/*.h5"], atl06, 12, ATL06 | QUARTILES),
    "atl06_polar": (["atl06/*.h5"], atl06, ("EPSG:3031", 3_200_000, 5_000), ATL06),
    "atl08": (
        ["atl08/*.h5"],
        atl08,
        13,
        {"te_count": present("h_te")}
        | spread("h_te", "h_te")
        | {"h_te_median": over("h_te", np.median), "h_te_std": over("h_te", np.std)}
        | CANOPY
        | {"night_fraction": over("night", np.mean)},
    ),
    "gedi_l2a": (
        ["gedi/GEDI02_A_*.h5"],
        gedi_l2a,
        13,
        {
            "rh98_mean": over("rh98", np.mean),
            "rh98_median": over("rh98", np.median),
            "rh98_max": over("rh98", np.max),
            "rh98_std": over("rh98", np.std),
            "rh50_mean": over("rh50", np.mean),
            "elevation_mean": over("elevation", np.mean),
        },
    ),
    "gedi_l4a": (["gedi/GEDI04_A_*.h5"], gedi_l4a, 13, AGBD),
    "gedi_l4a_all": (["gedi/GEDI04_A_*.h5"], gedi_l4a_all, 13, AGBD),
    "cryosat2": (["other/CS_LTA__SIR_SAR_2_*.nc"], cryosat2, 11, ECHOES),
    "cryosat2_minute": (["other/CS_LTA__SIR_SAR_2_*.nc"], cryosat2_minute, 11, ECHOES),
}


def locate(grid, longitude, latitude):
    """The cell of each row as one number, -1 outside the grid."""
    if isinstance(grid, int):
        cells = healpix_geo.nested.lonlat_to_healpix(
            longitude.astype(np.float64), latitude.astype(np.float64), grid, ellipsoid="WGS84"
        )
        return cells.astype(np.int64)
    system, half, size = grid
    x, y = pyproj.Transformer.from_crs("EPSG:4326", system, always_xy=True).transform(longitude, latitude)
    column, row = np.floor((x + half) / size).astype(np.int64), np.floor((half - y) / size).astype(np.int64)
    side = 2 * half // size
    inside = (column >= 0) & (column < side) & (row >= 0) & (row < side)
    return np.where(inside, row * side + column, -1)


def number(value):
    """The shortest text that gives the same number in the type of the array."""
    return str(value) if isinstance(value, int) else str(np.float32(value))


def make(name, data):
    """The text of one file."""
    patterns, reader, grid, statistics = PRESETS[name]
    paths = sorted(path for pattern in patterns for path in data.glob(pattern))
    assert paths, f"no granules for {name} in {data}"
    parts = []
    for path in paths:
        with h5py.File(path) as file:
            parts.extend(reader(file))
    rows = {key: np.concatenate([part[key] for part in parts]) for key in parts[0]}
    keep, cells = rows.pop("keep"), locate(grid, rows["longitude"], rows["latitude"])
    lines = [
        "# made by tests/goldens/make_goldens.py with "
        + ", ".join(f"{package} {version(package)}" for package in ["h5py", "numpy", "healpix-geo", "pyproj"]),
        *(f"# granule {path.relative_to(data)}" for path in paths),
        f"# grid {f'HEALPix nested, order {grid}, WGS84' if isinstance(grid, int) else ' '.join(map(str, grid))}",
        f"# rows_read {int((cells >= 0).sum())}",
        f"# rows_kept {int((keep & (cells >= 0)).sum())}",
    ]
    keep &= cells >= 0
    order = np.flatnonzero(keep)[np.argsort(cells[keep], kind="stable")]
    ids, starts = np.unique(cells[order], return_index=True)
    lines.append(f"# cells {len(ids)}")
    lines.append(",".join(["cell", "count", *statistics]))
    for cell, at in zip(ids, np.split(order, starts[1:]) if len(ids) else []):
        group = {key: column[at] for key, column in rows.items()}
        results = [len(at), *(statistic(group) for statistic in statistics.values())]
        lines.append(",".join([str(cell), *map(number, results)]))
    return "\n".join(lines) + "\n"


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, default=DATA, help="folder with the granules")
    parser.add_argument("--out", type=Path, default=HERE, help="folder of the files")
    parser.add_argument("--check", action="store_true", help="compare instead of writing")
    parser.add_argument("presets", nargs="*", metavar="PRESET", help=", ".join(PRESETS))
    arguments = parser.parse_args()
    differ = 0
    for name in arguments.presets or PRESETS:
        text, path = make(name, arguments.data), arguments.out / f"{name}.csv"
        if arguments.check:
            # The first line tells versions.
            same = path.read_text().splitlines()[1:] == text.splitlines()[1:]
            differ += not same
            print(f"{'same   ' if same else 'DIFFERS'} {name}")
        else:
            path.write_text(text)
            print(f"{path.name}: {len(text):,} bytes")
    return 1 if differ else 0


if __name__ == "__main__":
    sys.exit(main())
