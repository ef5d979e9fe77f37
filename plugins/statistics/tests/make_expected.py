"""Writes expected.json: what numpy and scipy give for every statistic over the groups below.

Run: python make_expected.py, with the versions of requirements.txt.
Numbers are accumulated in float64, so float32 columns are widened first; extremes keep their type and value.
"""
import json
import pathlib
import warnings

import numpy as np
from scipy import stats

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
    [3, 1, 2, 3, 1, nan, nan, nan],
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
    # Small whole numbers: ties, most frequent values, weights of zero.
    "u1": rng.integers(0, 6, rows).astype("u1"),
    "angle": np.where(rng.uniform(size=rows) < 0.03, nan, rng.uniform(-30, 60, rows) + 360 * rng.integers(-2, 3, rows)),
}


def numbers(x):
    return x[~np.isnan(x)]


def weighted(x, w, q, skip):
    none = np.full(np.shape(q), nan)
    if skip:
        keep = ~(np.isnan(x) | np.isnan(w))
        x, w = x[keep], w[keep]
    if not len(x):
        return none
    try:
        # Values of weight 0 are never taken; numpy takes them for q = 0.
        keep = (w != 0) | np.isnan(x)
        return np.quantile(x[keep], q, weights=w[keep], method="inverted_cdf")
    except (ValueError, IndexError):
        return none


def average(x, w, skip):
    if skip:
        keep = ~(np.isnan(x) | np.isnan(w))
        x, w = x[keep], w[keep]
    return np.average(x, weights=w) if len(x) and np.sum(w) != 0 else nan


def first(x, skip, at):
    x = numbers(x) if skip else x
    return x[at] if len(x) else nan


def arg(x, by, find, skip):
    if skip:
        x, by = x[~np.isnan(by)], by[~np.isnan(by)]
    return x[find(by)] if len(x) else nan


def circmean(x, p, skip):
    period = {"degrees": 360.0, "radians": 2 * np.pi}.get(p.get("unit"), p.get("period", 360.0))
    x = numbers(x) if skip else x
    if not len(x):
        return nan
    low = p.get("low", 0.0)
    return stats.circmean(x, high=low + period, low=low)


def mode(x):
    # To scipy NaN is a value like any; here it makes the result NaN, as everywhere.
    if np.isnan(x).any():
        return nan
    return stats.mode(x, nan_policy="propagate").mode if len(x) else nan


def histogram(x, p):
    bins = p["bins"] if isinstance(p["bins"], list) else np.linspace(*p["range"], p["bins"] + 1)
    return np.histogram(numbers(x), bins)[0]


# Each takes the group of the source, its parameters, the group of the second input, and the source in its own type.
functions = {
    "count": lambda x, p, y, n: len(x),
    "nancount": lambda x, p, y, n: len(numbers(x)),
    "len": lambda x, p, y, n: len(x),
    "average": lambda x, p, y, n: average(x, y, False),
    "nanaverage": lambda x, p, y, n: average(x, y, True),
    "quantile": lambda x, p, y, n: np.quantile(x, p["q"]),
    "nanquantile": lambda x, p, y, n: np.nanquantile(x, p["q"]),
    "weighted_quantile": lambda x, p, y, n: weighted(x, y, p["q"], False),
    "nanweighted_quantile": lambda x, p, y, n: weighted(x, y, p["q"], True),
    "range": lambda x, p, y, n: np.ptp(n),
    "nanrange": lambda x, p, y, n: np.ptp(numbers(n)) if len(numbers(n)) else nan,
    "first": lambda x, p, y, n: x[0],
    "last": lambda x, p, y, n: x[-1],
    "nanfirst": lambda x, p, y, n: first(x, True, 0),
    "nanlast": lambda x, p, y, n: first(x, True, -1),
    "argmin": lambda x, p, y, n: arg(x, y, np.argmin, False),
    "argmax": lambda x, p, y, n: arg(x, y, np.argmax, False),
    "nanargmin": lambda x, p, y, n: arg(x, y, np.argmin, True),
    "nanargmax": lambda x, p, y, n: arg(x, y, np.argmax, True),
    "mode": lambda x, p, y, n: mode(x),
    "nanmode": lambda x, p, y, n: mode(numbers(x)),
    "mad": lambda x, p, y, n: stats.median_abs_deviation(x),
    "nanmad": lambda x, p, y, n: stats.median_abs_deviation(numbers(x)),
    "skew": lambda x, p, y, n: stats.skew(x),
    "nanskew": lambda x, p, y, n: stats.skew(numbers(x)),
    "kurtosis": lambda x, p, y, n: stats.kurtosis(x),
    "nankurtosis": lambda x, p, y, n: stats.kurtosis(numbers(x)),
    "circular_mean": lambda x, p, y, n: circmean(x, p, False),
    "nancircular_mean": lambda x, p, y, n: circmean(x, p, True),
    "histogram": lambda x, p, y, n: histogram(x, p),
}
for name in "sum mean median min max nansum nanmean nanmedian nanmin nanmax".split():
    functions[name] = lambda x, p, y, n, f=getattr(np, name): f(x)
