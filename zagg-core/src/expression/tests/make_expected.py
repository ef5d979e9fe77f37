"""Writes expected.json: what numpy 2 gives for the expressions below. Run: python make_expected.py

Reductions are taken over float64 copies, because zagg accumulates in f64; min, max, ptp and sums of integers keep
numpy's own types.
"""
import json
import pathlib
import warnings

import numpy as np

warnings.simplefilter("ignore")
OFFSETS = [0, 1, 4, 9, 20]
ROWS = OFFSETS[-1]
rng = np.random.default_rng(20200101)
F32 = np.finfo(np.float32)

columns = {
    "h_li": (1500 + rng.normal(0, 30, ROWS)).astype("f4"),
    "s_li": rng.uniform(0.01, 0.4, ROWS).astype("f4"),
    "x": rng.normal(0, 3, ROWS),
    "p": rng.uniform(0.1, 50, ROWS),
    "n4": rng.normal(0, 3, ROWS).astype("f4"),
    "wild": np.resize(np.array([1, -0.0, np.inf, -np.inf, np.nan, F32.max, F32.tiny, -2.5, 3.5], "f4"), ROWS),
    "i1": rng.integers(-128, 128, ROWS).astype("i1"),
    "u1": rng.integers(0, 256, ROWS).astype("u1"),
    "i2": rng.integers(-9, 10, ROWS).astype("i2"),
    "i4": rng.integers(-9, 10, ROWS).astype("i4"),
    "i8": rng.integers(-(2**62), 2**62, ROWS),
    "u8": rng.integers(0, 2**64, ROWS, dtype="u8"),
    "q": rng.integers(0, 2, ROWS).astype("i1"),
    "b": rng.integers(0, 2, ROWS).astype(bool),
}
columns["n4"][[2, 4, 5, 6, 7, 8, 12]] = np.nan
columns["u8"][3] = 2**63 + 1
columns["i8"][3] = -1


def wide(f):
    return lambda x, *a, **k: f(np.asarray(x).astype("f8"), *a, **{n: np.asarray(v, "f8") for n, v in k.items()})


def ints_exact(f):
    return lambda x: f(x) if x.dtype.kind in "iub" else f(x.astype("f8"))


def average(x, weights=None):
    return np.average(x.astype("f8"), weights=None if weights is None else weights.astype("f8"))


NUMPY = """sqrt log log2 log10 exp sin cos tan radians deg2rad degrees rad2deg abs absolute floor ceil sign isfinite isnan
cbrt log1p expm1 square arcsin arccos arctan trunc isinf logical_and logical_or logical_not count_nonzero
minimum maximum arctan2 hypot power where round clip min max nanmin nanmax ptp any all float32 float64 int8 int16 int32
int64 uint8 uint16 uint32 uint64 bool""".split()


names = {name: getattr(np, name) for name in NUMPY}
names["bool"] = np.bool_
names |= {
    "sum": ints_exact(np.sum),
    "nansum": ints_exact(np.nansum),
    "average": average,
    "len": lambda x: np.int64(len(x)),
    "float": np.float64,
    "int": np.int64,
}
for name in "mean median quantile nanmean nanmedian nanquantile".split():
    names[name] = wide(getattr(np, name))
for name in "std var nanstd nanvar".split():
    f = getattr(np, name)
    names[name] = lambda x, ddof=0, f=f: f(x.astype("f8"), ddof=ddof)
mimic = type("np", (), {k: staticmethod(v) for k, v in names.items()} | {k: getattr(np, k) for k in ("pi", "e", "inf", "nan")})
names |= {"np": mimic, "numpy": mimic}

