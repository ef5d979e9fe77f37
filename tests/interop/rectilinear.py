"""Checks of rectilinear stores: reference values, zarr-python, xarray, rioxarray, pyproj, and bins made by another program.

Used by run.py, which says how to call it.
"""

import glob
import json
import sys
from pathlib import Path

import h5py
import numpy as np
import pyproj
import rioxarray  # noqa: F401: gives xarray its accessor.
import xarray as xr
import zarr
import zarr_cm

import schemas

FILL = np.float32(3.4028235e38)
BEAMS = ["gt1l", "gt1r", "gt2l", "gt2r", "gt3l", "gt3r"]
# For each system: what is laid over the preset, half the width in metres, the reference, and the rows and columns.
STORES = {
    "EPSG:3031": (None, 3_200_000, "atl06_rect_epsg3031_5km.csv", 1280),
    "EPSG:3413": (
        "output: {grid: {crs: EPSG:3413, resolution: 5000, bounds: [-4000000, -4000000, 4000000, 4000000]}}\n",
        4_000_000,
        "atl06_rect_epsg3413_5km.csv",
        1792,
    ),
}
RESOLUTION = 5000


def good_rows(granules):
    """Longitude, latitude and height of the rows that the preset keeps."""
    columns = []
    for path in sorted(glob.glob(granules)):
        with h5py.File(path) as file:
            for beam in BEAMS:
                if f"{beam}/land_ice_segments/h_li" not in file:
                    continue
                group = file[f"{beam}/land_ice_segments"]
                good = (group["atl06_quality_summary"][:] == 0) & (group["h_li"][:] != FILL)
                columns.append([group[name][:][good] for name in ["longitude", "latitude", "h_li"]])
    return [np.concatenate(column) for column in zip(*columns)]


def check_zarr(store, system, length):
    """zarr-python opens the arrays; group and arrays declare conventions that zarr-cm finds sound."""
    root = zarr.open_consolidated(store)
    assert root.attrs["zagg"]["state"] == "complete", f"state {root.attrs['zagg']['state']!r}"
    group = root["rectilinear"]
    assert group["count"].shape == (length, length), f"shape {group['count'].shape}"
    zarr_cm.validate_all(dict(group.attrs))
    for name, array in group.arrays():
        if name not in ("x", "y", "spatial_ref"):
            attributes = dict(array.attrs)
            zarr_cm.validate_all(attributes)
            assert attributes["proj:code"] == system, f"{name}: {attributes['proj:code']!r}"
            assert tuple(array.metadata.dimension_names) == ("y", "x"), f"{name}: {array.metadata.dimension_names}"
            assert attributes["spatial:shape"] == list(array.shape), f"{name}: {attributes['spatial:shape']}"
    return f"{len(list(group.arrays()))} arrays of {length} x {length}"


