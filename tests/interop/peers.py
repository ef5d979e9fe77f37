#!/usr/bin/env python3
"""Whole runs of zagg beside the original Python zagg and beside h5py with polars, on the same granules and machine.

usage: peers.py --zagg PROGRAM --make-granules PROGRAM [--granules N] [--segments N] [--repeat N] [--sample N | --all]
                [--from FOLDER] [--write FILE]
needs: the packages of peers-requirements.txt. `cargo xtask long --only peers` calls this and writes
docs/src/measured/peers.md, which a page of the book includes.

Granules come from $ZAGG_SHARED/tools/make_granules.py when that is there (default ../shared), else from our own writer, or
they are those of --from. Our times are of whole processes with their start, the fastest of --repeat runs, each into a new
store. Those of Python leave out its start and imports; of one shard the whole process is told too, and both are the fastest of
--repeat runs. The original runs --sample shards, evenly chosen, or with --all every one, which takes minutes: a sample does not
reach the memory of all.
"""

import argparse
import glob
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent
SHARED = Path(os.environ.get("ZAGG_SHARED", ROOT.parent / "shared"))


class Call:
    """A program that was run and must have succeeded: wall time, time of all its threads, peak memory in MiB, output."""

    def __init__(self, command):
        start = time.perf_counter()
        process = subprocess.Popen(
            [str(word) for word in command], stdout=subprocess.PIPE, stderr=subprocess.PIPE, stdin=subprocess.DEVNULL
        )
        # The error stream of every program here is short.
        self.output = process.stdout.read().decode()
        messages = process.stderr.read().decode()
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        self.seconds = time.perf_counter() - start
        if process.returncode != 0:
            sys.exit(f"{command}: exit code {process.returncode}\n{messages[-3000:]}")
        self.busy = usage.ru_utime + usage.ru_stime
        # Linux counts in KiB, macOS in bytes.
        self.memory = usage.ru_maxrss / (1024 if sys.platform != "darwin" else 1024 * 1024)


def best(make_command, repeat):
    """The fastest of several calls; `make_command` is told the number of each."""
    return min((Call(make_command(number)) for number in range(repeat)), key=lambda call: call.seconds)


class Ours:
    """Our program, its shard maps and its stores."""

    def __init__(self, zagg, work, repeat):
        self.zagg, self.work, self.repeat, self.stores = zagg, work, repeat, 0

    def catalog(self, granules, name, more=()):
        path = self.work / f"{name}.json"
        paths = [word for granule in granules for word in ("--from-files", granule)]
        command = [self.zagg, "catalog", "--plugin", "atl06", *more, *paths, "--output", path]
        return Call(command), path

    def run(self, shard_map, more=()):
        def command(_):
            # Into a new store: file systems are slow to make files where others have just been deleted.
            self.stores += 1
            store = self.work / f"{self.stores}.zarr"
            return [self.zagg, "run", "--plugin", "atl06", "--catalog", shard_map, "--store", store, "--format", "json", *more]

        call = best(command, self.repeat)
        call.summary = json.loads(call.output)
        return call


def python(*words, repeat=1):
    """The call of the Python side, with the seconds that it tells itself: the fastest of several."""

    def call():
        call = Call([sys.executable, Path(__file__).with_name("peers_python.py"), *words])
        told = json.loads(call.output.strip().splitlines()[-1])
        call.process, call.seconds, call.shards = call.seconds, told["seconds"], told["shards"]
        return call

    return min((call() for _ in range(repeat)), key=lambda call: call.seconds)


def table(header, rows):
    lines = ["| " + " | ".join(header) + " |", "|---" + "|---:" * (len(header) - 1) + "|"]
    return lines + ["| " + " | ".join(row) + " |" for row in rows] + [""]


def side_by_side(ours, shard_map, sample):
    """Whole runs, and one shard that nothing was read for before."""
    rows = []

    def add(name, call, beside=None, seconds=None):
        beside, seconds = beside or call, seconds or call.seconds
        times = [f"{seconds:.3g}", f"{seconds / beside.seconds:.3g}"]
        rows.append([name, *times, f"{call.memory:.0f}", f"{call.memory / beside.memory:.1f}"])

    run = ours.run(shard_map)
    shards = run.summary["shards"]
    add(f"zagg, whole run ({run.busy:.2f} s of all threads)", run)
    add("zagg --memory 128MiB", ours.run(shard_map, ["--memory", "128MiB"]), run)
    told = python("zagg", shard_map, str(sample))
    scaled = "" if told.shards == shards else f", {told.shards} of {shards} shards, scaled up"
    add(f"Python zagg 0.61.0{scaled}", told, run, told.seconds * shards / told.shards)
    add("h5py and polars, everything in memory", python("polars", shard_map), run)
    content = json.loads(Path(shard_map).read_text())
    count, key = max(zip(map(len, content["granules"]), content["shard_keys"]))
    alone = ours.work / "alone.json"
    alone.write_text(json.dumps(only(content, key)))
    cold = ours.run(alone)
    add(f"zagg, one shard of {count} granules ({cold.busy:.2f} s of all threads)", cold)
    told = python("zagg", alone, "1", repeat=ours.repeat)
    add("Python zagg 0.61.0, the same shard", told, cold)
    add(f"the same with the start of Python and its imports ({told.busy:.2f} s of all threads)", told, cold, told.process)
    return run, table(["program", "seconds", "ratio", "peak MiB", "ratio"], rows)


