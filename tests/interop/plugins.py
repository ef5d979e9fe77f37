"""Checks of plugins as shared libraries: those made from the template, and the examples on real granules.

usage: plugins.py --zagg PROGRAM --libraries FOLDER --granules FOLDER [--data FOLDER]
`cargo xtask check --only template` builds them and calls this. `--data` is where the real granules are (default:
$ZAGG_TEST_DATA or ../shared/data); what needs them is skipped when they are not there.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
import xarray as xr

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


class Zagg:
    """The program with a library."""

    def __init__(self, program, library):
        self.program, self.library = program, library

    def __call__(self, *arguments):
        command = [self.program, *arguments, "--plugin-path", self.library]
        done = subprocess.run([str(part) for part in command], capture_output=True, text=True)
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
    given = arguments.parse_args()
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