def check_readers(store, system, half, length, picture):
    """xarray and rioxarray find system, transform and centres; cells with data are drawn."""
    import matplotlib

    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    data = xr.open_zarr(store, group="rectilinear")
    assert "spatial_ref" in data.coords and set(data["h_mean"].dims) == {"x", "y"}, list(data.coords)
    assert f"EPSG:{data.rio.crs.to_epsg()}" == system, f"system {data.rio.crs}"
    right = RESOLUTION * length - half
    assert data.rio.bounds() == (-half, half - RESOLUTION * length, right, half), data.rio.bounds()
    transform = data["h_mean"].rio.transform()
    assert tuple(transform)[:6] == (RESOLUTION, 0, -half, 0, -RESOLUTION, half), transform
    stored = data["spatial_ref"].attrs["GeoTransform"].split()
    assert [float(v) for v in stored] == list(transform.to_gdal()), stored
    centres = -half + RESOLUTION * (np.arange(length) + 0.5)
    assert (data["x"].values == centres).all() and (data["y"].values == -centres).all(), "centres differ"
    for name in ["x", "y"]:
        assert data[name].attrs["units"] == "m", data[name].attrs
        assert data[name].attrs["standard_name"] == f"projection_{name}_coordinate", data[name].attrs
    cf = dict(data["spatial_ref"].attrs)
    # Without the text of the system, the parameters alone mean the same projection.
    bare = {key: value for key, value in cf.items() if key not in ("crs_wkt", "spatial_ref")}
    places = np.array([-1.5e6, 2e5, 1e6]), np.array([3e5, -2e6, 1.1e6])
    for attributes in [cf, bare]:
        there = pyproj.Transformer.from_crs(pyproj.CRS.from_cf(attributes), pyproj.CRS(system), always_xy=True)
        assert np.abs(np.subtract(there.transform(*places), places)).max() < 1e-6, f"another projection: {attributes}"
    full = data["count"].values > 0
    heights = data["h_mean"].values
    assert np.isfinite(heights[full]).all() and np.isnan(heights[~full]).all(), "h_mean and count disagree"
    rows, columns = np.nonzero(full)
    window = data["h_mean"].isel(y=slice(rows.min(), rows.max() + 1), x=slice(columns.min(), columns.max() + 1))
    window.plot()
    plt.savefig(picture)
    plt.close()
    assert picture.read_bytes()[:8] == b"\x89PNG\r\n\x1a\n", "no picture"
    return f"{full.sum()} cells with rows, {picture.stat().st_size} bytes of picture"


def check_placement(store, system, half, length, granules):
    """Rows of good quality per cell, projected by pyproj, are the counts of the store."""
    lon, lat, heights = good_rows(granules)
    x, y = pyproj.Transformer.from_crs("EPSG:4326", system, always_xy=True).transform(lon, lat)
    columns, rows = (np.asarray(x) + half) // RESOLUTION, (half - np.asarray(y)) // RESOLUTION
    inside = (columns >= 0) & (columns < length) & (rows >= 0) & (rows < length)
    counts = np.zeros((length, length), dtype=np.int64)
    np.add.at(counts, (rows[inside].astype(int), columns[inside].astype(int)), 1)
    lowest = np.full((length, length), np.inf, dtype=np.float32)
    np.minimum.at(lowest, (rows[inside].astype(int), columns[inside].astype(int)), heights[inside])
    group = zarr.open_group(store, mode="r")["rectilinear"]
    have = group["count"][:]
    assert (have == counts).all(), f"counts of {(have != counts).sum()} cells differ"
    assert (group["h_min"][:][counts > 0] == lowest[counts > 0]).all(), "lowest heights differ"
    return f"{inside.sum()} of {len(lon)} rows in {(counts > 0).sum()} cells"


# Overview factors of the store with several levels.
FACTORS = [1, 2, 16]


def check_overviews(store, system, half, length, folder):
    """Overviews are placed by the root and by rioxarray alike; counts and extremes follow from the finest level."""
    import matplotlib

    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    root = zarr.open_group(store, mode="r")
    attributes = dict(root.attrs)
    schemas.check(attributes, "multiscales", "proj", "spatial")
    zarr_cm.validate_all(attributes)
    layout = attributes["multiscales"]["layout"]
    finest = xr.open_zarr(store, group="rectilinear")
    notes = []
    for at, (item, factor) in enumerate(zip(layout, FACTORS, strict=True)):
        name = "rectilinear" if factor == 1 else f"rectilinear_{factor}"
        assert item["asset"] == name, item
        size, n = RESOLUTION * factor, length // factor
        assert item["spatial:shape"] == [n, n] and item["spatial:transform"] == [size, 0, -half, 0, -size, half], item
        if at > 0:
            assert item["derived_from"] == layout[at - 1]["asset"], item
            assert item["transform"]["scale"] == [factor / FACTORS[at - 1]] * 2, item
        data = xr.open_zarr(store, group=name)
        schemas.check(dict(root[name].attrs), "proj", "spatial")
        assert f"EPSG:{data.rio.crs.to_epsg()}" == system and data.rio.bounds() == finest.rio.bounds(), name
        assert tuple(data["h_mean"].rio.transform())[:6] == (size, 0, -half, 0, -size, half), name
        blocks = {key: finest[key].values.reshape(n, factor, n, factor) for key in ["count", "h_min", "h_max"]}
        assert (data["count"].values == blocks["count"].sum(axis=(1, 3))).all(), f"{name}: counts differ"
        for key, combine in {"h_min": np.fmin, "h_max": np.fmax}.items():
            wanted = combine.reduce(combine.reduce(blocks[key], axis=3), axis=1)
            assert np.array_equal(data[key].values, wanted, equal_nan=True), f"{name}: {key} differs"
        rows, columns = np.nonzero(data["count"].values)
        data["h_mean"].isel(y=slice(rows.min(), rows.max() + 1), x=slice(columns.min(), columns.max() + 1)).plot()
        plt.savefig(folder / f"{name}.png")
        plt.close()
        assert (folder / f"{name}.png").read_bytes()[:8] == b"\x89PNG\r\n\x1a\n", "no picture"
        notes.append(f"{len(rows)} of {n * n} cells with rows")
    return "; ".join(notes)


