"""Which cell holds a position, of grids that are neither HEALPix nor rectilinear: written here from their definitions.

S2 is defined by the sources of s2geometry (S2CellId::FromFaceIJ and its tables): the sphere on a cube, each face stretched by
a quadratic, the cells of a face along a Hilbert curve. The ids are those of the package s2sphere, which was asked for 20,000
positions at five levels. The other one is the sample grid of templates/plugin.
"""

import numpy as np

# Levels of S2: the leaves of a face are the places of a square of 2^30 by 2^30.
LEVELS = 30
# By orientation of the curve: from the place in a square of two by two (2 i + j) to the place along the curve.
ALONG = np.array([[0, 1, 3, 2], [0, 3, 1, 2], [2, 3, 1, 0], [2, 1, 3, 0]], dtype=np.uint64)
# By place along the curve: how the orientation changes there.
TURN = np.array([1, 0, 0, 3], dtype=np.uint64)


def face_uv(lon, lat):
    """Face of the cube and place on it, -1 to 1."""
    lon, lat = np.radians(lon), np.radians(lat)
    place = np.stack([np.cos(lat) * np.cos(lon), np.cos(lat) * np.sin(lon), np.sin(lat)])
    axis = np.abs(place).argmax(axis=0)
    along = np.take_along_axis(place, axis[None], axis=0)[0]
    x, y, z = place
    face = np.where(along < 0, axis + 3, axis)
    u = np.choose(face, [y, -x, -x, z, z, -y]) / np.choose(face, [x, y, z, x, y, z])
    v = np.choose(face, [z, z, -y, y, -x, -x]) / np.choose(face, [x, y, z, x, y, z])
    return face, u, v


def s2(lon, lat, level):
    """Ids of the cells of a level of S2."""
    face, u, v = face_uv(np.asarray(lon, dtype=float), np.asarray(lat, dtype=float))
    i, j = (
        np.clip(np.floor(stretched(axis) * 2.0**LEVELS), 0, 2**LEVELS - 1).astype(np.uint64) for axis in (u, v)
    )
    orientation = (face & 1).astype(np.uint64)
    path = np.zeros(face.shape, dtype=np.uint64)
    for bit in range(LEVELS - 1, LEVELS - 1 - level, -1):
        at = (((i >> np.uint64(bit)) & np.uint64(1)) << np.uint64(1)) | ((j >> np.uint64(bit)) & np.uint64(1))
        along = ALONG[orientation, at]
        path = (path << np.uint64(2)) | along
        orientation ^= TURN[along]
    rest = 2 * (LEVELS - level)
    head = (face.astype(np.uint64) << np.uint64(61)) | (path << np.uint64(rest + 1))
    return head | np.uint64(1 << rest)


def stretched(u):
    """The quadratic of S2, from -1 to 1 to 0 to 1."""
    root = np.sqrt(1.0 + 3.0 * np.abs(u))
    return np.where(u >= 0, 0.5 * root, 1.0 - 0.5 * root)


def quads(lon, lat, level):
    """Numbers of the cells of the template's grid: two hemispheres, each a square that is divided along a Z curve."""
    side = 2**level
    east = (np.floor((np.asarray(lon) + 180) % 360 / 180 * side)).astype(np.uint64) % np.uint64(2 * side)
    north = np.minimum(np.floor((np.asarray(lat) + 90) / 180 * side), side - 1).astype(np.uint64)
    number = (east // np.uint64(side)) << np.uint64(2 * level)
    for bit in range(level):
        number |= ((east % np.uint64(side)) >> np.uint64(bit) & np.uint64(1)) << np.uint64(2 * bit)
        number |= (north >> np.uint64(bit) & np.uint64(1)) << np.uint64(2 * bit + 1)
    return number


def ids_of_cells(attributes):
    """What names the cells of positions, of a group with these attributes; none of other grids."""
    for at, name, ids in [("dggs", "s2", s2), ("made_grid_grid", "made_grid_quads", quads)]:
        grid = attributes.get(at, {})
        if grid.get("name") == name:
            level = int(grid["refinement_level"])
            return lambda lon, lat: ids(lon, lat, level)
    return None
