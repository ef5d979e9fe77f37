"""Writes digests.json: what the Python zagg gives for t-digests and for merges of them.

Run: python make_digests.py, with Python 3.12 or 3.13, zagg 0.61.0 and numpy. Values come from a rule that the test follows.
"""
import json
import pathlib

import numpy as np
from zagg.stats.tdigest import build_tdigest, merge_tdigests


def values(seed, n):
    out, state = [], seed
    for _ in range(n):
        state = (state * 6364136223846793005 + 1442695040888963407) % 2**64
        out.append(((state >> 40) % 100_000) / 8.0)
    return np.array(out)


out = {"builds": [], "merges": []}
for n, delta in [(1, 16), (5, 16), (40, 16), (41, 16), (1000, 16), (400, 64), (100, 512), (600, 512), (3000, 100), (9, 1), (10, 2)]:
    out["builds"].append({"seed": n, "n": n, "delta": delta, "digest": build_tdigest(values(n, n), delta=delta).tolist()})
for a, b, delta in [(5, 7, 16), (40, 30, 16), (300, 500, 16), (300, 500, 100), (1000, 3, 64)]:
    # The original keeps digests in float32: values of 20 bits and digests without merged means lose nothing there.
    first, second = (build_tdigest(values(n, n), delta=delta).astype("f8") for n in (a, b))
    out["merges"].append({"first": first.tolist(), "second": second.tolist(), "delta": delta,
                          "digest": merge_tdigests(first, second, delta=delta).tolist()})
pathlib.Path(__file__).with_name("digests.json").write_text(json.dumps(out, indent=0).replace(",\n", ",").replace("[\n", "[").replace("\n]", "]") + "\n")
