#!/usr/bin/env python3
"""Positions and their coordinates in many systems, as PROJ has them, for tests/reference.rs.

usage: make_reference.py > reference.tsv
needs: pyproj (3.8.0 was used)
"""

import math
import random
import sys

import pyproj

# System, and the area where its coordinates matter: west, south, east, north.
SYSTEMS = [
    ("EPSG:4326", (-180, -90, 180, 90)),
    ("EPSG:3031", (-180, -90, 180, -45)),
    ("EPSG:3413", (-180, 45, 180, 90)),
    ("EPSG:3995", (-180, 60, 180, 90)),
    ("EPSG:32601", (-180, -10, -171, 84)),
    ("EPSG:32618", (-81, 0, -69, 84)),
    ("EPSG:32633", (9, 0, 21, 84)),
    ("EPSG:32733", (9, -80, 21, 0)),
    ("EPSG:32661", (-180, 60, 180, 90)),
    ("EPSG:32761", (-180, -90, 180, -60)),
    ("EPSG:3857", (-180, -85, 180, 85)),
    ("EPSG:6931", (-180, 0, 180, 90)),
    ("EPSG:6932", (-180, -90, 180, 0)),
    ("EPSG:6933", (-180, -86, 180, 86)),
    ("EPSG:8857", (-180, -90, 180, 90)),
    ("EPSG:5041", (-180, 60, 180, 90)),
    ("+proj=laea +lat_0=-90 +lon_0=0 +datum=WGS84 +units=m", (-180, -90, 180, -30)),
    ("+proj=aea +lat_1=55 +lat_2=65 +lat_0=50 +lon_0=-154 +datum=WGS84", (-180, 50, -130, 72)),
    ("+proj=lcc +lat_1=49 +lat_2=44 +lat_0=46.5 +lon_0=3 +x_0=700000 +y_0=6600000 +ellps=GRS80", (-5, 41, 10, 52)),
    ("+proj=stere +lat_0=90 +lat_ts=70 +lon_0=-45 +datum=WGS84 +units=km", (-75, 58, -10, 84)),
    ("+proj=sinu +lon_0=0 +R=6371007.181", (-180, -90, 180, 90)),
    ("+proj=tmerc +lat_0=0 +lon_0=25 +k=1 +x_0=500000 +datum=WGS84 +approx", (22, -30, 28, 30)),
    ("+proj=longlat +datum=WGS84 +pm=10", (-179, -90, 179, 90)),
]
POINTS = 24


def main():
    random.seed(3031)
    for text, (west, south, east, north) in SYSTEMS:
        transformer = pyproj.Transformer.from_crs("EPSG:4326", pyproj.CRS(text), always_xy=True)
        metres = 1.0 if pyproj.CRS(text).is_geographic else pyproj.CRS(text).axis_info[0].unit_conversion_factor
        for i in range(POINTS):
            # Even by area, so that the poles are not crowded; the first is the middle.
            low, high = (math.sin(math.radians(v)) for v in (south, north))
            lon = 0.5 * (west + east) if i == 0 else random.uniform(west, east)
            lat = 0.5 * (south + north) if i == 0 else math.degrees(math.asin(random.uniform(low, high)))
            x, y = transformer.transform(lon, lat)
            assert math.isfinite(x) and math.isfinite(y), (text, lon, lat)
            print(text, metres, lon, lat, x, y, sep="\t")


sys.exit(main())
