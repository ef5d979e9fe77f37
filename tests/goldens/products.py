"""What every real file of the test data gives, reckoned with h5py and numpy: `products.tsv`, which tests/tests/products.rs
compares with whole runs.

    python products.py DATA_FOLDER > products.tsv

For each case: rows kept by the filters, rows whose value is not missing, and of these the sum, the least and the greatest
value; then the same sum for a second column, and the least and greatest time in seconds since 1970-01-01 UTC. `-` where a
case has no such column.
"""

import fnmatch
import glob
import os
import sys

import h5py
import numpy as np

ATTRIBUTES = ("_FillValue", "missing_value")
GPS_TO_2018 = 1198800018.0
UNIX_2018 = 1514764800.0


def column(file, path, number=None, by_attribute_only=False):
    """Values as they are meant, and which of them are missing."""
    dataset = file[path]
    stored = dataset[...]
    if number is not None:
        stored = stored[:, number]
    stored = stored.reshape(len(stored))
    marks = [np.asarray(dataset.attrs[a]).ravel()[0] for a in ATTRIBUTES if a in dataset.attrs]
    plist = dataset.id.get_create_plist()
    if not by_attribute_only and plist.fill_value_defined() == h5py.h5d.FILL_VALUE_USER_DEFINED:
        marks.append(dataset.fillvalue)
    missing = np.zeros(len(stored), bool)
    for mark in marks:
        missing |= (stored == mark) | ((stored != stored) & (mark != mark))
    meant = stored
    scale, offset = (dataset.attrs.get(a) for a in ("scale_factor", "add_offset"))
    if scale is not None or offset is not None:
        one = lambda value, default: default if value is None else float(np.asarray(value).ravel()[0])
        meant = stored.astype("f8") * one(scale, 1.0) + one(offset, 0.0)
    return meant.astype("f8"), missing


def broadcast(file, values, missing, first, count, base, rows):
    """Values of a level for each row; a row belongs to the last parent that has it."""
    parent = np.full(rows, -1)
    begins, counts = file[first][...].astype("i8"), file[count][...].astype("i8")
    for number, (begin, n) in enumerate(zip(begins, counts)):
        if n > 0:
            parent[begin - base : begin - base + n] = number
    return values[parent], missing[parent] | (parent < 0)


def summary(parts):
    """One line of the table from the parts of a file: (keep, value, missing, second, second missing, time)."""
    kept = sum(int(part["keep"].sum()) for part in parts)

    def joined(name):
        if name not in parts[0]:
            return None
        values = [part[name][0][part["keep"] & ~part[name][1]] for part in parts]
        return np.concatenate(values)

    value, second, time = joined("value"), joined("second"), joined("time")
    ends = lambda values: [values.min(), values.max()] if len(values) else [np.float64("nan")] * 2
    cells = [kept, len(value), value.sum(), *ends(value)]
    cells += ["-"] if second is None else [second.sum()]
    cells += ["-", "-"] if time is None else ends(time)
    return [repr(float(c)) if isinstance(c, np.floating) else str(c) for c in cells]


def located(lon, lat):
    return np.isfinite(lon[0]) & (np.abs(lat[0]) <= 90) & ~lon[1] & ~lat[1]


def atl06(path):
    parts = []
    with h5py.File(path) as file:
        for beam in ("gt1l", "gt1r", "gt2l", "gt2r", "gt3l", "gt3r"):
            if f"{beam}/land_ice_segments/latitude" not in file:
                continue
            get = lambda name, by=False: column(file, f"{beam}/land_ice_segments/{name}", None, by)
            quality, missing = get("atl06_quality_summary", True)
            time = get("delta_time")
            keep = located(get("longitude", True), get("latitude", True)) & (quality == 0) & ~missing
            value = get("h_li")
            parts.append({"keep": keep, "value": value, "time": (UNIX_2018 + time[0], time[1])})
    return summary(parts)


def atl03(path):
    parts = []
    with h5py.File(path) as file:
        for beam in sorted(fnmatch.filter(file, "gt*")):
            get = lambda name, number=None, by=False: column(file, f"{beam}/{name}", number, by)
            confidence, missing = get("heights/signal_conf_ph", 0, True)
            keep = located(get("heights/lon_ph", by=True), get("heights/lat_ph", by=True))
            keep &= (confidence != -2) & ~missing
            dem = get("geophys_corr/dem_h")
            links = [f"{beam}/geolocation/{name}" for name in ("ph_index_beg", "segment_ph_cnt")]
            time = get("heights/delta_time")
            parts.append(
                {
                    "keep": keep,
                    "value": get("heights/h_ph"),
                    "second": broadcast(file, *dem, *links, 1, len(keep)),
                    "time": (UNIX_2018 + time[0], time[1]),
                }
            )
    return summary(parts)


