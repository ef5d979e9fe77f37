#!/usr/bin/env python3
"""Whole runs of zagg beside the original Python zagg on the same granules and machine, as a table of ratios.

usage: peers.py --zagg PROGRAM --make-granules PROGRAM [--granules N] [--segments N] [--repeat N]
needs: the packages of peers-requirements.txt and, for the original, the tool
$ZAGG_SHARED/tools/zagg_python_golden.py (default ../shared). `cargo xtask long --only peers` calls this.

Granules come from $ZAGG_SHARED/tools/make_granules.py when that is there, else from our own writer.
"""

import argparse
import glob
import os
import re
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent
SHARED = Path(os.environ.get("ZAGG_SHARED", ROOT.parent / "shared"))


def call(command):
    """Seconds, peak memory in MiB and the output of a program that must succeed."""
    start = time.perf_counter()
    process = subprocess.Popen(
        [str(word) for word in command], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL
    )
    output = process.stdout.read().decode()
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    seconds = time.perf_counter() - start
    if process.returncode != 0:
        sys.exit(f"{command}: exit code {process.returncode}\n{output[-3000:]}")
    # Linux counts in KiB, macOS in bytes.
    unit = 1024 if sys.platform != "darwin" else 1024 * 1024
    return seconds, usage.ru_maxrss / unit, output


def best(command, repeat, before=lambda: None):
    """The fastest of several calls."""
    answers = []
    for _ in range(repeat):
        before()
        answers.append(call(command))
    return min(answers, key=lambda answer: answer[0])


def ours(zagg, granules, work, repeat):
    shard_map, store = work / "map.json", work / "out.zarr"
    pattern = f"{granules}/*.h5"
    catalog = [zagg, "catalog", "--plugin", "atl06", "--from-files", pattern, "--output", shard_map]
    catalog_seconds, _, _ = best(catalog, repeat, lambda: shard_map.unlink(missing_ok=True))
    run = [zagg, "run", "--plugin", "atl06", "--catalog", shard_map, "--store", store, "--overwrite"]
    seconds, memory, _ = best(run, repeat)
    return catalog_seconds, seconds, memory


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--zagg", required=True, type=Path)
    parser.add_argument("--make-granules", required=True, type=Path)
    parser.add_argument("--granules", type=int, default=16)
    parser.add_argument("--segments", type=int, default=140_000)
    parser.add_argument("--repeat", type=int, default=3, help="runs of ours, of which the fastest counts")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="zagg-peers-") as temporary:
        work = Path(temporary)
        granules = work / "granules"
        tool = SHARED / "tools/make_granules.py"
        maker = [sys.executable, tool] if tool.exists() else [arguments.make_granules.resolve()]
        call([*maker, granules, arguments.granules, arguments.segments])
        megabytes = sum(os.path.getsize(path) for path in glob.glob(f"{granules}/*.h5")) / 1e6
        print(f"{arguments.granules} granules of 6 x {arguments.segments} segments, {megabytes:.0f} MB, ", end="")
        print(f"{os.cpu_count()} cores\n", flush=True)
        catalog_seconds, seconds, memory = ours(arguments.zagg.resolve(), granules, work, arguments.repeat)
        table = [("zagg (this repository): catalog", catalog_seconds, None),
                 ("zagg (this repository): run", seconds, memory)]
        peer = SHARED / "tools/zagg_python_golden.py"
        if peer.exists():
            _, peer_memory, output = call([sys.executable, peer, granules, work / "peer.csv"])
            print(output.strip().splitlines()[-1] + "\n")
            # Its shards are found by the tool itself; only its process_shard calls are compared.
            peer_seconds = float(re.search(r"process_shard ([0-9.]+) s", output).group(1))
            table.append(("zagg 0.61.0 (Python): process_shard", peer_seconds, peer_memory))
        else:
            print(f"SKIPPED the Python zagg: {peer} is absent; set ZAGG_SHARED\n")
        print("| program | seconds | ratio | peak MiB | ratio |")
        print("|---|---:|---:|---:|---:|")
        for name, row_seconds, row_memory in table:
            cells = [f"{row_seconds:.2f}", f"{row_seconds / seconds:.1f}"]
            cells += ["", ""] if row_memory is None else [f"{row_memory:.0f}", f"{row_memory / memory:.1f}"]
            print(f"| {name} | {' | '.join(cells)} |")
    return 0


if __name__ == "__main__":
    sys.exit(main())
