"""Makes reference.tsv: cells of 2,000 positions as healpix-geo has them.

Run with Python 3.12, healpix-geo 0.4.1 and numpy:  python make_reference.py > reference.tsv

Columns: longitude and latitude in degrees, then the id at orders 0, 6, 12, 19 and 29 on WGS84 and on the sphere.
"""

import numpy as np
from healpix_geo.nested import lonlat_to_healpix

ORDERS = (0, 6, 12, 19, 29)


def positions():
    rng = np.random.default_rng(20260601)
    # Poles, the equator, the meridians between base cells, the antimeridian.
    special = [(float(lon), float(lat)) for lon in range(-180, 361, 45) for lat in (-90, -89.9999999, -45, 0, 45, 89.9999999, 90)]
    # The parallels where the polar caps begin (authalic latitude with sine 2/3), a little to either side.
    for lat in (41.93785391, 41.8103148957786):
        special += [(lon, sign * (lat + d)) for lon in (-170.0, 0.5, 44.9) for sign in (-1, 1) for d in (-1e-6, 1e-6)]
    n = 2000 - len(special)
    lon = rng.uniform(-180, 180, n)
    lat = np.degrees(np.arcsin(rng.uniform(-1, 1, n)))
    # A third near the poles, where the missions are densest.
    polar = n // 3
    lat[:polar] = np.sign(lat[:polar]) * (90 - rng.exponential(5, polar).clip(0, 80))
    pairs = special + [(round(float(x), 9), round(float(y), 9)) for x, y in zip(lon, lat)]
    return np.array([p[0] for p in pairs]), np.array([p[1] for p in pairs])


def main():
    lon, lat = positions()
    columns = [
        lonlat_to_healpix(lon, lat, np.uint8(order), ellipsoid=ellipsoid)
        for ellipsoid in ("WGS84", "sphere")
        for order in ORDERS
    ]
    names = [f"{ellipsoid}_{order}" for ellipsoid in ("wgs84", "sphere") for order in ORDERS]
    print("\t".join(["lon", "lat", *names]))
    for row in zip(lon, lat, *columns):
        print("\t".join([repr(float(row[0])), repr(float(row[1])), *(str(int(v)) for v in row[2:])]))


main()