def plain(path, groups, coordinates, value, second=None, time=None):
    parts = []
    with h5py.File(path) as file:
        for group in sorted(fnmatch.filter(file, groups)) if groups else [""]:
            get = lambda where, by=False: column(file, where[0].format(group=group), where[1], by)
            lon, lat = (get((where, None), True) for where in coordinates)
            part = {"keep": located(lon, lat), "value": get(value)}
            if second:
                part["second"] = get(second)
            if time:
                seconds = get((time[0], None))
                part["time"] = (seconds[0] + time[1], seconds[1])
            parts.append(part)
    return summary(parts)


def gedi_l1b(path):
    """Samples lie where their shots begin."""
    parts = []
    with h5py.File(path) as file:
        for beam in sorted(fnmatch.filter(file, "BEAM*")):
            get = lambda name, by=False: column(file, f"{beam}/{name}", None, by)
            value = get("rxwaveform")
            rows = len(value[0])
            links = [f"{beam}/{name}" for name in ("rx_sample_start_index", "rx_sample_count")]
            spread = lambda column: broadcast(file, *column, *links, 1, rows)
            lon, lat = (spread(get(f"geolocation/{name}_bin0", True)) for name in ("longitude", "latitude"))
            degrade, missing = spread(get("geolocation/degrade", True))
            keep = located(lon, lat) & (degrade == 0) & ~missing
            parts.append({"keep": keep, "value": value, "second": spread(get("noise_mean_corrected"))})
    return summary(parts)


def main(data):
    join = lambda *parts: os.path.join(data, *parts)
    one = lambda pattern: sorted(glob.glob(join(pattern)))
    print("# file", "kept", "count", "sum", "min", "max", "second_sum", "time_min", "time_max", sep="\t")

    def row(path, cells):
        print(os.path.relpath(path, data), *cells, sep="\t")

    for path in one("atl06/*.h5"):
        row(path, atl06(path))
    for name in ("ATL03_gt1l.h5", "atl03_clip_v006.h5"):
        row(join("atl03", name), atl03(join("atl03", name)))
    segments = "{group}/land_segments/"
    for path, second in zip(one("atl08/*.h5"), (("canopy/canopy_h_metrics", 17), None)):
        row(
            path,
            plain(
                path,
                "gt*",
                (segments + "longitude", segments + "latitude"),
                (segments + "terrain/h_te_best_fit", None),
                second and (segments + second[0], second[1]),
                (segments + "delta_time", UNIX_2018),
            ),
        )
    shots = ("{group}/lon_lowestmode", "{group}/lat_lowestmode")
    for path in one("gedi/GEDI02_A*"):
        rh = [("{group}/rh", 98), ("{group}/rh", 50)]
        row(path, plain(path, "BEAM*", shots, *rh, ("{group}/delta_time", UNIX_2018)))
    for path in one("gedi/GEDI04_A*"):
        row(path, plain(path, "BEAM*", shots, ("{group}/agbd", None), None, ("{group}/delta_time", UNIX_2018)))
    for path in one("gedi/GEDI01_B*"):
        row(path, gedi_l1b(path))
    for path in one("other/CS_LTA*"):
        places = ("lon_poca_20_ku", "lat_poca_20_ku")
        # 2000-01-01 as a clock with TAI shows it, in 2019.
        time = ("time_20_ku", 946684800.0 - 37.0)
        row(path, plain(path, None, places, ("height_1_20_ku", None), ("sig0_1_20_ku", None), time))
    for path in one("other/MLS*"):
        swath = "HDFEOS/SWATHS/CO/"
        fields = swath + "Geolocation Fields/"
        # 1993-01-01T00:00:00 UTC; ten leap seconds followed up to 2021.
        time = (fields + "Time", 725846400.0 - 10.0)
        value = swath + "Data Fields/L2gpValue"
        row(path, plain(path, None, (fields + "Longitude", fields + "Latitude"), (value, 10), (value, 20), time))


main(sys.argv[1])
