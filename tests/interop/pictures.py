"""Checks of `zagg render`: every pixel against a value found by another path, colours against matplotlib.

Used by run.py and plugins.py, which say how to call them. The stores are made of the demo's granules, so no other data are
needed. The other path to the value of a pixel: rasterio reads plane and transform of the GeoTIFF, pyproj brings the pixel's
centre to longitude and latitude, healpix-geo, pyproj or other_grids.py names the cell, zarr-python reads its value.
"""

import json
import shutil

import healpix_geo.nested
import matplotlib
import numpy as np
import pyproj
import rasterio
import zarr
from matplotlib import colors, image

import other_grids

# Degrees that a centre on the border of two cells may be moved by to find its value: some 10 micrometres.
BORDER = 1e-10
# Most pixels of which that has to be asked, as a share of all.
ON_BORDERS = 1e-4

STORES = {
    "healpix": ["--plugin", "atl06", "--config", "output: {grid: {levels: [12, 10, 8, 4]}}"],
    "full_sphere": ["--plugin", "atl06", "--config", "output: {layout: full_sphere}"],
    "rectilinear": ["--plugin", "atl06_polar", "--config", "output: {grid: {levels: [1, 2, 16]}}"],
}
# Name of the store, the options, and the plane that is expected.
MAPS = [
    ("healpix", ["--size", "900"], 3031),
    ("healpix", ["--size", "900", "--variable", "count"], 3031),
    ("healpix", ["--level", "10", "--crs", "EPSG:4326", "--size", "700"], 4326),
    ("healpix", ["--level", "8", "--crs", "EPSG:6932", "--size", "500"], 6932),
    ("healpix", ["--level", "4", "--bounds", "-180,-90,180,-60", "--size", "300"], 3031),
    ("healpix", ["--crs", "EPSG:3413", "--bounds", "0,-89,90,-80", "--size", "400"], 3413),
    ("full_sphere", ["--bounds", "20,-88,80,-83", "--crs", "EPSG:4326", "--size", "800"], 4326),
    ("rectilinear", ["--size", "640"], 3031),
    ("rectilinear", ["--level", "2", "--extent", "100000,0,700000,500000", "--size", "360"], 3031),
    ("rectilinear", ["--level", "16", "--crs", "EPSG:4326", "--size", "400"], 4326),
]


class Cells:
    """Values of a variable at positions, read without zagg."""

    def __init__(self, store, group, variable):
        self.group = zarr.open_group(store, mode="r")[group]
        array = self.group[variable]
        self.values = array[:].astype(np.float64)
        self.fill = array.fill_value
        self.attributes = dict(self.group.attrs)
        self.ids = self.ids_of_cells()

    def ids_of_cells(self):
        """What names the cells of positions; none of a rectilinear grid."""
        if other := other_grids.ids_of_cells(self.attributes):
            return other
        if "dggs" not in self.attributes:
            return None
        order = np.uint8(self.attributes["dggs"]["refinement_level"])
        return lambda lon, lat: healpix_geo.nested.lonlat_to_healpix(lon, lat, order, ellipsoid="WGS84")

    def at(self, lon, lat):
        """The value at each position; NaN where there is none."""
        found = np.full(lon.shape, np.nan)
        inside = np.isfinite(lon) & np.isfinite(lat) & (np.abs(lat) <= 90)
        lon, lat = lon[inside], lat[inside]
        if self.ids is not None:
            ids = self.ids(lon, lat)
            if "cell_ids" in self.group:
                known = self.group["cell_ids"][:]
                place = np.minimum(np.searchsorted(known, ids), len(known) - 1)
                values = np.where(known[place] == ids, self.values[place], np.nan)
            else:
                values = self.values[ids.astype(np.int64)]
        else:
            rx, _, left, _, ry, top = self.attributes["spatial:transform"]
            there = pyproj.Transformer.from_crs("EPSG:4326", self.attributes["proj:code"], always_xy=True)
            x, y = there.transform(lon, lat)
            column, row = np.floor((x - left) / rx), np.floor((y - top) / ry)
            rows, columns = self.values.shape
            ok = (column >= 0) & (row >= 0) & (column < columns) & (row < rows)
            values = np.full(lon.shape, np.nan)
            values[ok] = self.values[row[ok].astype(int), column[ok].astype(int)]
        if self.fill is not None and not np.isnan(self.fill):
            values = np.where(values == self.fill, np.nan, values)
        found[inside] = values
        return found


def centres(file):
    """Longitude and latitude of the centres of pixels, by pyproj."""
    columns, rows = np.meshgrid(np.arange(file.width) + 0.5, np.arange(file.height) + 0.5)
    x, y = file.transform * (columns, rows)
    back = pyproj.Transformer.from_crs(file.crs.to_wkt(), "EPSG:4326", always_xy=True)
    lon, lat = back.transform(x, y)
    return (np.where(np.isfinite(lon), lon, np.nan) + 180) % 360 - 180, np.where(np.isfinite(lat), lat, np.nan)


