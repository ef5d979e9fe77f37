"""Writes the files in tests/reference with pyarrow, which shares no code with our readers.

    python make_reference.py     # pyarrow 26

Every value follows from the number of its row, so that the tests know them: see `expected` in tests/reference.rs.
"""

import json
import struct
from decimal import Decimal
from pathlib import Path

import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet as pq

ROWS = 80
HERE = Path(__file__).parent / "reference"

numbers = range(ROWS)
lat = [-70.0 - i / 64 for i in numbers]
lon = [-180.0 + i * 0.75 for i in numbers]
table = pa.table(
    {
        "lat": pa.array(lat, pa.float64()),
        "lon": pa.array(lon, pa.float64()),
        "height": pa.array([None if i % 7 == 3 else i * 0.25 - 20 for i in numbers], pa.float32()),
        "quality": pa.array([None if i % 11 == 0 else i % 5 for i in numbers], pa.uint8()),
        "id": pa.array([i * i * 1000003 - 5 for i in numbers], pa.int64()),
        "time": pa.array([1_600_000_000_000_000 + i * 250 for i in numbers], pa.timestamp("us")),
        "flag": pa.array([i % 3 == 0 for i in numbers], pa.bool_()),
        "small": pa.array([i - 200 for i in numbers], pa.int16()),
        "wide": pa.array([4_000_000_000 + i for i in numbers], pa.uint32()),
        "never": pa.array([None] * ROWS, pa.float64()),
    }
)


def write(name, table=table, **options):
    pq.write_table(table, HERE / name, **{"row_group_size": 40, "store_schema": False, **options})


HERE.mkdir(exist_ok=True)
write("zstd.parquet", compression="zstd")
# What Spark, Hive and Impala write unless told otherwise: dictionaries under their older name.
write(
    "first_form.parquet",
    table.select(["lat", "lon", "height", "quality", "id"]),
    compression="snappy",
    version="1.0",
    use_dictionary=["lon", "height", "quality", "id"],
)
write(
    "second_form.parquet",
    table.select(["lat", "lon", "height", "quality", "id", "flag", "small"]),
    compression="snappy",
    data_page_version="2.0",
    use_dictionary=["quality"],
    column_encoding={
        "id": "DELTA_BINARY_PACKED",
        "small": "DELTA_BINARY_PACKED",
        "lat": "BYTE_STREAM_SPLIT",
        "height": "BYTE_STREAM_SPLIT",
        "flag": "RLE",
    },
    write_page_index=True,
    write_page_checksum=True,
)
write("gzip.parquet", table.select(["lat", "lon", "height"]), compression="gzip", write_statistics=False, row_group_size=80)
write("lz4.parquet", table.select(["lat", "lon", "height"]), compression="lz4", use_dictionary=False, row_group_size=80)
write("brotli.parquet", table.select(["lat", "lon", "height"]).slice(0, 10), compression="brotli")

few = table.slice(0, 10)
nested = pa.table(
    {
        "lat": few["lat"],
        "lon": few["lon"],
        "inside": pa.array([None if i == 4 else {"x": None if i == 2 else i / 2} for i in range(10)]),
        "list": pa.array([[1.0] * i for i in range(10)], pa.list_(pa.float64())),
        "text": pa.array([f"row {i}" for i in range(10)]),
        "price": pa.array([Decimal(i) / 4 for i in range(10)], pa.decimal128(8, 2)),
    }
)
write("nested.parquet", nested)

# GeoParquet 1.1: points in well-known binary with the box of every row.
boxes = pa.StructArray.from_arrays(
    [pa.array(lon, pa.float32()), pa.array(lat, pa.float32())] * 2, ["xmin", "ymin", "xmax", "ymax"]
)
bbox = {key: ["bbox", key] for key in ["xmin", "ymin", "xmax", "ymax"]}
geo = {
    "version": "1.1.0",
    "primary_column": "geometry",
    "columns": {"geometry": {"encoding": "WKB", "geometry_types": ["Point"], "covering": {"bbox": bbox}}},
}
points = [None if i == 5 else struct.pack("<BIdd", 1, 1, lon[i], lat[i]) for i in numbers]
geometry = pa.table({"geometry": pa.array(points, pa.binary()), "bbox": boxes})
geometry = geometry.replace_schema_metadata({"geo": json.dumps(geo)})
write("geo.parquet", geometry, compression="zstd", store_schema=True)

pyarrow.csv.write_csv(
    table.select(["lat", "lon", "height", "quality", "id", "flag"]).slice(0, 20), HERE / "points.csv"
)