BINS = """
data_source:
  reader: hdf5-points
  groups: [pair1, pair2, pair3]
  coordinates: {latitude: "/{group}/latitude", longitude: "/{group}/longitude"}
  variables: {row: "/{group}/row"}
aggregation:
  variables:
    rows: {function: len, source: row, dtype: int32, fill_value: 0}
    first: {function: min, source: row, dtype: float64}
    last: {function: max, source: row, dtype: float64}
output:
  grid:
    type: rectilinear
    crs: "%s"
    resolution: 10000
    bounds: [-3005000, -3505000, 3005000, 3505000]
    chunk_shape: [32, 32]
"""


def check_bins(call, zagg, work, index, granule):
    """pointCollection's bins of 10 km, made from the same granule: the same rows are in the same cells.

    Its points are the means of the beams of a pair; a bin is named for its centre. One granule is written for each pair.
    """
    checked = 0
    with h5py.File(index) as bins, h5py.File(granule) as source:
        system = bins["index"].attrs["SRS_proj4"].strip()
        for pair in (1, 2, 3):
            beams = [f"gt{pair}{side}/land_ice_segments" for side in "lr"]
            if not all(f"{beam}/latitude" in source for beam in beams):
                continue
            number = [i for i in range(3) if bins["index"].attrs.get(f"file_{i}", "").endswith(f"pair{pair}")]
            if not number:
                continue
            names = ["latitude", "longitude"]
            sides = [{name: source[f"{beam}/{name}"][:] for name in names} for beam in beams]
            rows = min(len(side["latitude"]) for side in sides)
            folder = work / f"pair{pair}"
            folder.mkdir(parents=True)
            with h5py.File(folder / "granule.h5", "w") as file:
                for name in names:
                    file[f"pair{pair}/{name}"] = 0.5 * (sides[0][name][:rows] + sides[1][name][:rows])
                file[f"pair{pair}/row"] = np.arange(rows, dtype=np.float64)
            config = folder / "bins.yaml"
            config.write_text(BINS % system)
            store = folder / "out.zarr"
            call(zagg, "catalog", "--config", config, "--from-files", folder / "granule.h5", "--output", folder / "map.json")
            call(zagg, "run", "--config", config, "--catalog", folder / "map.json", "--store", store)
            group = zarr.open_group(store, mode="r")["rectilinear"]
            have = {name: group[name][:] for name in ["rows", "first", "last"]}
            x, y = group["x"][:], group["y"][:]
            seen = set()
            for name, entry in bins["index"].items():
                which = np.flatnonzero(entry["file_num"][:] == number[0])
                if len(which) == 0:
                    continue
                column, row = (int(np.flatnonzero(axis == float(v))[0]) for axis, v in zip([x, y], name.split("_")))
                starts, ends = (entry[f"offset_{end}"][:][which] for end in ["start", "end"])
                wanted = (sum(ends - starts + 1), starts.min(), ends.max())
                got = tuple(have[key][row, column] for key in ["rows", "first", "last"])
                assert got == wanted, f"pair {pair}, bin {name}: {got}, not {wanted}"
                seen.add((row, column))
            assert set(zip(*map(list, np.nonzero(have["rows"])))) == seen, f"pair {pair}: other bins"
            checked += len(seen)
    assert checked, "no pair was checked"
    return f"{checked} bins"


