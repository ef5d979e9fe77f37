"""Stores with an area of interest in xarray: the mask, and rows dropped outside it.

Used by run.py, which says how to call it. The lists of the shard map are made here, from the definitions of the grids alone.
"""

import json

import numpy as np
import xarray as xr

HEALPIX = "grid: {type: healpix, parent_order: 6, child_order: 12}"
# Stripes of this width cut through the tracks of all granules.
STRIPE = 30_000
PLANE = (
    "grid: {type: rectilinear, crs: EPSG:3031, resolution: 5000, bounds: [-3200000, -3200000, 3200000, 3200000], "
    "chunk_shape: [64, 64]}"
)


def words(shard_map):
    """Every second shard lies inside, whole: its key is the word of all its cells."""
    return [[key] if at % 2 == 0 else [] for at, key in enumerate(shard_map["shard_keys"])]


def striped(x, y):
    """Whether places lie in one of the stripes."""
    return np.floor((x + y) / STRIPE) % 2 == 0


def ids(shard_map):
    """Cells of a plane whose centres lie in every second stripe, from corner to corner."""
    rows, columns = shard_map["grid_signature"]["shape"]
    height, width = shard_map["grid_signature"]["chunk_shape"]
    size, _, left, _, _, upper = shard_map["grid_signature"]["affine"]
    lists = []
    for key in shard_map["shard_keys"]:
        top, first = key // (columns // width) * height, key % (columns // width) * width
        row, column = np.mgrid[top : top + height, first : first + width]
        x, y = left + (column + 0.5) * size, upper - (row + 0.5) * size
        lists.append((row * columns + column)[striped(x, y)].tolist())
    return lists


def stores(zagg, call, folder, granules, grid, lists):
    """A store that is whole with a mask, and one that is clipped, of the same map."""
    base = ["--plugin", "atl06", "--config", folder / "grid.yaml"]
    (folder / "grid.yaml").write_text(f"output: {{{grid}}}\n")
    call(zagg, "catalog", "--from-files", granules, "--output", folder / "map.json", *base)
    shard_map = json.loads((folder / "map.json").read_text())
    shard_map["aoi_mask"] = lists(shard_map)
    shard_map["metadata"]["aoi_mask"] = True
    (folder / "map.json").write_text(json.dumps(shard_map))
    summaries = []
    for name, keys in [("whole", "aoi_mask: true"), ("clipped", "aoi_mask: true, clip: true")]:
        (folder / f"{name}.yaml").write_text(f"output: {{{keys}}}\n")
        options = ["--catalog", folder / "map.json", "--store", folder / f"{name}.zarr", "--format", "json"]
        summaries.append(json.loads(call(zagg, "run", *base, "--config", folder / f"{name}.yaml", *options)))
    whole, clipped = summaries
    assert "rows_outside_area" not in whole, whole
    assert clipped["rows_kept"] + clipped["rows_outside_area"] == whole["rows_kept"], clipped
    assert clipped["rows_kept"] > 0 and clipped["rows_outside_area"] > 0, clipped
    return shard_map


def check(folder, group, wanted):
    """xarray reads the mask as it was meant, and the clipped store is the whole one where the mask is set."""
    whole, clipped = (xr.open_zarr(folder / f"{name}.zarr", group=group) for name in ["whole", "clipped"])
    mask = whole["aoi_mask"]
    assert mask.dtype == np.bool_ and mask.dims == whole["count"].dims, (mask.dtype, mask.dims)
    assert mask.attrs["flag_meanings"] == "outside inside" and mask.attrs["long_name"], mask.attrs
    assert (mask.values == wanted(whole)).all(), "the mask is not that of the map"
    assert (clipped["aoi_mask"].values == mask.values).all(), "the masks differ"
    strict = whole.where(mask)
    counts = strict["count"].fillna(0).values
    assert counts.sum() > 0 and (clipped["count"].values == counts).all(), "counts differ"
    for name in ["h_mean", "h_min", "h_sigma"]:
        assert np.array_equal(clipped[name].values, strict[name].values, equal_nan=True), f"{name} differs"
    return f"{int(mask.sum())} of {mask.size} cells inside"


def inside_shards(data):
    """Of a compact store: every second shard, in ascending order of the ids."""
    shards = data["cell_ids"].values >> np.uint64(12)
    return np.searchsorted(np.unique(shards), shards) % 2 == 0


def inside_stripes(data, shard_map):
    """Of a plane: cells of the map's shards whose coordinates in the store lie in the stripes."""
    signature = shard_map["grid_signature"]
    (rows, columns), (height, width) = signature["shape"], signature["chunk_shape"]
    shards = np.isin(np.arange(rows // height * (columns // width)), shard_map["shard_keys"])
    blocks = shards.reshape(rows // height, columns // width)
    x, y = np.meshgrid(data["x"].values, data["y"].values)
    return striped(x, y) & np.kron(blocks, np.ones((height, width), bool))


def run(checks, call, zagg, work, granules):
    """Both grids."""
    for name, grid, lists, group in [("healpix", HEALPIX, words, "12"), ("rectilinear", PLANE, ids, "rectilinear")]:
        folder = work / f"aoi-{name}"
        folder.mkdir()
        made = {}

        def make():
            made["map"] = stores(zagg, call, folder, granules, grid, lists)

        if not checks.run(f"area of interest, {name}: runs", make):
            continue

        def wanted(data):
            return inside_shards(data) if name == "healpix" else inside_stripes(data, made["map"])

        checks.run(f"area of interest, {name}: xarray", check, folder, group, wanted)
        checks.run(f"area of interest, {name}: zagg validate", lambda: validate(call, zagg, folder))


def validate(call, zagg, folder):
    """zagg itself finds nothing wrong."""
    for name in ["whole", "clipped"]:
        found = json.loads(call(zagg, "validate", folder / f"{name}.zarr", "--format", "json"))
        assert found["sound"] and not found["unchecked"], found