def only(content, key):
    """A shard map with one shard of another."""
    at = content["shard_keys"].index(key)
    granules = content["granules"][at]
    totals = {"total_granules": len(granules), "total_shards": 1, "total_pairs": len(granules), "granules_assigned": len(granules)}
    return {**content, "shard_keys": [key], "granules": [granules], "metadata": {**content["metadata"], **totals}}


def scaling(ours, granules):
    """How time and memory follow the number of granules, the size of cells, and workers."""
    rows = []

    def add(name, call):
        rows.append([
            name, f"{call.summary['rows_kept']:,}", f"{call.summary['cells']:,}", f"{call.seconds:.2f}", f"{call.busy:.2f}",
            f"{call.memory:.0f}",
        ])

    count = 1
    while count <= len(granules):
        _, shard_map = ours.catalog(granules[:count], f"granules-{count}")
        add(f"{count} granule{'s' if count > 1 else ''}", ours.run(shard_map))
        count *= 2
    for order in (10, 11, 13, 14):
        overlay = ours.work / f"order-{order}.yaml"
        overlay.write_text(f"output:\n  grid:\n    child_order: {order}\n")
        more = ["--config", overlay]
        _, shard_map = ours.catalog(granules, f"order-{order}", more)
        add(f"order {order}", ours.run(shard_map, more))
    _, shard_map = ours.catalog(granules, "workers")
    for workers in sorted({1, 2, os.cpu_count() or 1}):
        add(f"{workers} worker{'s' if workers > 1 else ''}", ours.run(shard_map, ["--workers", str(workers)]))
    return table(["", "rows kept", "cells", "seconds", "seconds of all threads", "peak MiB"], rows)


def phases(run):
    """Where the time of a run went."""
    profile = run.summary["profile"]
    told = [(name, phase) for name, phase in profile["phases"].items() if name != "wait" and phase["calls"]]
    total = sum(phase["seconds"] for _, phase in told)
    told.sort(key=lambda item: -item[1]["seconds"])
    rows = [[name, f"{phase['seconds']:.3f}", f"{100 * phase['seconds'] / total:.0f} %"] for name, phase in told]
    return table(["phase", "seconds of all threads", "share"], rows)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--zagg", required=True, type=Path)
    parser.add_argument("--make-granules", type=Path)
    parser.add_argument("--granules", type=int, default=16)
    parser.add_argument("--segments", type=int, default=140_000)
    parser.add_argument("--repeat", type=int, default=5, help="runs of ours, of which the fastest counts")
    parser.add_argument("--sample", type=int, default=40, help="shards that the original runs")
    parser.add_argument("--all", action="store_true", help="the original runs every shard")
    parser.add_argument("--from", dest="folder", type=Path, help="folder with granules that are there")
    parser.add_argument("--write", type=Path, help="Markdown file that takes the tables")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="zagg-peers-") as temporary:
        work = Path(temporary)
        folder = arguments.folder
        if folder is None:
            folder = work / "granules"
            tool = SHARED / "tools/make_granules.py"
            maker = [sys.executable, tool] if tool.exists() else [arguments.make_granules.resolve()]
            Call([*maker, folder, arguments.granules, arguments.segments])
        granules = sorted(glob.glob(f"{folder}/*.h5"))[: arguments.granules]
        megabytes = sum(os.path.getsize(path) for path in granules) / 1e6
        ours = Ours(arguments.zagg.resolve(), work, arguments.repeat)
        catalog, shard_map = ours.catalog(granules, "map")
        run, peers = side_by_side(ours, shard_map, sys.maxsize if arguments.all else arguments.sample)
        lines = [
            f"{len(granules)} granules, {megabytes:.0f} MB, {run.summary['shards']} shards, {run.summary['rows_kept']:,} rows kept, "
            f"{run.summary['cells']:,} cells, on {os.cpu_count()} cores. Making the shard map takes {catalog.seconds:.2f} s.",
            "",
            *peers,
            "Where the time of the whole run goes:",
            "",
            *phases(run),
            "How a run grows with granules, with the order of its cells (above: 12), and with workers:",
            "",
            *scaling(ours, granules),
        ]
    text = "\n".join(lines)
    print(text)
    if arguments.write:
        arguments.write.parent.mkdir(parents=True, exist_ok=True)
        arguments.write.write_text(text)
    return 0


if __name__ == "__main__":
    sys.exit(main())
