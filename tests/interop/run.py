#!/usr/bin/env python3
"""Interoperability: Python's own readers look at what zagg writes and reads.

usage: run.py --zagg PROGRAM --ids PROGRAM --old-xdggs PYTHON --python-zagg PYTHON [--work DIR]
needs: the packages of requirements.txt; for --old-xdggs a Python with those of xdggs-0.6-requirements.txt, for --python-zagg
one with those of peers-requirements.txt; for --ids the example of that name of the crate zagg-healpix. `cargo xtask check
--only interop` calls this with all of them.

Environment:
  ZAGG_TEST_DATA  folder with real granules (default ../shared/data); without it those checks are skipped
  ZAGG_SHARED     folder with reference values and their checker (default ../shared)

Prints one line per check; closing line: 'N passed, M failed'. The exit code is 1 when something failed.
"""

import argparse
import glob
import json
import os
import subprocess
import sys
import tempfile
import traceback
from pathlib import Path

import aoi
import ids
import levels
import pictures
import presets
import rectilinear
import schemas
import shapes

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent.parent
SHARED = Path(os.environ.get("ZAGG_SHARED", ROOT.parent / "shared"))
DATA = Path(os.environ.get("ZAGG_TEST_DATA", SHARED / "data"))
# Cells with data of the real granules, at order 12 in shards of order 6.
GOLDEN = "atl06_healpix_6_12_wgs84.csv"
CELLS = 1232
CONFIGS = {"preset": None, "0.10": "atl06_0.10.yaml", "0.61": "atl06_0.61.yaml"}
LAYOUTS = ["compact", "full_sphere"]
# Orders of the store with several: cells, coarser ones in shards of order 6, and some that hold whole shards.
LEVELS = [12, 10, 8, 6, 4, 0]


class Checks:
    """Runs checks and counts how they end."""

    def __init__(self):
        self.passed = self.failed = self.skipped = 0

    def run(self, name, check, *arguments):
        """Runs one check; what it returns is a note. A failure does not keep the others from running."""
        try:
            note = check(*arguments)
        except Exception as error:  # noqa: BLE001: any failure of a check is its result.
            self.failed += 1
            print(f"FAILED  {name}: {error}")
            if not isinstance(error, (AssertionError, Failed)):
                traceback.print_exc(file=sys.stdout)
            return False
        self.passed += 1
        print(f"passed  {name}" + (f": {note}" if note else ""))
        return True

    def skip(self, name, why):
        self.skipped += 1
        print(f"SKIPPED {name}: {why}")


class Failed(Exception):
    """A program failed."""


def call(*command, folder=None):
    """The standard output of a program that must succeed."""
    words = [str(word) for word in command]
    done = subprocess.run(words, cwd=folder, capture_output=True, text=True, stdin=subprocess.DEVNULL)
    if done.returncode != 0:
        tail = "\n".join((done.stdout + done.stderr).strip().splitlines()[-12:])
        raise Failed(f"{' '.join(words)}: exit code {done.returncode}\n{tail}")
    return done.stdout


def make_demo(zagg, work):
    folder = work / "demo"
    folder.mkdir()
    call(zagg, "demo", folder=folder)


def check_granules(folder):
    files = sorted(glob.glob(f"{folder}/*.h5"))
    assert files, f"no granules in {folder}"
    return call(sys.executable, HERE / "check_granule.py", *files).splitlines()[-1]


def pipeline(config, layout, work):
    """The options that choose a pipeline: the original's file unchanged, or the preset; compact is the default layout."""
    options = ["--config", config] if config else ["--plugin", "atl06"]
    if layout != "compact":
        path = work / f"{layout}.yaml"
        path.write_text(f"output: {{layout: {layout}}}\n")
        options += ["--config", path]
    return options


def make_map(zagg, options, granules, path):
    call(zagg, "catalog", "--from-files", granules, "--output", path, *options)
    shard_map = json.loads(path.read_text())
    assert shard_map["shard_keys"] and len(shard_map["granules"]) == len(shard_map["shard_keys"]), "not a shard map"


