#!/usr/bin/env python3
"""The Python side of peers.py: shards of a shard map by the original zagg, or all of them by h5py and polars.

usage: peers_python.py zagg MAP.json SHARDS      process_shard over so many shards, evenly chosen from the map
       peers_python.py polars MAP.json           the nine statistics of all cells of all granules in one go
needs: the packages of peers-requirements.txt
Prints JSON: seconds, shards, rows, cells. The seconds leave out starting Python and importing packages.
"""

import json
import logging
import sys
import time

FILL = 3.0e38


def shards(path):
    """Key and paths of the granules of every shard."""
    with open(path) as file:
        shard_map = json.load(file)
    return [
        (int(key), [granule["file"] for granule in granules])
        for key, granules in zip(shard_map["shard_keys"], shard_map["granules"])
    ]


def by_zagg(chosen):
    from h5coro import filedriver
    from zagg.config import default_config
    from zagg.grids import from_config
    from zagg.processing import process_shard

    logging.disable(logging.WARNING)
    config = default_config("atl06")
    grid = from_config(config)
    rows = cells = 0
    start = time.perf_counter()
    for key, files in chosen:
        frame, meta = process_shard(
            grid, key, files, s3_credentials={}, config=config,
            h5coro_driver=filedriver.FileDriver, driver="https", handoff="pandas",
        )
        if meta["error"] or len(frame) == 0:
            continue
        rows += int(meta["total_obs"])
        cells += int((frame["count"] > 0).sum())
    return time.perf_counter() - start, len(chosen), rows, cells


def by_polars(all_shards):
    import h5py
    import mortie
    import numpy as np
    import polars as pl
    from zagg.config import default_config
    from zagg.grids import from_config

    config = default_config("atl06")
    grid = from_config(config)
    files = sorted({file for _, files in all_shards for file in files})
    start = time.perf_counter()
    frames = []
    for path in files:
        with h5py.File(path) as file:
            for beam in ("gt1l", "gt1r", "gt2l", "gt2r", "gt3l", "gt3r"):
                group = file.get(f"{beam}/land_ice_segments")
                if group is None:
                    continue
                height = group["h_li"][:]
                keep = (group["atl06_quality_summary"][:] == 0) & (height < FILL)
                points = grid.assign(group["latitude"][:][keep], group["longitude"][:][keep])
                cell = mortie.clip2order(grid.child_order, points)
                frames.append(pl.DataFrame({
                    "cell": np.asarray(cell).astype(np.uint64),
                    "h": height[keep],
                    "s": group["h_li_sigma"][:][keep],
                }))
    rows = pl.concat(frames)
    h, weight = pl.col("h").cast(pl.Float64), 1.0 / pl.col("s").cast(pl.Float64) ** 2
    table = rows.group_by("cell").agg(
        count=pl.len(), h_min=h.min(), h_max=h.max(), h_mean=(h * weight).sum() / weight.sum(),
        h_sigma=1.0 / weight.sum().sqrt(), h_variance=h.var(ddof=0),
        h_q25=h.quantile(0.25, "linear"), h_q50=h.quantile(0.5, "linear"), h_q75=h.quantile(0.75, "linear"),
    )
    return time.perf_counter() - start, len(all_shards), rows.height, table.height


def main():
    what, path = sys.argv[1:3]
    everything = shards(path)
    if what == "polars":
        answer = by_polars(everything)
    else:
        wanted = min(int(sys.argv[3]), len(everything))
        answer = by_zagg([everything[i * len(everything) // wanted] for i in range(wanted)])
    print(json.dumps(dict(zip(("seconds", "shards", "rows", "cells"), answer))))


if __name__ == "__main__":
    main()
