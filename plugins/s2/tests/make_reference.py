"""Makes reference.tsv: S2 cells of 400 positions as Google's own library has them.

Run with Python 3.11 and s2geometry 0.14:  python make_reference.py > reference.tsv

Columns: longitude and latitude in degrees, a level, the id and the token of the cell there, and the cell's centre.
"""

import math
import random

import s2geometry as s2


def positions():
    rng = random.Random(20260601)
    for lon in range(-180, 180, 45):
        for lat in (-90, -89.9999, -45, 0, 35.264389, 35.264389682754654, 45, 89.9999, 90):
            yield float(lon), float(lat)
    for i in range(328):
        lat = math.degrees(math.asin(rng.uniform(-1, 1)))
        if i % 3 == 0:
            lat = math.copysign(90 - min(rng.expovariate(0.2), 80), lat)
        yield round(rng.uniform(-180, 180), 9), round(lat, 9)


def main():
    print("lon", "lat", "level", "id", "token", "centre_lon", "centre_lat", sep="\t")
    for number, (lon, lat) in enumerate(positions()):
        level = number % 31
        cell = s2.S2CellId(s2.S2LatLng.FromDegrees(lat, lon)).parent(level)
        centre = cell.ToLatLng()
        centre = (centre.lng().degrees(), centre.lat().degrees())
        print(lon, lat, level, cell.id(), cell.ToToken(), *centre, sep="\t")


main()
