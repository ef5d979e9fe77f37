"""Ids of a million positions against those of healpix-geo. Used by run.py, which says how to call it."""

import healpix_geo
import numpy as np

POSITIONS = 1_000_000
# Key of the counter-based generator (Philox), which gives the same numbers everywhere.
KEY = 20_260_601
EXACT = [0, 6, 12, 19]
FINEST = 29
# Radians from a border within which the finest ids may differ: less than a millionth of a millimetre on the ground.
NEAR = 1e-12


def positions():
    """Half of them uniform on the globe, the rest where grids have their special cases."""
    random = np.random.Generator(np.random.Philox(key=KEY))
    kinds = POSITIONS // 8
    lon = random.uniform(-180, 180, POSITIONS)
    lat = np.degrees(np.arcsin(random.uniform(-1, 1, POSITIONS)))
    part = [slice(i * kinds, (i + 1) * kinds) for i in range(4)]
    # Ever nearer to the poles.
    lat[part[0]] = np.copysign(90 - 2.0 ** -random.uniform(-6, 45, kinds), lat[part[0]])
    # On the meridians between base cells and on the antimeridian, and next to them.
    lon[part[1]] = 45.0 * random.integers(-4, 5, kinds)
    lon[part[2]] = 45.0 * random.integers(-4, 5, kinds) + 1e-9 * random.choice([-1, 1], kinds)
    # Next to the parallels where the polar caps begin, on WGS84 and on the sphere; the equator; the poles.
    parallels = [s * (p + d) for s in (-1, 1) for p in (41.937853910160136, 41.8103148957786) for d in (-1e-9, 1e-9)]
    lat[part[3]] = random.choice([*parallels, 0.0, -90.0, 90.0], kinds)
    return lon, lat


def near_a_border(lon, lat, ids, ellipsoid):
    """Whether a move of NEAR in some direction leads to the given ids."""
    near = np.zeros(len(ids), dtype=bool)
    for angle in np.arange(64) * 2 * np.pi / 64:
        east, north = np.degrees(NEAR) * np.cos(angle), np.degrees(NEAR) * np.sin(angle)
        moved = lon + east / np.maximum(np.cos(np.radians(lat)), 1e-9), np.clip(lat + north, -90, 90)
        near |= healpix_geo.nested.lonlat_to_healpix(*moved, np.uint8(FINEST), ellipsoid=ellipsoid) == ids
    return near


def check(call, program, work):
    """The program, an example of the grid's crate, gives the ids of healpix-geo."""
    lon, lat = positions()
    points, ids = work / "points.bin", work / "ids.bin"
    np.column_stack([lon, lat]).astype("<f8").tofile(points)
    notes = []
    for ellipsoid in ["WGS84", "sphere"]:
        for order in [*EXACT, FINEST]:
            call(program, order, ellipsoid, points, ids)
            ours = np.fromfile(ids, dtype="<u8")
            theirs = healpix_geo.nested.lonlat_to_healpix(lon, lat, np.uint8(order), ellipsoid=ellipsoid)
            different = np.flatnonzero(ours != theirs)
            if order != FINEST:
                assert len(different) == 0, f"{len(different)} ids of order {order} differ on {ellipsoid}"
                continue
            near = near_a_border(lon[different], lat[different], ours[different], ellipsoid)
            far = different[~near]
            assert len(far) == 0, f"{ellipsoid}: ({lon[far[0]]}, {lat[far[0]]}) is not within {NEAR} rad of a border"
            notes.append(f"{len(different)} of {POSITIONS} differ at order {order} on {ellipsoid}")
    points.unlink()
    return f"none differ at orders {EXACT}; {', '.join(notes)}, all within {NEAR} rad of a border"
