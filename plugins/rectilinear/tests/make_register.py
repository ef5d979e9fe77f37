#!/usr/bin/env python3
"""The middle of the area of use of many EPSG codes, and its coordinates as PROJ has them, for tests/reference.rs.

usage: make_register.py > register.tsv
needs: pyproj (3.8.0 was used). Without its grids of shifts, as they are installed by default.
"""

import math
import sys
import warnings

import pyproj
from pyproj.enums import PJType


def main():
    warnings.simplefilter("ignore")
    pyproj.network.set_network_enabled(False)
    kinds = [PJType.GEOGRAPHIC_2D_CRS, PJType.PROJECTED_CRS]
    codes = sorted({int(code) for kind in kinds for code in pyproj.get_codes("EPSG", kind, allow_deprecated=True)})
    for code in codes:
        crs = pyproj.CRS.from_epsg(code)
        area = crs.area_of_use
        # A third of them; and all on WGS84, which matter most.
        if code > 65535 or area is None or (code % 3 and "WGS 84" not in crs.name):
            continue
        east = area.east if area.east > area.west else area.east + 360
        lon = round((0.5 * (area.west + east) + 180) % 360 - 180, 3)
        lat = round(0.5 * (area.south + area.north), 3)
        try:
            transformer = pyproj.Transformer.from_crs("EPSG:4326", crs, always_xy=True)
        except pyproj.exceptions.ProjError:
            continue
        x, y = transformer.transform(lon, lat)
        if not (math.isfinite(x) and math.isfinite(y)):
            continue
        metres = 111_132.0 if crs.is_geographic else crs.axis_info[0].unit_conversion_factor
        digits = 9 if crs.is_geographic else 4
        print(code, round(metres, 9), lon, lat, round(x, digits), round(y, digits), sep="\t")


sys.exit(main())
