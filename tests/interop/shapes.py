"""Cells that hold vectors and lists, and Blosc frames, read by zarr-python. Written by the example `shapes` of zagg-zarr."""

from pathlib import Path

import numpy as np
import zarr

ROOT = Path(__file__).resolve().parent.parent.parent
CELLS, BLOCK, WIDTH = 24, 8, 3
WRITTEN = np.array([cell // BLOCK != 1 for cell in range(CELLS)])


def lists(array):
    """The lists of an array, as its attribute `ragged` says: one numpy array per cell."""
    ragged = array.attrs["ragged"]
    assert ragged["spec"] == "zagg-ragged/1", ragged
    element = ragged["element"]
    dtype = np.dtype(element["dtype"]).newbyteorder("<")
    return [np.frombuffer(cell, dtype).reshape(element["shape"]) for cell in array[:]]


def check_vectors(group):
    want = np.arange(CELLS)[:, None] + np.arange(WIDTH)[None, :] / 8
    want[~WRITTEN] = np.nan
    for name in ["vectors", "sharded_vectors"]:
        array = group[name]
        assert array.metadata.dimension_names == ("cells", "bins"), array.metadata.dimension_names
        np.testing.assert_array_equal(array[:], want.astype("float32"), err_msg=name)
    assert group["sharded_vectors"].shards == (BLOCK, WIDTH)


def check_lists(group):
    pairs = [[[i + j / 8, -i] for j in range(i * 5 % 4)] if WRITTEN[i] else [] for i in range(CELLS)]
    for name in ["pairs", "sharded_pairs"]:
        for cell, (have, want) in enumerate(zip(lists(group[name]), pairs, strict=True)):
            assert have.dtype == np.float32 and have.shape == (len(want), 2), f"{name}, cell {cell}: {have.shape}"
            np.testing.assert_array_equal(have, np.array(want, "float32").reshape(-1, 2), err_msg=f"{name}, cell {cell}")
    assert group["sharded_pairs"].shards == (BLOCK,) and group["sharded_pairs"].chunks == (4,)
    numbers = [[(i << 40) - j for j in range(i % 3)] if WRITTEN[i] else [] for i in range(CELLS)]
    for cell, (have, want) in enumerate(zip(lists(group["numbers"]), numbers, strict=True)):
        assert have.shape == (len(want),) and have.tolist() == want, f"numbers, cell {cell}: {have}"
    # A part of the cells, from two blocks.
    assert [len(cell) // 8 for cell in group["pairs"][5:19]] == [len(cell) for cell in pairs[5:19]]


def check_blosc(group):
    names = [name for name in sorted(group.array_keys()) if name.startswith("blosc_")]
    assert len(names) == 11, names
    for name in names:
        array = group[name]
        want = np.where(WRITTEN, np.arange(CELLS) % 2, 0).astype(array.dtype)
        assert array.dtype == np.dtype(name.removeprefix("blosc_")), array.dtype
        np.testing.assert_array_equal(array[:], want, err_msg=name)


def run(checks, call, work):
    """Writes the store and looks at it."""
    path = work / "shapes.zarr"
    command = ["cargo", "run", "--quiet", "--package", "zagg-zarr", "--example", "shapes", "--", path]
    if not checks.run("shapes: written", lambda: call(*command, folder=ROOT) and None):
        return
    group = zarr.open_consolidated(path)["6"]
    for name, check in {"vectors": check_vectors, "lists": check_lists, "blosc": check_blosc}.items():
        checks.run(f"shapes: {name} by zarr-python", check, group)