for name in "var std nanvar nanstd".split():
    functions[name] = lambda x, p, y, n, f=getattr(np, name): f(x, ddof=p.get("ddof", 0))

WEIGHTS = {"weights": "1.0 / w4**2"}
NEEDS = {"weighted_quantile", "nanweighted_quantile", "quantile", "nanquantile", "argmin", "argmax", "nanargmin", "nanargmax",
         "average", "nanaverage", "circular_mean", "nancircular_mean", "histogram"}
cases = [(name, {}) for name in functions if name not in NEEDS]
cases += [(name, {"ddof": 1}) for name in ("var", "std", "nanvar", "nanstd")]
cases += [(name, {"q": q}) for name in ("quantile", "nanquantile") for q in (0, 0.25, 0.5, 0.75, 1, 0.9, [0.9, 0.1, 0.5])]
cases += [(name, WEIGHTS) for name in ("average", "nanaverage")]
cases += [(name, {"weights": "u1"}) for name in ("average", "nanaverage")]
cases += [(name, {"q": q} | w) for name in ("weighted_quantile", "nanweighted_quantile") for q in (0, 0.3, 1, [0.5, 0.9])
          for w in (WEIGHTS, {"weights": "u1"}, {"weights": "f4"})]
cases += [(name, {"by": by}) for name in ("argmin", "argmax", "nanargmin", "nanargmax") for by in ("u1", "f4")]
cases += [("histogram", {"bins": [-1e300, 0, 1, 5, 7.5, 1490, 1500, 1501]}), ("histogram", {"bins": 13, "range": [1450, 1550]}),
          ("histogram", {"bins": 5, "range": [0, 5]})]
expressions = {"1.0 / w4**2": (1.0 / columns["w4"] ** 2).astype("f8")}


def second(params, group):
    text = params.get("weights", params.get("by"))
    if text is None:
        return None
    return (expressions[text] if text in expressions else columns[text].astype("f8"))[group]


def text(x):
    # As text, because JSON has no infinities and its readers may round the last digit.
    return repr(float(x))


out = {"offsets": offsets, "columns": {k: {"dtype": v.dtype.name, "values": list(map(text, v))} for k, v in columns.items()}}
out["cases"] = []


def run(column, cases):
    wide = columns[column].astype("f8")
    for name, params in cases:
        values = []
        for a, b in zip(offsets, offsets[1:]):
            group = slice(a, b)
            found = functions[name](wide[group], params, second(params, group), columns[column][group])
            values += list(map(text, np.atleast_1d(found)))
        out["cases"].append({"function": name, "source": column, "params": params, "values": values})


for column in ("f4", "f8", "i2", "u1"):
    run(column, cases)
run("angle", [(name, params) for name in ("circular_mean", "nancircular_mean")
              for params in ({}, {"unit": "degrees", "low": -180}, {"unit": "radians"}, {"period": 24}, {"period": 100, "low": 7.5})])

# A million rows in one group, by a rule that the test follows too.
state, million = np.uint64(1), np.empty(1_000_000)
for i in range(len(million)):
    state = np.uint64((int(state) * 6364136223846793005 + 1442695040888963407) % 2**64)
    million[i] = 1500.0 + (int(state) >> 40) % 100_000 / 1000.0
ramp = np.arange(len(million)) % 1000 + 1.0
many = [(n, p) for n, p in cases if not set(p) & {"weights", "by"}]
many += [(n, {"weights": "ramp"}) for n in ("average", "nanaverage")]
many += [(n, {"q": [0.01, 0.5], "weights": "ramp"}) for n in ("weighted_quantile",)]
many += [(n, {"by": "ramp"}) for n in ("argmin", "argmax")] + [("circular_mean", {})]
out["million"] = [{"function": n, "params": p, "values": list(map(text, np.atleast_1d(functions[n](million, p, ramp, million))))}
                  for n, p in many]

lines = ["{", f'"offsets": {json.dumps(offsets)},', '"columns": {']
lines.append(",\n".join(f"{json.dumps(k)}: {json.dumps(v)}" for k, v in out["columns"].items()))
for key in ("cases", "million"):
    lines += ["}," if key == "cases" else "],", f'"{key}": [', ",\n".join(json.dumps(c) for c in out[key])]
lines += ["]", "}"]
pathlib.Path(__file__).with_name("expected.json").write_text("\n".join(lines) + "\n")
