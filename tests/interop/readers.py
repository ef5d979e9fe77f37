#!/usr/bin/env python3
"""Our reader beside h5coro, h5py and h5coro-hidefix on the same granules behind one server with latency.

usage: readers.py --server PROGRAM --read-granule PROGRAM [--make-granules PROGRAM] [--latency-ms N]
                  [--megabytes-per-second N] [--repeat N]
needs: the packages of readers-requirements.txt. `cargo xtask long --only readers` calls this.

Each reads one and six beams x five variables of a granule by HTTP ranges, from nothing ("cold") or with what an index
built before tells ("indexed"). Imports and the start of the process are not counted. Every answer is checked against
h5py on the local file.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import fsspec
import h5coro
import h5py
import numpy as np
import requests
from h5coro import webdriver
from h5coro_hidefix import Index

ROOT = Path(__file__).resolve().parent.parent.parent
DATA = Path(os.environ.get("ZAGG_TEST_DATA", ROOT.parent / "shared/data"))
REAL = DATA / "atl06/ATL06_20230816161508_08782002_006_02.h5"
BEAMS = ["gt1l", "gt1r", "gt2l", "gt2r", "gt3l", "gt3r"]
VARIABLES = ["latitude", "longitude", "h_li", "h_li_sigma", "atl06_quality_summary"]


def paths(beams):
    return [f"{beam}/land_ice_segments/{variable}" for beam in beams for variable in VARIABLES]


class Server:
    """The range server, with counts of what it was asked."""

    def __init__(self, program, folder, latency, megabytes_per_second):
        command = [str(program), str(folder), "--latency-ms", str(latency)]
        command += ["--bytes-per-second", str(megabytes_per_second * 1_000_000)]
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.url = self.process.stdout.readline().strip().rstrip("/")

    def counts(self):
        """Requests and bytes since the last call."""
        self.process.stdin.write("\n")
        self.process.stdin.flush()
        requested, fetched, _connections = self.process.stdout.readline().split()
        return int(requested), int(fetched)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.kill()
        self.process.wait()


def by_h5py(url, names):
    with fsspec.open(url, block_size=4 << 20, cache_type="blockcache").open() as remote, h5py.File(remote) as file:
        return [file[name][:] for name in names]


def by_h5coro(url, names):
    file = h5coro.H5Coro(url, webdriver.HTTPDriver, credentials=None)
    promise = file.readDatasets(names, block=True)
    values = [promise[name] for name in names]
    file.close()
    return values


def merged(chunks, gap=1 << 20, longest=16 << 20):
    """Spans that cover chunks, as the zagg backend of h5coro-hidefix merges them."""
    spans = []
    for start, size in sorted(chunks):
        if spans and start - spans[-1][1] <= gap and start + size - spans[-1][0] <= longest:
            spans[-1][1] = max(spans[-1][1], start + size)
        else:
            spans.append([start, start + size])
    return spans


def by_hidefix(url, names, saved):
    """As its zagg backend reads: plans from the saved index, spans fetched side by side, decoded from buffers."""
    index = Index.load(str(saved))
    with requests.Session() as session, ThreadPoolExecutor(32) as pool:
        session.mount("http://", requests.adapters.HTTPAdapter(pool_connections=32, pool_maxsize=32))

        def fetch(span):
            answer = session.get(url, headers={"Range": f"bytes={span[0]}-{span[1] - 1}"}, timeout=60)
            answer.raise_for_status()
            return answer.content

        plans = [[(int(a), int(s)) for a, s in zip(*index.read_plan(name)[:2])] for name in names]
        spans = merged([chunk for plan in plans for chunk in plan])
        bodies = list(pool.map(fetch, spans))
        starts = np.array([span[0] for span in spans])

        def cut(start, size):
            at = int(np.searchsorted(starts, start, side="right")) - 1
            return bodies[at][start - spans[at][0] : start - spans[at][0] + size]

        return [index.read_from_buffers(name, [cut(*chunk) for chunk in plan]) for name, plan in zip(names, plans)]


def measure(server, repeat, read, check):
    """The fastest of several calls, with requests and bytes of one."""
    best, counts = None, None
    for _ in range(repeat):
        server.counts()
        started = time.perf_counter()
        values = read()
        seconds = time.perf_counter() - started
        counts = server.counts()
        for got, wanted in zip(values, check, strict=True):
            if not np.array_equal(np.asarray(got), wanted):
                sys.exit("an answer differs from h5py's")
        best = seconds if best is None else min(best, seconds)
    return best, *counts


def ours(server, program, url, names, repeat, sums, *more):
    """Seconds as the program measures them from the call to the values."""
    best, counts = None, None
    for _ in range(repeat):
        command = [str(program), url, "--paths", ",".join(names)] + list(map(str, more))
        server.counts()
        answer = json.loads(subprocess.run(command, check=True, stdout=subprocess.PIPE, stdin=subprocess.DEVNULL).stdout)
        counts = server.counts()
        if not np.allclose(answer["sums"], sums, rtol=1e-9, atol=0):
            sys.exit("an answer of ours differs from h5py's")
        best = answer["seconds"] if best is None else min(best, answer["seconds"])
    return best, *counts


def compare(arguments, server, name, local, url, rows):
    for beams in (BEAMS[:1], BEAMS):
        names = paths(beams)
        with h5py.File(local) as file:
            wanted = [file[path][:] for path in names]
            payload = sum(file[path].id.get_storage_size() for path in names)
        saved = Path(local).with_suffix(".hidefix")
        Index(str(local)).save(str(saved))
        whole = ["--read-ahead", 4 << 20]
        program, index = arguments.read_granule.resolve(), Path(local).with_suffix(".index")
        command = [program, url, "--paths", ",".join(names), "--save", index]
        subprocess.run([str(word) for word in command], check=True, stdout=subprocess.DEVNULL)
        sums = [float(np.sum(values, dtype=np.float64)) for values in wanted]
        what = f"{name}, {len(beams)} beam{'s' if len(beams) > 1 else ''}, {payload / 1e6:.2f} MB stored"
        table = [
            ("zagg, cold", ours(server, program, url, names, arguments.repeat, sums)),
            ("zagg, indexed", ours(server, program, url, names, arguments.repeat, sums, "--index", index)),
            ("zagg, cold, read_ahead 4MiB", ours(server, program, url, names, arguments.repeat, sums, *whole)),
            ("h5coro-hidefix, indexed", measure(server, arguments.repeat, lambda: by_hidefix(url, names, saved), wanted)),
            ("h5coro, cold", measure(server, arguments.repeat, lambda: by_h5coro(url, names), wanted)),
            ("h5py over fsspec, cold", measure(server, arguments.repeat, lambda: by_h5py(url, names), wanted)),
        ]
        rows.append((what, table))


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--server", required=True, type=Path)
    parser.add_argument("--read-granule", required=True, type=Path)
    parser.add_argument("--make-granules", required=True, type=Path)
    parser.add_argument("--segments", type=int, default=120_000)
    parser.add_argument("--latency-ms", type=int, default=30)
    parser.add_argument("--megabytes-per-second", type=int, default=50, help="of one answer")
    parser.add_argument("--repeat", type=int, default=3)
    arguments = parser.parse_args()
    rows = []
    with tempfile.TemporaryDirectory(prefix="zagg-readers-") as temporary:
        folder = Path(temporary)
        made = folder / "made"
        subprocess.run([str(arguments.make_granules), str(made), "1", str(arguments.segments)], check=True, stdout=subprocess.DEVNULL)
        files = [("made-up granule", next(made.glob("*.h5")))]
        if REAL.exists():
            real = folder / REAL.name
            real.write_bytes(REAL.read_bytes())
            files.insert(0, ("real granule", real))
        else:
            print(f"SKIPPED the real granule: {REAL} is absent; set ZAGG_TEST_DATA\n")
        with Server(arguments.server, folder, arguments.latency_ms, arguments.megabytes_per_second) as server:
            for name, local in files:
                compare(arguments, server, name, local, f"{server.url}/{local.relative_to(folder)}", rows)
    print(f"{arguments.latency_ms} ms before the first byte of every answer, then", end=" ")
    print(f"{arguments.megabytes_per_second} MB/s, {os.cpu_count()} cores\n")
    print("| granule | reader | seconds | ratio | requests | MB fetched |")
    print("|---|---|---:|---:|---:|---:|")
    for what, table in rows:
        ground = table[0][1][0]
        for reader, (seconds, requested, fetched) in table:
            print(f"| {what} | {reader} | {seconds:.3f} | {seconds / ground:.1f} | {requested} | {fetched / 1e6:.2f} |")
    return 0


if __name__ == "__main__":
    sys.exit(main())