def run(checks, call, zagg, work, granules, shared, data):
    """All checks; `call` runs a program."""
    work = work / "rectilinear"
    work.mkdir()
    system, (_, half, _, length) = next(iter(STORES.items()))
    folder = work / "overviews"
    folder.mkdir()
    (folder / "levels.yaml").write_text(f"output: {{grid: {{levels: {FACTORS}}}}}\n")
    options = ["--plugin", "atl06_polar", "--config", folder / "levels.yaml"]

    def make_overviews():
        call(zagg, "catalog", "--from-files", granules, "--output", folder / "map.json", *options)
        call(zagg, "run", "--catalog", folder / "map.json", "--store", folder / "out.zarr", *options)

    if checks.run("rectilinear overviews: run", make_overviews):
        checks.run("rectilinear overviews: zagg validate", check_valid, call, zagg, folder / "out.zarr")
        where = folder / "out.zarr", system, half, length, folder
        checks.run("rectilinear overviews: rioxarray and the schemas of the conventions", check_overviews, *where)
    for system, (overlay, half, reference, length) in STORES.items():
        folder = work / system.replace(":", "")
        folder.mkdir()
        options = ["--plugin", "atl06_polar"]
        if overlay:
            (folder / "overlay.yaml").write_text(overlay)
            options += ["--config", folder / "overlay.yaml"]
        shard_map, store = folder / "map.json", folder / "out.zarr"

        def make():
            call(zagg, "catalog", "--from-files", granules, "--output", shard_map, *options)
            call(zagg, "run", "--catalog", shard_map, "--store", store, *options)
            signature = json.loads(shard_map.read_text())["grid_signature"]
            assert signature["crs"] == system and signature["shape"] == [length, length], signature

        if not checks.run(f"rectilinear {system}: run", make):
            continue
        name = f"rectilinear {system}"
        checks.run(f"{name}: zagg validate", check_valid, call, zagg, store)
        checks.run(f"{name}: zarr-python and zarr-cm", check_zarr, store, system, length)
        checks.run(f"{name}: xarray and rioxarray", check_readers, store, system, half, length, folder / "h_mean.png")
        checks.run(f"{name}: rows of h5py placed by pyproj", check_placement, store, system, half, length, granules)
        if (shared / "golden" / reference).exists():
            checks.run(f"{name}: reference values", check_golden, call, store, shared, reference)
        else:
            checks.skip(f"{name}: reference values", f"no {reference} in {shared}: set ZAGG_SHARED")
    indexes = sorted(glob.glob(f"{data}/reference/atl11_geoindex/index_*.h5"))
    if not indexes:
        checks.skip("rectilinear bins of pointCollection", f"none in {data}/reference")
    for index in indexes:
        stem = Path(index).stem.removeprefix("index_")
        granule = data / "atl06" / f"{stem}.h5"
        if granule.exists():
            checks.run(f"bins of pointCollection, {stem}", check_bins, call, zagg, work / stem, index, granule)
        else:
            checks.skip(f"bins of pointCollection, {stem}", f"no {granule}")


def check_valid(call, zagg, store):
    """zagg itself finds nothing wrong."""
    found = json.loads(call(zagg, "validate", store, "--format", "json"))
    assert found["sound"] and not found["unchecked"], found
    return f"{found['blocks']} blocks, {found['shards']} shards"


def check_golden(call, store, shared, reference):
    """The reference checker, which must agree on every cell."""
    cells = sum(1 for _ in open(shared / "golden" / reference)) - 1
    line = call(
        sys.executable, shared / "tools/check_store.py", store, shared / "golden" / reference, "--group", "rectilinear"
    ).splitlines()[-1]
    assert line == f"{cells} passed, 0 failed", line
    return line