ROWWISE = """
1.0 / s_li**2
h_li + x
-x**2
2**-x
x**2**0.5
-2**2
2**3**2 + 0*i8
(1 + 2) * 3 - 4 / 2 + 0 * x
7 // 2 + 7 % 4 - -7 // 2 + 0 * i4
h_li * 2 + 1
h_li ** 3
p ** -1
p ** 0.5
i1 + 1
i1 * i1
i1 * 2 - u1
u1 + 200
u1 - 1
-u1
i2 / i4
i2 // i4
i2 % i4
x // 0.7
x % -0.7
wild // 2
wild % 2
h_li // 7
i8 + 1
i8 + u8
u8 - 1
u8 // 3
i1 + h_li
i4 + h_li
b + b
b * b
b + 1
b * 1.5
b ** b
i4 ** 2
i2 ** 3
abs(i1)
abs(wild)
sqrt(p)
np.sqrt(s_li)
log(p) + log2(p) * log10(p)
numpy.exp(s_li)
sin(x) + cos(x) - tan(x)
radians(x)
deg2rad(h_li)
degrees(x)
rad2deg(s_li)
floor(x) + ceil(x)
floor(i4)
round(x)
round(x, 2)
round(p, decimals=-1)
sign(wild)
sign(i2)
minimum(h_li, 1500)
maximum(wild, 0.5)
maximum(i1, u1)
minimum(i4, 2)
arctan2(x, p)
hypot(x, p)
power(p, 1.5)
clip(x, -1, 1.5)
where(x > 0, h_li, 0)
where(i2, x, np.nan)
where((q == 0) & (x > 0), 1, 0)
isfinite(wild)
isnan(wild) | (x > 1)
isnan(i4)
q == 0
q != 0
i8 < u8
u8 > i8
i8 == -1
u1 < 300
u1 > -1
s_li == 0.1
h_li > 1500
i4 >= h_li
x <= i8
wild == wild
~(x > 0)
~i1
i1 & 15
i1 | u1
(x > 0) | (x < -1) & b
float32(x) * 2
float64(h_li) / 3
int32(h_li)
int64(x)
float32(0.1) * x
float32(0.1) * h_li
int8(i4) * 3
uint8(i4)
bool(i2)
True & (x > 0)
np.pi * s_li
x - +p
1e3 * s_li + .5
x * -1
2 ** i2 ** 2
i1 // i2
i1 % i2
i1 * i1 * i1
u1 * u1 - i1
u8 * 3 // 7
u8 % 1000
maximum(u8, 2**63) - minimum(u8, 5)
-i8 // 3
abs(i8) % 7
int8(i4 * 100)
uint16(i1)
uint64(i1)
int64(u8)
bool(x)
float32(u8)
float64(u8) / 3
float32(i8)
square(i1)
square(s_li)
cbrt(x)
log1p(p)
expm1(x)
arcsin(s_li)
arccos(s_li)
arctan(x)
trunc(x) + trunc(i2)
isinf(wild)
logical_and(i2, x > 0)
logical_or(q, b)
logical_not(q)
where(b, u1, i1)
where(x > 0, 1, 2.5) * n4
sqrt(2.0) * s_li
clip(u1, 10, 200) + i1
minimum(n4, x)
sign(u8) * sign(x)
h_li > 1500.123
(h_li > 1490) & (h_li < 1510) | ~(q == 0)
b | (i1 > 0)
b & 1
""".strip().splitlines()

REDUCED = """
1.0 / np.sqrt(np.sum(1.0 / s_li**2))
average(h_li, weights=1.0 / s_li**2)
average(i4)
min(h_li)
max(i1)
max(wild)
min(wild)
nanmax(wild)
nanmin(n4)
mean(n4)
nanmean(n4)
nansum(n4)
sum(i1)
sum(u1)
sum(b)
sum(s_li)
sum((x - mean(x))**2) / len(x)
var(h_li)
std(h_li)
var(x, ddof=1)
nanvar(n4)
nanstd(n4)
median(h_li)
nanmedian(n4)
quantile(h_li, 0.25)
quantile(h_li, q=0.75)
median(wild)
nanquantile(n4, 0.9)
ptp(h_li)
ptp(i4)
any(x > 3)
all(p > 0)
any(i2)
len(x) / 2
mean(h_li) - 1500
max(h_li) - min(h_li)
float32(mean(x)) * 2
where(len(x) > 3, mean(x), np.nan)
sum(where(q == 0, h_li, 0)) / maximum(sum(q == 0), 1)
quantile(h_li, q=3/4) - quantile(h_li, q=1/4)
1.5 + 0 * len(x)
-min(x) % 2
mean(abs(h_li - median(h_li)))
round(mean(x), 3)
count_nonzero(q)
sum((x - mean(x)) * (p - mean(p))) / (len(x) - 0.5)
sum(where(x > median(x), h_li - min(h_li), 0))
max(abs(x - mean(x)) / (std(x) + 1))
sum(i1 * i1)
sum(u1 * 2)
max(i8) // 2
min(u8) % 10
ptp(i2) ** 2
any(x > mean(x)) & all(p > 0)
mean(x > 0)
average(i1, weights=u1 + 1)
""".strip().splitlines()
INEXACT = ("log", "exp", "cbrt", "arc", "sin", "cos", "tan", "hypot", "power", "radians", "deg", "** -x", "sum", "mean", "std", "var",
           "average", "median", "quantile", "**")