def make_store(zagg, options, shard_map, store):
    call(zagg, "run", "--catalog", shard_map, "--store", store, *options)


def check_valid(zagg, store):
    """zagg itself finds nothing wrong."""
    found = json.loads(call(zagg, "validate", store, "--format", "json"))
    assert found["sound"] and not found["unchecked"], found
    return f"{found['blocks']} blocks, {found['shards']} shards"


def check_golden(store):
    """The reference checker, which must agree on every cell."""
    line = call(sys.executable, SHARED / "tools/check_store.py", store, SHARED / "golden" / GOLDEN, "--group", "12")
    line = line.splitlines()[-1]
    assert line == f"{CELLS} passed, 0 failed", line
    return line


def check_zarr(store, layout):
    """zarr-python reads the consolidated metadata, which says the same as the metadata of each array."""
    import zarr

    consolidated = zarr.open_consolidated(store)
    plain = zarr.open_group(store, mode="r", use_consolidated=False)
    metadata = consolidated.metadata.consolidated_metadata
    assert metadata is not None, "no consolidated metadata"
    names = set(metadata.flattened_metadata)
    members = dict(plain.members(max_depth=None))
    assert names == set(members), f"consolidated metadata differ: {sorted(names ^ set(members))}"
    for name, member in members.items():
        assert metadata.flattened_metadata[name].to_dict().get("attributes") == member.metadata.to_dict().get(
            "attributes"
        ), f"{name}: attributes differ from the consolidated ones"
    assert plain.attrs["zagg"]["state"] == "complete", f"state {plain.attrs['zagg']['state']!r}"
    group = consolidated["12"]
    assert ("cell_ids" in group) == (layout == "compact"), "cell_ids belong to the compact layout only"
    length = group["count"].shape[0]
    assert layout == "compact" or length == 12 * 4**12, f"{length} cells are no full sphere"
    for name, array in group.arrays():
        assert array.shape[:1] == (length,), f"{name}: shape {array.shape}"
        assert tuple(array.metadata.dimension_names) == ("cells",), f"{name}: {array.metadata.dimension_names}"
    # The preset says m; without attributes in the pipeline the granules' own word is taken.
    for name, units in {"count": ["1"], "h_mean": ["m", "meters"], "h_variance": ["m2", "meters2"]}.items():
        assert group[name].attrs.get("units") in units, f"{name}: units {group[name].attrs.get('units')!r}"
        assert group[name].attrs.get("long_name"), f"{name}: no long_name"
    return f"{len(members)} members, {length} cells"


def check_xdggs(store):
    """xarray and xdggs open the store in their default mode; ids and centres are those of healpix-geo."""
    import healpix_geo
    import numpy as np
    import xarray as xr
    import xdggs

    data = xr.open_zarr(store, group="12").pipe(xdggs.decode)
    info = data.dggs.grid_info
    assert info.level == 12, f"level {info.level}"
    assert info.indexing_scheme == "nested", f"indexing scheme {info.indexing_scheme!r}"
    ids = data["cell_ids"].values
    assert ids.dtype == np.uint64 and (np.diff(ids.astype(np.int64)) > 0).all(), "cell_ids must increase"
    centers = data.dggs.cell_centers()
    longitude, latitude = healpix_geo.nested.healpix_to_lonlat(ids, 12, ellipsoid="WGS84")
    turn = np.abs((centers["longitude"].values - longitude + 180) % 360 - 180)
    # Next to a pole a small distance is a large difference in longitude.
    assert (turn * np.cos(np.radians(latitude)) < 1e-9).all(), f"longitudes differ by up to {turn.max()} degrees"
    apart = np.abs(centers["latitude"].values - latitude).max()
    assert apart < 1e-9, f"latitudes differ by up to {apart} degrees"
    again = healpix_geo.nested.lonlat_to_healpix(longitude, latitude, 12, ellipsoid="WGS84")
    assert (again == ids).all(), "centres do not lie in their cells"
    full = data["count"].values > 0
    heights = data["h_mean"].values
    assert full.any(), "no cell has rows"
    assert np.isfinite(heights[full]).all() and np.isnan(heights[~full]).all(), "h_mean and count disagree"
    return f"{len(ids)} cells, {full.sum()} with rows"