def check_values(call, zagg, store, options, code, path):
    """The GeoTIFF as rasterio reads it: its plane, its form, and the value of every pixel."""
    said = json.loads(call(zagg, "render", store, "--output", path, "--format", "json", *options))
    with rasterio.open(path) as file:
        assert file.crs.to_epsg() == code, f"system {file.crs}"
        assert file.profile["tiled"] and file.profile["compress"] == "deflate", file.profile
        assert file.count == 1 and np.isnan(file.nodata) and file.dtypes[0].startswith("float"), file.profile
        assert file.descriptions[0] == said["variable"], file.descriptions
        assert (file.units[0] or None) == (said["units"] or None), (file.units, said["units"])
        assert np.allclose(file.bounds, said["extent"], rtol=1e-12, atol=1e-9), (file.bounds, said["extent"])
        assert (file.width, file.height) == (said["width"], said["height"]), said
        found = file.read(1).astype(np.float64)
        lon, lat = centres(file)
    cells = Cells(store, said["group"], said["variable"])
    expected = cells.at(lon, lat)
    differ = ~((found == expected) | (np.isnan(found) & np.isnan(expected)))
    filled = int((~np.isnan(found)).sum())
    assert filled == said["pixels_with_value"] and filled > 100, f"{filled} pixels with a value"
    on_borders = int(differ.sum())
    assert on_borders <= ON_BORDERS * found.size, f"{on_borders} of {found.size} pixels differ"
    if on_borders:
        near = np.zeros(on_borders, dtype=bool)
        for dx, dy in [(1, 0), (-1, 0), (0, 1), (0, -1), (1, 1), (1, -1), (-1, 1), (-1, -1)]:
            moved = cells.at(lon[differ] + dx * BORDER, lat[differ] + dy * BORDER)
            near |= (moved == found[differ]) | (np.isnan(moved) & np.isnan(found[differ]))
        assert near.all(), f"{(~near).sum()} pixels differ that are on no border of cells"
    return f"{filled} of {found.size} pixels with a value at level {said['level']}, {on_borders} on borders"


def check_colours(call, zagg, store, folder, colormap, scale, low, high, plane=()):
    """The picture against matplotlib's colours of the same values: the map alone pixel for pixel, and within the figure."""
    options = ["--variable", "h_mean", "--size", "600", *plane]
    values = folder / "values.tif"
    call(zagg, "render", store, "--output", values, *options)
    with rasterio.open(values) as file:
        data = file.read(1)
    style = ["--colormap", colormap, "--range", f"{low},{high}", "--scale", scale, "--missing", "e4e4e4"]
    norm = {"linear": colors.Normalize, "log": colors.LogNorm}[scale](low, high, clip=True)
    expected = matplotlib.colormaps[colormap](norm(np.ma.masked_invalid(data)))[..., :3] * 255
    expected[np.isnan(data)] = 0xE4
    plain, whole = folder / "plain.png", folder / "whole.png"
    call(zagg, "render", store, "--output", plain, "--plain", *style, *options)
    found = image.imread(plain)[..., :3] * 255
    assert found.shape == expected.shape, (found.shape, expected.shape)
    away = np.abs(found - expected).max(axis=2)
    # A value on the border of two steps may have the next one.
    assert away.max() <= 6 and (away > 1.5).mean() < 0.001, f"colours differ by up to {away.max()}"
    said = json.loads(call(zagg, "render", store, "--output", whole, "--format", "json", "--no-graticule", *style, *options))
    left, top, width, height = said["picture"]["map"]
    figure = image.imread(whole)[..., :3] * 255
    assert list(figure.shape[1::-1]) == said["picture"]["size"], (figure.shape, said["picture"])
    part = figure[top : top + height, left : left + width]
    same = (np.abs(part - expected).max(axis=2) <= 6).mean()
    # The frame and the length scale lie over the map.
    assert same > 0.95, f"only {same:.1%} of the map is as expected"
    return f"{colormap}, {scale}: {(away <= 1.5).mean():.2%} of the pixels alone, {same:.1%} in the figure"


def check_bare(call, zagg, store, folder):
    """Without what lies beside it, a store gives the same file."""
    bare = folder / "bare.zarr"
    shutil.copytree(store, bare)
    files = []
    for at, one in enumerate([store, bare]):
        path = folder / f"bare{at}.tif"
        options = ["--variable", "h_mean", "--size", "300", "--crs", "EPSG:3031", "--bounds", "20,-88,80,-83"]
        call(zagg, "render", one, "--output", path, *options)
        files.append(path.read_bytes())
    assert files[0] == files[1], "the values differ"
    return f"{len(files[0])} bytes"


def run(checks, call, zagg, work):
    """All checks; `call` runs a program."""
    matplotlib.use("Agg")
    work = work / "pictures"
    work.mkdir()

    def make():
        call(zagg, "demo", folder=work)
        assert (work / "zagg-demo/h_mean.png").read_bytes()[:8] == b"\x89PNG\r\n\x1a\n", "the demo drew no picture"
        for name, options in STORES.items():
            (work / f"{name}.yaml").write_text(options[-1] + "\n")
            options = [*options[:-1], work / f"{name}.yaml"]
            shard_map = work / f"{name}.json"
            call(zagg, "catalog", "--from-files", work / "zagg-demo/granules", "--output", shard_map, *options)
            call(zagg, "run", "--catalog", shard_map, "--store", work / f"{name}.zarr", *options)

    if not checks.run("pictures: demo and stores", make):
        return
    for number, (name, options, code) in enumerate(MAPS):
        if "--variable" not in options:
            options = ["--variable", "h_mean", *options]
        where = work / f"{name}.zarr", options, code, work / f"{number}.tif"
        checks.run(f"pictures: values of {name} {' '.join(options)}", check_values, call, zagg, *where)
    for colormap, scale, low, high in [("viridis", "linear", 3860, 3980), ("magma", "log", 3000, 4000)]:
        where = work / "healpix.zarr", work, colormap, scale, low, high
        checks.run(f"pictures: colours of {colormap}, {scale}", check_colours, call, zagg, *where)
    for name in STORES:
        folder = work / f"bare-{name}"
        folder.mkdir()
        checks.run(f"pictures: {name} without its plan", check_bare, call, zagg, work / f"{name}.zarr", folder)
