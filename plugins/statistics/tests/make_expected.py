"""Writes expected.json: what numpy gives for every statistic over the groups below. Run: python make_expected.py

Numbers are accumulated in float64, so float32 columns are widened first; extremes keep their type and value.
"""
import json
import pathlib
import warnings

import numpy as np

warnings.simplefilter("ignore")
rng = np.random.default_rng(20200101)
F32 = np.finfo(np.float32)
nan, inf = np.nan, np.inf
EDGE = [
    [1500.25],
    [1, nan, 3],
    [nan],
    [nan, nan],
    [nan, 7, 7.5, nan, -2],
    [inf, 1],
    [-inf, inf, 0],
    [inf],
    [inf, inf, inf],
    [F32.max, F32.max],
    [F32.max, -F32.max, F32.tiny],
    [F32.smallest_subnormal, 0.0, -0.0],
    [16777216, 1, 1, 1],
    [5, 5, 5, 5, 5, 5, 5, 5, 5],
]
EDGE += [list(1500 + rng.normal(0, 20, n)) for n in (2, 7, 8, 9, 16, 63, 150)]
offsets = np.cumsum([0] + [len(g) for g in EDGE]).tolist()
rows = offsets[-1]
f8 = np.array([x for g in EDGE for x in g], "f8")
columns = {
    "f4": f8.astype("f4"),
    "f8": np.where(np.abs(f8) > 1e30, f8 * 1e100, f8 + np.pi * 1e-9),
    "i2": rng.integers(-32768, 32768, rows).astype("i2") // 2,
    "w4": rng.uniform(0.01, 0.4, rows).astype("f4"),
}
functions = {
    "count": lambda x, p: len(x),
    "len": lambda x, p: len(x),
    "average": lambda x, p: np.average(x, weights=(1.0 / columns["w4"] ** 2)[p["rows"]].astype("f8")),
    "quantile": lambda x, p: np.quantile(x, p["q"]),
    "nanquantile": lambda x, p: np.nanquantile(x, p["q"]),
    "range": lambda x, p: np.ptp(p["native"]),
    "first": lambda x, p: x[0],
    "last": lambda x, p: x[-1],
}
for name in "sum mean median min max nansum nanmean nanmedian nanmin nanmax".split():
    functions[name] = lambda x, p, f=getattr(np, name): f(x)
for name in "var std nanvar nanstd".split():
    functions[name] = lambda x, p, f=getattr(np, name): f(x, ddof=p.get("ddof", 0))
cases = [(name, {}) for name in functions if "quantile" not in name]
cases += [(name, {"ddof": 1}) for name in ("var", "std", "nanvar", "nanstd")]
cases += [(name, {"q": q}) for name in ("quantile", "nanquantile") for q in (0, 0.25, 0.5, 0.75, 1, 0.9)]


def text(x):
    # As text, because JSON has no infinities and its readers may round the last digit.
    return repr(float(x))


out = {"offsets": offsets, "columns": {k: {"dtype": v.dtype.name, "values": list(map(text, v))} for k, v in columns.items()}}
out["cases"] = []
for column in ("f4", "f8", "i2"):
    wide = columns[column].astype("f8")
    for name, params in cases:
        values = []
        for a, b in zip(offsets, offsets[1:]):
            values.append(text(functions[name](wide[a:b], params | {"rows": slice(a, b), "native": columns[column][a:b]})))
        if name == "average":
            params = {"weights": "1.0 / w4**2"}
        out["cases"].append({"function": name, "source": column, "params": params, "values": values})
lines = ["{", f'"offsets": {json.dumps(offsets)},', '"columns": {']
lines.append(",\n".join(f"{json.dumps(k)}: {json.dumps(v)}" for k, v in out["columns"].items()))
lines += ["},", '"cases": [', ",\n".join(json.dumps(c) for c in out["cases"]), "]", "}"]
pathlib.Path(__file__).with_name("expected.json").write_text("\n".join(lines) + "\n")
