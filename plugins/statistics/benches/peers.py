"""The nine statistics of the ATL06 pipeline with numpy, polars and duckdb, over the groups of group_reduce.rs.

Run: python peers.py, with the versions of ../tests/requirements.txt. One thread each; the best of five runs.
Columns and cell numbers are in memory and sorted by cell before the clock starts, as in the Rust benchmark.
Every answer is compared with numpy's. Prints a table in Markdown.
"""
import os
import sys
import time

os.environ["POLARS_MAX_THREADS"] = "1"
import duckdb
import numpy as np
import polars as pl
import pyarrow as pa

ROWS = 1_000_000


def rows(dense):
    """As `rows` of group_reduce.rs."""
    state = 1

    def following():
        nonlocal state
        state = (state * 6364136223846793005 + 1442695040888963407) & (2**64 - 1)
        return state >> 40

    h = np.array([1500.0 + (following() % 100_000) / 1000.0 for _ in range(ROWS)], "f4")
    s = np.array([0.01 + (following() % 1000) / 2500.0 for _ in range(ROWS)], "f4")
    offsets, end = [0], 0
    while end < ROWS:
        n = following() % 10
        end += 391 + 2 * n if dense else 1 if n <= 5 else 2 if n <= 8 else 4
        offsets.append(min(end, ROWS))
    offsets = np.array(offsets)
    return h, s, offsets, np.repeat(np.arange(len(offsets) - 1), np.diff(offsets))


def with_numpy(h, s, offsets, cells):
    """Sorted within cells once for the quantiles, the rest by reduceat; all in float64."""
    start, n = offsets[:-1], np.diff(offsets)
    x, w = h.astype("f8"), (1.0 / s**2).astype("f8")
    weight = np.add.reduceat(w, start)
    mean = np.add.reduceat(x, start) / n
    out = [n, np.minimum.reduceat(h, start), np.maximum.reduceat(h, start), np.add.reduceat(x * w, start) / weight,
           1.0 / np.sqrt(weight), np.add.reduceat((x - np.repeat(mean, n)) ** 2, start) / n]
    ordered = x[np.lexsort((x, cells))]
    for q in (0.25, 0.5, 0.75):
        place = q * (n - 1)
        below = np.floor(place).astype("i8")
        low, high = ordered[start + below], ordered[start + np.minimum(below + 1, n - 1)]
        out.append(low + (high - low) * (place - below))
    return out


def with_polars(frame):
    x, w = pl.col("h"), 1.0 / pl.col("s").cast(pl.Float64) ** 2
    wide = x.cast(pl.Float64)
    quantiles = [wide.quantile(q, "linear").alias(f"q{q}") for q in (0.25, 0.5, 0.75)]
    found = frame.group_by("cell", maintain_order=True).agg(
        pl.len().alias("n"), x.min().alias("min"), x.max().alias("max"), ((wide * w).sum() / w.sum()).alias("mean"),
        (1.0 / w.sum().sqrt()).alias("sigma"), wide.var(ddof=0).alias("var"), *quantiles)
    return [found[name].to_numpy() for name in found.columns[1:]]


def with_duckdb(connection):
    found = connection.sql(
        "select cell, count(*), min(h), max(h), sum(h::double / (s::double * s)) / sum(1.0 / (s::double * s)), "
        "1.0 / sqrt(sum(1.0 / (s::double * s))), var_pop(h::double), quantile_cont(h::double, 0.25), "
        "quantile_cont(h::double, 0.5), quantile_cont(h::double, 0.75) from t group by cell order by cell").fetchnumpy()
    return list(found.values())[1:]


def best(run, *args):
    times = []
    for _ in range(5):
        start = time.perf_counter()
        out = run(*args)
        times.append(time.perf_counter() - start)
    return min(times), out


def main():
    print("| | sparse, 1.6 rows per cell | dense, 400 rows per cell |\n|---|---|---|")
    table = {}
    for dense in (False, True):
        h, s, offsets, cells = rows(dense)
        frame = pl.DataFrame({"cell": cells, "h": h, "s": s}).with_columns(pl.col("cell").set_sorted())
        connection = duckdb.connect(config={"threads": 1})
        connection.register("arrow", pa.table({"cell": cells, "h": h, "s": s}))
        connection.sql("create table t as select * from arrow")
        answers = {}
        for name, run, args in [(f"numpy {np.__version__}", with_numpy, (h, s, offsets, cells)),
                                (f"polars {pl.__version__}", with_polars, (frame,)),
                                (f"duckdb {duckdb.__version__}", with_duckdb, (connection,))]:
            seconds, answers[name] = best(run, *args)
            table.setdefault(name, []).append(ROWS / seconds / 1e6)
        wanted = answers.pop(f"numpy {np.__version__}")
        for name, found in answers.items():
            for a, b in zip(wanted, found, strict=True):
                if not np.allclose(a, b, rtol=2e-6, atol=1e-9):
                    sys.exit(f"{name} differs from numpy")
    for name, rates in table.items():
        print(f"| {name} | " + " | ".join(f"{rate:.1f} M rows/s" for rate in rates) + " |")


main()