def check_root(store):
    """The root and every group keep the conventions' schemas; the root lists the levels with their scales."""
    import zarr

    root = zarr.open_group(store, mode="r")
    schemas.check(dict(root.attrs), "multiscales")
    layout = root.attrs["multiscales"]["layout"]
    assert [item["asset"] for item in layout] == [str(level) for level in LEVELS], layout
    for at, (item, level) in enumerate(zip(layout, LEVELS)):
        attributes = dict(root[item["asset"]].attrs)
        schemas.check(attributes, "dggs")
        assert item["dggs"] == attributes["dggs"] and item["dggs"]["refinement_level"] == level, item
        if at > 0:
            assert item["derived_from"] == layout[at - 1]["asset"], item
            assert item["transform"] == {"scale": [2.0 ** (LEVELS[at - 1] - level)]}, item
    return f"{len(layout)} levels"


def check_levels(checks, zagg, work, name, granules, old_xdggs):
    """A store with several levels, in new and old readers."""
    folder = work / f"levels-{name}"
    folder.mkdir()
    config = folder / "levels.yaml"
    config.write_text(f"output: {{grid: {{levels: {LEVELS}}}}}\n")
    options = ["--plugin", "atl06", "--config", config]
    shard_map, store = folder / "map.json", folder / "out.zarr"

    def make():
        make_map(zagg, options, granules, shard_map)
        make_store(zagg, options, shard_map, store)

    if not checks.run(f"{name} levels: run", make):
        return
    checks.run(f"{name} levels: schemas of the conventions", check_root, store)
    checks.run(f"{name} levels: newest xdggs", levels.check, store, LEVELS[0], LEVELS, folder)
    script = [old_xdggs, HERE / "levels.py", store, LEVELS[0], *LEVELS, "--pictures", folder]
    checks.run(f"{name} levels: old xdggs", lambda: call(*script).strip())


def check_placement(store, granules):
    """Rows of good quality per cell, located by healpix-geo, are the counts of the store."""
    import h5py
    import healpix_geo
    import numpy as np
    import zarr

    fill = np.float32(3.4028235e38)
    cells = []
    for path in sorted(glob.glob(granules)):
        with h5py.File(path) as file:
            for beam in ["gt1l", "gt1r", "gt2l", "gt2r", "gt3l", "gt3r"]:
                if f"{beam}/land_ice_segments/h_li" not in file:
                    continue
                group = file[f"{beam}/land_ice_segments"]
                good = (group["atl06_quality_summary"][:] == 0) & (group["h_li"][:] != fill)
                where = group["longitude"][:][good], group["latitude"][:][good]
                cells.append(healpix_geo.nested.lonlat_to_healpix(*where, 12, ellipsoid="WGS84"))
    wanted, counts = np.unique(np.concatenate(cells), return_counts=True)
    group = zarr.open_group(store, mode="r")["12"]
    have = group["count"][:]
    assert have.sum() == counts.sum(), f"{have.sum()} rows in the store, {counts.sum()} in the granules"
    at = np.searchsorted(group["cell_ids"][:], wanted) if "cell_ids" in group else wanted
    assert (have[at] == counts).all(), "counts of cells differ"
    return f"{counts.sum()} rows in {len(wanted)} cells"


def check_run(checks, zagg, work, name, config, layout, granules, golden):
    """A catalogue and a run, and every reader on the store."""
    work = work / name.replace(" ", "-")
    work.mkdir()
    options = pipeline(config, layout, work)
    shard_map, store = work / "map.json", work / "out.zarr"
    if not checks.run(f"{name}: catalog", make_map, zagg, options, granules, shard_map):
        return
    if not checks.run(f"{name}: run", make_store, zagg, options, shard_map, store):
        return
    checks.run(f"{name}: zagg validate", check_valid, zagg, store)
    checks.run(f"{name}: zarr-python", check_zarr, store, layout)
    checks.run(f"{name}: rows of h5py placed by healpix-geo", check_placement, store, granules)
    if layout == "compact":
        checks.run(f"{name}: xarray and xdggs", check_xdggs, store)
    if golden:
        checks.run(f"{name}: reference values", check_golden, store)


