"""Checks of plugins as shared libraries: those made from the template, and the examples on real granules.

usage: plugins.py --zagg PROGRAM --libraries FOLDER --granules FOLDER [--data FOLDER] [--pictures FOLDER]
`cargo xtask check --only template` builds them and calls this; the program needs its feature s2. `--data` is where the real
granules are (default: $ZAGG_TEST_DATA or ../shared/data); what needs them is skipped when they are not there. `--pictures` keeps
the pictures of the other grids.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

import matplotlib
import numpy as np
import xarray as xr

import pictures
import presets

ROOT = Path(__file__).resolve().parent.parent.parent
# Two tracks of 5,000 rows, of which every tenth is bad: tests/sample of the template.
ROWS = 9000
BODY = """
data_source:
  reader: hdf5-points
  driver: file
  groups: [track1, track2]
  coordinates: {latitude: "/{group}/latitude", longitude: "/{group}/longitude"}
  variables: {height: "/{group}/height"}
  quality_filter: {dataset: "/{group}/quality", value: 0}
aggregation:
  variables:
    count: {function: len, source: height, dtype: int32, fill_value: 0}
output:
  layout: compact
  grid: {type: healpix, parent_order: 7, child_order: 14}
"""


# Grids that `zagg render` draws through the trait alone: the one that is linked in, and the one of a library. Cells of some 900 m.
DRAWN = {
    "s2": "output: {grid: {type: s2, parent_level: 7, child_level: 13, chunk_inner: 10}}",
    "made_grid_quads": "output: {grid: {type: made_grid_quads, parent_level: 6, child_level: 12}}",
}


class Zagg:
    """The program, with a library or without."""

    def __init__(self, program, library=None):
        self.program, self.library = program, library

    def __call__(self, *arguments, folder=None):
        command = [self.program, *arguments, *(["--plugin-path", self.library] if self.library else [])]
        done = subprocess.run([str(part) for part in command], capture_output=True, text=True, cwd=folder)
        if done.returncode != 0:
            sys.exit(f"{' '.join(map(str, command))}: exit {done.returncode}\n{done.stdout}{done.stderr}")
        return done.stdout


def library(folder, crate):
    return folder / f"lib{crate.replace('-', '_')}.so"


def make(zagg, work, granules, pipeline, files=None, source=()):
    """Shard map and store; gives the summary of the run."""
    files = files or [granules]
    zagg("catalog", *pipeline, "--from-files", *files, *source, "--output", work / "map.json")
    run = ["run", *pipeline, "--catalog", work / "map.json", "--store", work / "out.zarr"]
    summary = json.loads(zagg(*run, "--driver", "file", "--format", "json"))
    assert summary["state"] == "complete", summary
    return summary


def config(work, text):
    path = work / "pipeline.yaml"
    path.write_text(text)
    return ["--config", path]


def with_source():
    lines = BODY.splitlines()
    text = "\n".join(line for line in lines if not line.lstrip().startswith(("groups:", "coordinates:")))
    return text.replace("hdf5-points", "made_source")


def with_statistic():
    share = "    high: {function: made_statistic_share_above, source: height, params: {threshold: 1500.5}, dtype: float64}\n"
    return BODY.replace("output:", share + "output:").replace("child_order: 14}", "child_order: 14, levels: [14, 0]}")


def with_grid():
    ours = "type: made_grid_quads, parent_level: 8, child_level: 14"
    return BODY.replace("type: healpix, parent_order: 7, child_order: 14", ours)


TEXTS = {"source": with_source, "statistic": with_statistic, "grid": with_grid}


def source(zagg, work, granules):
    assert make(zagg, work, granules, config(work, with_source()))["rows_kept"] == ROWS


def preset(zagg, work, granules):
    assert make(zagg, work, granules, ["--plugin", "made_preset"])["rows_kept"] == ROWS


def statistic(zagg, work, granules):
    assert make(zagg, work, granules, config(work, with_statistic()))["rows_kept"] == ROWS
    zagg("validate", work / "out.zarr")
    leaf, top = (xr.open_zarr(work / "out.zarr", group=group).compute() for group in ("14", "0"))
    high = float((leaf["high"] * leaf["count"]).sum())
    # Heights are 1000 + row / 4: rows 2003 to 4999 of either track, but every tenth.
    assert round(high) == 2 * sum(row % 10 != 9 for row in range(2003, 5000)), high
    assert np.isclose(float((top["high"] * top["count"]).sum()), high)


def grid(zagg, work, granules):
    assert make(zagg, work, granules, config(work, with_grid()))["rows_kept"] == ROWS
    zagg("validate", work / "out.zarr")
    data = xr.open_zarr(work / "out.zarr", group="14")
    assert int(data["count"].sum()) == ROWS


def listing(work, granules):
    """What the catalog of the template takes for files."""
    (granule,) = granules.glob("*.h5")
    path = work / "listing.txt"
    path.write_text(f"{granule.name}, {granule.resolve()}, 2024-01-06, 2024-01-07, 99, -71, 102, -68\n")
    return path


def catalog(zagg, work, granules):
    chosen = ["--source", "made_catalog_listing"]
    summary = make(zagg, work, granules, config(work, BODY), [listing(work, granules)], chosen)
    assert summary["rows_kept"] == ROWS


def versions(program, libraries, work, granules):
    """Libraries that were really built with other versions of zagg-core: refused in one line, or used where that is promised."""
    done = subprocess.run([program, "--version"], capture_output=True, text=True, check=True)
    ours = done.stdout.split()[1]
    major, minor, patch = map(int, ours.split("."))
    older, newer = f"0.{minor - 1}.9" if minor > 0 else f"{major - 1}.9.9", f"0.{minor + 1}.0"
    if major > 0:
        older, newer = f"{major - 1}.9.9", f"{major + 1}.0.0"
    for name, told in [
        ("made-older", f"it was built for zagg-core {older}, this program has zagg-core {ours}: build the plugin again"),
        ("made-newer", f"it was built for zagg-core {newer}, this program has zagg-core {ours}: build the plugin again"),
        ("made-altered", f"it was built for another zagg-core {ours} than this program's: build both from the same sources"),
    ]:
        path = library(libraries, name)
        for command in (["plugins", "list", "--plugin-path", path], ["plugins", "check", path]):
            done = subprocess.run([program, *command], capture_output=True, text=True)
            assert done.returncode == 1 and not done.stdout, (command, done)
            assert told in done.stderr and done.stderr.count("\n") == 1, (command, done.stderr)
        print(f"ok: {name} is refused: {done.stderr.strip()}")
    statistic(Zagg(program, library(libraries, "made-later")), work, granules)
    print(f"ok: a plugin for zagg-core {major}.{minor}.{patch + 99} runs in a zagg with {ours}")


def drawn(zagg, work, keep, name):
    """Pictures of the demo's granules on another grid: every pixel has the value of its cell, and matplotlib's colour."""

    def call(zagg, *arguments):
        return zagg(*arguments)

    zagg("demo", folder=work)
    pipeline = ["--plugin", "atl06", *config(work, DRAWN[name])]
    assert make(zagg, work, work / "zagg-demo/granules", pipeline)["cells"] > 1000
    store = work / "out.zarr"
    for number, (options, code) in enumerate([
        (["--size", "600"], 3031),
        (["--size", "600", "--crs", "EPSG:4326", "--variable", "count"], 4326),
        (["--size", "700", "--crs", "EPSG:3031", "--bounds", "45,-85.7,58,-85.2"], 3031),
    ]):
        options = options if "--variable" in options else ["--variable", "h_mean", *options]
        note = pictures.check_values(call, zagg, store, options, code, work / f"{number}.tif")
        print(f"ok: picture of {name}, {' '.join(options)}: {note}")
    # Cells that are seen one by one.
    part = ["--crs", "EPSG:3031", "--bounds", "45,-85.7,58,-85.2"]
    print(f"ok: colours of {name}: {pictures.check_colours(call, zagg, store, work, 'viridis', 'linear', 3860, 3980, part)}")
    if keep:
        keep.mkdir(parents=True, exist_ok=True)
        zagg("render", store, "--variable", "h_mean", "--output", keep / f"{name}.png", *part)


def example(zagg, work, data, name, golden):
    """The store of an example equals the references that h5py and numpy make of the granule."""
    paths, names, table = presets.read(golden)
    make(zagg, work, None, ["--plugin", name], [data / path for path in paths])
    print(f"ok: {name}: {presets.check_values(work / 'out.zarr', presets.GROUPS[golden], names, table)}")


def main():
    arguments = argparse.ArgumentParser()
    for name in ("zagg", "libraries", "granules"):
        arguments.add_argument(f"--{name}", type=Path, required=True)
    default = os.environ.get("ZAGG_TEST_DATA", ROOT.parent / "shared/data")
    arguments.add_argument("--data", type=Path, default=Path(default))
    arguments.add_argument("--pictures", type=Path)
    given = arguments.parse_args()
    matplotlib.use("Agg")
    (sample,) = given.granules.glob("*.h5")
    for kind in (source, catalog, grid, statistic, preset):
        lib = library(given.libraries, f"made-{kind.__name__}")
        zagg = Zagg(given.zagg, lib)
        with tempfile.TemporaryDirectory() as work:
            # The parts of a pipeline that the kind is checked with.
            text = TEXTS.get(kind.__name__, lambda: BODY)()
            checked = config(Path(work), text)
            file = listing(Path(work), given.granules) if kind is catalog else sample
            subprocess.run([given.zagg, "plugins", "check", lib, *checked, "--granule", file], check=True)
        assert f"made-{kind.__name__}" in zagg("plugins", "list")
        with tempfile.TemporaryDirectory() as work:
            kind(zagg, Path(work), given.granules)
        print(f"ok: {kind.__name__} from the template")
    with tempfile.TemporaryDirectory() as work:
        versions(given.zagg, given.libraries, Path(work), given.granules)
    for name, lib in [("s2", None), ("made_grid_quads", library(given.libraries, "made-grid"))]:
        with tempfile.TemporaryDirectory() as work:
            drawn(Zagg(given.zagg, lib), Path(work), given.pictures, name)
    for name, golden in (("gedi-l2a", "gedi_l2a"), ("cryosat-2", "cryosat2")):
        lib = library(given.libraries, name)
        subprocess.run([given.zagg, "plugins", "check", lib], check=True)
        if not all((given.data / path).is_file() for path in presets.read(golden)[0]):
            print(f"skipped: {name}: its granule is not in {given.data}: set ZAGG_TEST_DATA")
            continue
        with tempfile.TemporaryDirectory() as work:
            example(Zagg(given.zagg, lib), Path(work), given.data, name, golden)


if __name__ == "__main__":
    main()