def plain(value):
    value = value.item() if hasattr(value, "item") else value
    # As text, because JSON has no infinities and its readers may round the last digit.
    return repr(value) if isinstance(value, float) else value


def case(text, per_group):
    if per_group:
        values = [
            eval(text, {"__builtins__": {}} | names | {k: v[a:b] for k, v in columns.items()})
            for a, b in zip(OFFSETS, OFFSETS[1:])
        ]
        values = np.array(values)
    else:
        values = np.broadcast_to(eval(text, {"__builtins__": {}} | names | columns), (ROWS,))
    return {
        "expression": text,
        "dtype": str(values.dtype),
        "exact": not any(word in text for word in INEXACT),
        "values": [plain(v) for v in values],
    }


out = {
    "offsets": OFFSETS,
    "columns": {k: {"dtype": str(v.dtype), "values": [plain(x) for x in v]} for k, v in columns.items()},
    "rows": [case(text, False) for text in ROWWISE],
    "groups": [case(text, True) for text in REDUCED],
}

# Every operator between every two types: the type of the result and its values, or why there is none.
INTEGERS = ["int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "uint64"]
edges = {"bool": np.array([False, True, False, True, True])}
for name in INTEGERS:
    least, most = int(np.iinfo(name).min), int(np.iinfo(name).max)
    edges[name] = np.array([least, most, 0, 1, most - 3], name)
for name in ("float32", "float64"):
    edges[name] = np.array([-np.inf, 1.5, -0.0, np.nan, -7], name)
OPERATORS = "a + b|a - b|a * b|a / b|a // b|a % b|a ** b|a & b|a | b|a < b|a == b|minimum(a, b)|where(a, a, b)".replace("a | b", "a @ b").split("|")
OPERATORS = [text.replace("@", "|") for text in OPERATORS]
SINGLE = ["-a", "~a", "abs(a)", "floor(a)", "square(a)", "isnan(a)", "sqrt(abs(a))", "a + 1", "a * 2.5", "a // 3", "a / 2",
          "a ** 2", "a - True", "a < 1000", "a & 1", "1 - a"]
SINGLE += [f"{name}(a)" for name in ["bool", *INTEGERS, "float32", "float64"]]


def operate(text, **operands):
    if any(f"{name}(a)" == text for name in ["bool", *INTEGERS]) and operands["a"].dtype.kind == "f":
        return None  # What infinity and NaN become is not defined.
    if text == "a ** 2" and operands["a"].dtype == bool:
        return None  # numpy gives int8 here, but int64 for every other power.
    try:
        values = eval(text, {"__builtins__": {}} | names | operands)
    except (TypeError, ValueError, OverflowError):
        return "error"
    if values.dtype == np.float16:
        return None  # zagg has none.
    return [str(values.dtype), [plain(v) for v in values]]


pairs = {}
for text in OPERATORS:
    for a in edges:
        for b in edges:
            # Every value of one meets several of the other.
            shifted = np.roll(edges[b], 1 + OPERATORS.index(text) % 4)
            pairs[f"{text}|{a}|{b}|{1 + OPERATORS.index(text) % 4}"] = operate(text, a=edges[a], b=shifted)
singles = {f"{text}|{a}": operate(text, a=edges[a]) for text in SINGLE for a in edges}
out["edges"] = {k: [plain(x) for x in v] for k, v in edges.items()}
out["pairs"] = {k: v for k, v in pairs.items() if v is not None}
out["singles"] = {k: v for k, v in singles.items() if v is not None}
lines = ["{", f'"offsets": {json.dumps(OFFSETS)},', '"columns": {']
lines.append(",\n".join(f"{json.dumps(k)}: {json.dumps(v)}" for k, v in out["columns"].items()))
lines.append("},")
for key in ("edges", "pairs", "singles"):
    lines.append(f'"{key}": {{')
    lines.append(",\n".join(f"{json.dumps(k)}: {json.dumps(v)}" for k, v in out[key].items()))
    lines.append("},")
for key, end in (("rows", ","), ("groups", "")):
    lines.append(f'"{key}": [')
    lines.append(",\n".join(json.dumps(c) for c in out[key]))
    lines.append(f"]{end}")
lines.append("}")
pathlib.Path(__file__).with_name("expected.json").write_text("\n".join(lines) + "\n")
