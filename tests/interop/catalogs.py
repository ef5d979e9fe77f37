#!/usr/bin/env python3
"""Shard maps and catalogs in files: the original zagg and general readers on ours, ours on those of the original.

usage: catalogs.py --zagg PROGRAM --data DIR --work DIR
needs: the packages of peers-requirements.txt, among them the original zagg with pyarrow, stac-geoparquet and geopandas

Checks every real shard map and catalog in DIR/cmr, and says what it has checked; the exit code is 1 when something is wrong.
Called by run.py.
"""

import argparse
import json
import subprocess
import sys
import warnings
from pathlib import Path

import geopandas
import numpy as np
import pyarrow.parquet as pq
import stac_geoparquet.arrow
from zagg.catalog.shardmap import ShardMap
from zagg.catalog.sources import Catalog

ENDINGS = ["json", "json.zst", "parquet"]


def call(*command):
    done = subprocess.run([str(word) for word in command], capture_output=True, text=True, stdin=subprocess.DEVNULL)
    assert done.returncode == 0, f"{' '.join(map(str, command))}: exit code {done.returncode}\n{done.stderr}"
    return done.stdout


def content(shard_map):
    """What a map of the original says."""
    return shard_map.metadata, shard_map.grid_signature, shard_map.shard_keys, shard_map.granules, shard_map.aoi_mask


def read_table(path):
    """The map in our Parquet form, read as docs/src/shard-map.md says."""
    table = pq.read_table(path)
    about = json.loads(table.schema.metadata[b"zagg:shard_map"])
    granules = table["granule"].slice(0, about["granules"]).to_pylist()
    rows = table.slice(0, about["shards"])
    keys = rows["shard_key"].to_pylist()
    lists = [[granules[number] for number in numbers] for numbers in rows["shard_granules"].to_pylist()]
    areas = None
    if "aoi_mask" in table.column_names:
        runs = rows["aoi_mask"].to_pylist()
        areas = [[code for run in one for code in range(run["first"], run["last"] + 1)] for one in runs]
    known = [[{key: value for key, value in granule.items() if value is not None} for granule in one] for one in lists]
    return about["metadata"], about["grid_signature"], keys, known, areas


def check_map(zagg, path, work):
    """A map of the original through its own two forms and our three, with and without areas of interest."""
    theirs = ShardMap.from_json(str(path))
    for areas in [None, [[7, 8, 9, 2**64 - 1 - at] for at in range(len(theirs.shard_keys))]]:
        theirs.aoi_mask = areas
        name = path.stem + ("" if areas is None else "_areas")
        sources = [work / f"{name}_theirs.json", work / f"{name}_theirs.parquet"]
        theirs.to_json(str(sources[0]))
        theirs.to_parquet(str(sources[1]))
        for source in sources:
            for ending in ENDINGS:
                ours = work / f"{name}.{ending}"
                call(zagg, "catalog", "filter", source, "--granule", "*", "--output", ours)
                if ending == "parquet":
                    assert read_table(ours) == content(theirs), f"{ours}: pyarrow reads something else"
                back = work / f"{name}_back.json"
                call(zagg, "catalog", "filter", ours, "--granule", "*", "--output", back)
                assert content(ShardMap.from_json(str(back))) == content(theirs), f"{ours} came back changed"
    return len(theirs.shard_keys), sum(map(len, theirs.granules))


def records(path):
    return Catalog.from_geoparquet(str(path)).granule_records()


def moment(text):
    """Seconds since 1970."""
    return None if text is None else np.datetime64(text.replace("+00:00", "").rstrip("Z"), "us")


def check_catalog(zagg, path, work, area):
    """A catalog of the original becomes one of ours, and all of its readers find the same in it."""
    ours = work / f"{path.stem}_ours.parquet"
    call(zagg, "catalog", "--plugin", "atl03", "--from-catalog", path, "--polygon", area, "--catalog-out", ours,
         "--output", work / "any.json")
    have, want = records(ours), records(path)
    assert len(have) == len(want) > 0, f"{len(have)} granules, {len(want)} wanted"
    for a, b in zip(have, want, strict=True):
        assert (a["id"], a["s3"], a["https"]) == (b["id"], b["s3"], b["https"]), (a, b)
        assert (a["lats"] == b["lats"]).all() and (a["lons"] == b["lons"]).all(), f"{a['id']}: another footprint"
        for key in ["time_start", "time_end"]:
            assert moment(a[key]) == moment(b[key]), f"{a['id']}: {key}"
    metadata = Catalog.from_geoparquet(str(path)).metadata
    kept = Catalog.from_geoparquet(str(ours)).metadata
    assert all(kept.get(key) == value for key, value in metadata.items()), f"{kept} lacks some of {metadata}"
    with warnings.catch_warnings():
        # That edges are great circles, which geopandas has no notion of.
        warnings.filterwarnings("ignore", message=".*spherical edges.*")
        frame = geopandas.read_parquet(ours)
    assert len(frame) == len(want) and frame.crs.to_string() in ("OGC:CRS84", "EPSG:4326"), frame.crs
    assert frame.geometry.geom_type.eq("Polygon").all() and frame.geometry.is_valid.notna().all()
    items = list(stac_geoparquet.arrow.stac_table_to_items(pq.read_table(ours)))
    for item, granule in zip(items, want, strict=True):
        assert item["type"] == "Feature" and item["id"] == granule["id"] and item["links"] == [], item
        assert item["assets"]["data"]["href"] == granule["https"] and item["assets"]["data"]["roles"] == ["data"], item
        assert moment(item["properties"]["start_datetime"]) == moment(granule["time_start"]), item
        assert len(item["bbox"]) == 4 and item["geometry"]["type"] == "Polygon", item
    return len(want)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--zagg", required=True, type=Path, help="the program")
    parser.add_argument("--data", required=True, type=Path, help="real data, with a folder cmr")
    parser.add_argument("--work", required=True, type=Path, help="write here")
    arguments = parser.parse_args()
    cmr, work = arguments.data / "cmr", arguments.work
    maps = [check_map(arguments.zagg, path, work) for path in sorted(cmr.glob("shardmaps/sm_*.json"))]
    area = cmr / "shardmaps/AOP_NEON.geojson"
    catalogs = [
        check_catalog(arguments.zagg, cmr / f"zagg_cat_{name}_ATL03_007.parquet", work, area) for name in ["neon", "serc"]
    ]
    assert maps and catalogs, f"nothing to check in {cmr}"
    pairs = sum(pairs for _, pairs in maps)
    print(f"{len(maps)} maps with {pairs} pairs, {len(catalogs)} catalogs with {sum(catalogs)} granules")
    return 0


if __name__ == "__main__":
    sys.exit(main())