def check_catalogs(checks, zagg, work, python_zagg):
    """Files of shard maps and granules, here and in the original."""
    if not (DATA / "cmr/shardmaps").is_dir():
        checks.skip("catalog files", f"no shard maps in {DATA}/cmr: set ZAGG_TEST_DATA")
        return
    folder = work / "catalogs"
    folder.mkdir()
    script = [python_zagg, HERE / "catalogs.py", "--zagg", zagg, "--data", DATA, "--work", folder]
    checks.run("catalog files: the original zagg, geopandas, stac-geoparquet", lambda: call(*script).strip())


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--zagg", required=True, type=Path, help="the program")
    parser.add_argument("--ids", required=True, type=Path, help="writes the ids of positions")
    parser.add_argument("--old-xdggs", required=True, type=Path, help="a Python with an older xdggs")
    parser.add_argument("--python-zagg", required=True, type=Path, help="a Python with the original zagg")
    parser.add_argument("--work", type=Path, help="keep what is written in this new folder")
    arguments = parser.parse_args()
    zagg = arguments.zagg.resolve()
    checks = Checks()
    with tempfile.TemporaryDirectory(prefix="zagg-interop-") as temporary:
        work = arguments.work.resolve() if arguments.work else Path(temporary)
        work.mkdir(parents=True, exist_ok=True)
        checks.run("ids of healpix-geo", ids.check, call, arguments.ids.resolve(), work)
        if checks.run("demo", make_demo, zagg, work):
            demo = work / "demo/zagg-demo"
            granules = f"{demo}/granules/*.h5"
            checks.run("demo: h5py reads the granules", check_granules, demo / "granules")
            checks.run("demo: zagg validate", check_valid, zagg, demo / "out.zarr")
            checks.run("demo: zarr-python", check_zarr, demo / "out.zarr", "compact")
            checks.run("demo: xarray and xdggs", check_xdggs, demo / "out.zarr")
            checks.run("demo: rows of h5py placed by healpix-geo", check_placement, demo / "out.zarr", granules)
            check_levels(checks, zagg, work, "demo", granules, arguments.old_xdggs)
            aoi.run(checks, call, zagg, work, granules)
        pictures.run(checks, call, zagg, work)
        shapes.run(checks, call, work)
        granules = f"{DATA}/atl06/*.h5"
        golden = (SHARED / "golden" / GOLDEN).exists() and (SHARED / "tools/check_store.py").exists()
        if not glob.glob(granules):
            checks.skip("real granules", f"no granules in {DATA}/atl06: set ZAGG_TEST_DATA")
        elif not golden:
            checks.skip("reference values", f"no {GOLDEN} in {SHARED}: set ZAGG_SHARED")
        for name, file in CONFIGS.items() if glob.glob(granules) else []:
            config = DATA / "zagg_configs" / file if file else None
            if config and not config.exists():
                checks.skip(f"configuration {name}", f"{config} is absent")
                continue
            for layout in LAYOUTS:
                check_run(checks, zagg, work, f"{name} {layout}", config, layout, granules, golden)
        if glob.glob(granules):
            check_levels(checks, zagg, work, "real granules", granules, arguments.old_xdggs)
            rectilinear.run(checks, call, zagg, work, granules, SHARED, DATA)
        presets.run(checks, call, zagg, work, DATA)
        check_catalogs(checks, zagg, work, arguments.python_zagg)
    if checks.skipped:
        print(f"{checks.skipped} skipped")
    print(f"{checks.passed} passed, {checks.failed} failed")
    return 1 if checks.failed else 0


if __name__ == "__main__":
    sys.exit(main())
