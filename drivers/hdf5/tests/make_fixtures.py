"""Writes filters.h5, types.h5, edges.h5 and aside.h5 of tests/fixtures: filters, element types and links that no file at
hand uses.

Usage: python make_fixtures.py FOLDER      (needs h5py, hdf5plugin and numpy)

The values follow simple rules; what they are is in the manifest that make_manifest.py writes of these files.
"""

import os
import sys

import h5py
import hdf5plugin
import numpy as np
from h5py import h5d, h5p, h5s, h5t, h5z

N = 400


def values(dtype, spread=100):
    """Slowly growing numbers with some noise in the low digits."""
    i = np.arange(N)
    noise = (i * 2654435761 % 65536) * spread // 65536
    if np.dtype(dtype).kind == "f":
        return (-70 + i * 0.25 + noise / 64).astype(dtype)
    return (i // 8 + noise).astype(dtype)


def filters(path):
    f = h5py.File(path, "w", libver=("v110", "v110"))

    def put(name, data, chunks=(150,), **options):
        f.create_dataset(name, data=data, chunks=chunks, **options)

    for dtype in ["<i2", ">i2", "<i4", ">i4", "<i8", ">i8", "<u1", "<u4", "<i1"]:
        put(f"scaleoffset/{dtype[1:]}_{'big' if dtype[0] == '>' else 'little'}", values(dtype, 40), scaleoffset=0)
    put("scaleoffset/fixed_bits", values("<i4", 40), scaleoffset=9)
    put("scaleoffset/negative", -values("<i8", 40), scaleoffset=0)
    put("scaleoffset/constant", np.full(N, -7, "<i4"), scaleoffset=0)
    put("scaleoffset/full_range", np.array([-(2**31), 2**31 - 1, 5, -6] * 100, "<i4"), scaleoffset=0)
    put("scaleoffset/full_range_big", np.array([-(2**31), 2**31 - 1, 5, -6] * 100, ">i4"), scaleoffset=0)
    put("scaleoffset/shuffled", values("<i4", 40), scaleoffset=0, shuffle=True, compression="gzip")
    for dtype in ["<f4", "<f8", ">f4", ">f8"]:
        name = f"scaleoffset/{dtype[1:]}_{'big' if dtype[0] == '>' else 'little'}"
        put(name, values(dtype), scaleoffset=3)
    # Values equal to a fill value that was chosen, and chunks that were never written.
    for dtype, fill, scale in [("<i4", -99, 0), ("<f4", -99.0, 2), (">f8", -99.0, 2), ("<u2", 65535, 0)]:
        data = values(dtype, 40)
        data[::7] = fill
        name = f"scaleoffset/fill_{np.dtype(dtype).name}"
        d = f.create_dataset(name, (N,), dtype, chunks=(150,), scaleoffset=scale, fillvalue=fill)
        d[:310] = data[:310]

    def packed(dtype, precision, offset, name, data, floating=None, shuffle=False):
        """A dataset of numbers that use `precision` bits behind `offset` ones, with the nbit filter."""
        t = h5t.py_create(np.dtype(dtype)).copy()
        if floating:
            sign, epos, esize, mpos, msize, bias = floating
            t.set_fields(sign, epos, esize, mpos, msize)
            t.set_offset(offset)
            t.set_precision(precision)
            t.set_ebias(bias)
        else:
            t.set_precision(precision)
            t.set_offset(offset)
        plist = h5p.create(h5p.DATASET_CREATE)
        plist.set_chunk((150,))
        if shuffle:
            plist.set_shuffle()
        plist.set_filter(h5z.FILTER_NBIT, h5z.FLAG_OPTIONAL, ())
        d = h5d.create(f.id, name.encode(), t, h5s.create_simple((N,)), plist, lcpl)
        d.write(h5s.ALL, h5s.ALL, np.ascontiguousarray(data))

    lcpl = h5p.create(h5p.LINK_CREATE)
    lcpl.set_create_intermediate_group(True)
    packed("<i2", 9, 0, "nbit/i2_little", values("<i2") - 120)
    packed(">i2", 9, 3, "nbit/i2_big", values("<i2") - 120)
    packed("<u4", 17, 8, "nbit/u4_little", values("<u4") * 300)
    packed(">i8", 41, 5, "nbit/i8_big", values("<i8") * -(10**9))
    packed("<u1", 5, 2, "nbit/u1", values("<u1") % 32)
    packed("<i4", 32, 0, "nbit/whole", values("<i4"))
    packed("<f4", 20, 7, "nbit/f4_odd", values("<f4"), (26, 20, 6, 7, 13, 31))
    put("nbit/f8", values("<f8"), **{"compression": h5z.FILTER_NBIT})

    # A record of numbers, an array and text, and an array, through the same filter.
    record = np.dtype([("n", "<i2"), ("xyz", ">f4", (3,)), ("name", "S5"), ("inner", [("a", "u1"), ("b", "<f8")])])
    data = np.zeros(N, record)
    data["n"] = values("<i2")
    data["xyz"] = values("<f4")[:, None] * [1, 2, 3]
    data["name"] = [f"p{i % 300}" for i in range(N)]
    data["inner"]["a"] = values("u1")
    data["inner"]["b"] = values("<f8")
    inner = h5t.create(h5t.COMPOUND, 24)
    narrow = h5t.STD_I16LE.copy()
    narrow.set_precision(11)
    inner.insert(b"n", 1, narrow)
    inner.insert(b"xyz", 4, h5t.array_create(h5t.IEEE_F32BE, (3,)))
    text = h5t.C_S1.copy()
    text.set_size(5)
    inner.insert(b"name", 17, text)
    plist = h5p.create(h5p.DATASET_CREATE)
    plist.set_chunk((150,))
    plist.set_filter(h5z.FILTER_NBIT, h5z.FLAG_OPTIONAL, ())
    d = h5d.create(f.id, b"nbit/record", inner, h5s.create_simple((N,)), plist, lcpl)
    d.write(h5s.ALL, h5s.ALL, np.ascontiguousarray(data[["n", "xyz", "name"]]).astype(
        np.dtype([("n", "<i2"), ("xyz", ">f4", (3,)), ("name", "S5")])))

    for dtype in ["<f8", "<i2", ">i4"]:
        data = values(dtype)
        name = np.dtype(dtype).name
        put(f"zstd/{name}", data, compression=hdf5plugin.Zstd())
        put(f"lz4/{name}", data, compression=hdf5plugin.LZ4(nbytes=300))
        put(f"lzf/{name}", data, compression="lzf", shuffle=dtype == "<f8")
        put(f"szip/{name}", data, compression="szip")
        for inner in ["none", "lz4", "zstd"]:
            put(f"bitshuffle/{inner}/{name}", data, (350,), compression=hdf5plugin.Bitshuffle(nelems=64, cname=inner))
        for inner in ["blosclz", "lz4", "lz4hc", "zlib", "zstd", "snappy"]:
            for shuffle in [0, 1, 2] if name in ("float64", "int16") else []:
                options = hdf5plugin.Blosc(cname=inner, clevel=5, shuffle=shuffle)
                put(f"blosc/{inner}/{shuffle}/{name}", data, (350,), compression=options)
    noise = np.frombuffer(b"".join(int(i * 0x9E3779B97F4A7C15 % 2**64).to_bytes(8, "little") for i in range(N)), "<u8")
    put("lz4/noise", noise, compression=hdf5plugin.LZ4(nbytes=300))
    put("lzf/noise", noise, compression="lzf")
    put("bitshuffle/noise", noise, (350,), compression=hdf5plugin.Bitshuffle(nelems=64, cname="lz4"))
    put("blosc/noise", noise, (350,), compression=hdf5plugin.Blosc(cname="blosclz"))
    put("blosc/ramp", np.arange(20000, dtype="<i4"), (20000,), compression=hdf5plugin.Blosc(cname="blosclz", clevel=9))
    put("zstd/checked", values("<f4"), compression=hdf5plugin.Zstd(), shuffle=True, fletcher32=True)
    put("bzip2", values("<i2"), compression=hdf5plugin.BZip2())
    f.close()


def types(path):
    f = h5py.File(path, "w", libver=("earliest", "v110"))
    i = np.arange(40)
    f["half_little"] = (i / 7 - 3).astype("<f2")
    f["half_big"] = (i / 7 - 3).astype(">f2")
    f["flag"] = i % 3 == 0
    f["choice"] = (i % 3).astype("i2")
    f.create_dataset("enum", data=(i % 3).astype(">i2"), dtype=h5py.enum_dtype({"a": 0, "b": 1, "c": 2}, basetype=">i2"))
    f["long_double"] = (i / 7).astype(np.longdouble)
    f["complex"] = (i + 1j).astype("c8")
    f["opaque"] = np.array([b"ab%02d" % k for k in i], "V4")
    f.create_dataset("words", data=[f"w{k}" for k in i], dtype=h5py.string_dtype())
    f.create_dataset("ragged", (4,), dtype=h5py.vlen_dtype("i4"))
    f.create_dataset("reference", (2,), dtype=h5py.ref_dtype)
    for number, name in enumerate(["nul_terminated", "nul_padded", "space_padded"]):
        t = h5t.C_S1.copy()
        t.set_size(8)
        t.set_strpad([h5t.STR_NULLTERM, h5t.STR_NULLPAD, h5t.STR_SPACEPAD][number])
        d = h5d.create(f.id, name.encode(), t, h5s.create_simple((3,)))
        # As stored, without a conversion between paddings.
        stored = [np.array(x, "S8") for x in ([b"one", b"", b"sevens7"], [b"one", b"a\0b", b"eight888"],
                                              [b"one     ", b"        ", b" two    "])[number]]
        d.write(h5s.ALL, h5s.ALL, np.array(stored), mtype=t)
    record = np.dtype({"names": ["id", "where", "inner", "label", "flag"],
                       "formats": [">i4", ("<f8", (2, 3)), [("x", "<f4"), ("y", "<f2")], "S6", "?"],
                       "offsets": [4, 8, 56, 64, 72], "itemsize": 80})
    data = np.zeros((30, 2), record)
    data["id"] = np.arange(60).reshape(30, 2)
    data["where"] = np.arange(360).reshape(30, 2, 2, 3) / 4
    data["inner"]["x"] = np.arange(60).reshape(30, 2) / 8
    data["inner"]["y"] = np.arange(60).reshape(30, 2) / 16
    data["label"] = [[f"r{a}{b}" for b in range(2)] for a in range(30)]
    data["flag"] = data["id"] % 2 == 0
    f.create_dataset("records", data=data, chunks=(7, 1), compression="gzip")
    cube = np.arange(20 * 3 * 4 * 5).reshape(20, 3, 4, 5)
    f.create_dataset("cube", data=cube.astype("<i4"), chunks=(6, 2, 3, 2), compression="gzip", shuffle=True)
    f.create_dataset("cube_contiguous", data=cube.astype(">f8"))
    f.create_dataset("a#b", data=i.astype("<u2"))
    f.close()


def edges(folder):
    """What is allowed and rare: every kind at the edge of what its filter or type may be, and ways into other files."""
    f = h5py.File(os.path.join(folder, "edges.h5"), "w", libver=("v110", "v110"))

    def low(name, datatype, data, filters, chunk=150):
        plist = h5p.create(h5p.DATASET_CREATE)
        plist.set_chunk((chunk,))
        for number, parameters in filters:
            plist.set_filter(number, h5z.FLAG_OPTIONAL, parameters)
        d = h5d.create(f.id, name.encode(), datatype, h5s.create_simple(data.shape), plist)
        d.write(h5s.ALL, h5s.ALL, np.ascontiguousarray(data), mtype=datatype)

    # As many bits as the numbers have: nothing is packed, and there is no header.
    for dtype in ["<i1", "<i2", ">i2", ">u4", "<i8"]:
        data = values(dtype, 40)
        name = f"scaleoffset_all_{dtype[1:]}_{'big' if dtype[0] == '>' else 'little'}"
        f.create_dataset(name, data=data, chunks=(150,), scaleoffset=8 * data.dtype.itemsize)
    # A record that is mostly a gap takes nearly no bits.
    for size in [130, 4000]:
        record = h5t.create(h5t.COMPOUND, size)
        narrow = h5t.STD_I8LE.copy()
        narrow.set_precision(7)
        record.insert(b"a", 3, narrow)
        data = np.zeros(60, np.dtype({"names": ["a"], "formats": ["i1"], "offsets": [3], "itemsize": size}))
        data["a"] = np.arange(60)
        low(f"nbit_gap_{size}", record, data, [(h5z.FILTER_NBIT, ())], 25)
    # Bitshuffle with a header for every eight bytes, which deflate packs; LZ4 would gain nothing.
    noise = (np.arange(20000) * 2654435761 // 65536 % 256).astype("u1")
    for elements in [0, 8]:
        low(f"bitshuffle_deflate_{elements}", h5t.STD_U8LE, noise, [(32008, (elements, 2)), (h5z.FILTER_DEFLATE, (1,))], 20000)
    # Bit fields; h5py does not make those that leave bits of their bytes unused.
    d = h5d.create(f.id, b"bits", h5t.STD_B16BE, h5s.create_simple((40,)))
    d.write(h5s.ALL, h5s.ALL, (np.arange(40) * 1009 % 65536).astype(">u2"), mtype=h5t.STD_B16BE)
    # Fill values of numbers that the C library hands out in another form.
    for dtype in ["<f2", ">f2"]:
        for number, fill in enumerate([-9, 2**-24, 65504, np.inf, -0.0]):
            d = f.create_dataset(f"fill_half_{'big' if dtype[0] == '>' else 'little'}_{number}", (10,), dtype, fillvalue=fill)
            d[:5] = 1
    for base in ["<i2", ">i2", "u1"]:
        names = h5py.enum_dtype({"a": 0, "b": 1}, basetype=base)
        d = f.create_dataset(f"fill_enum_{base.strip('<>')}_{'big' if base[0] == '>' else 'little'}", (10,), names, fillvalue=1)
        d[:5] = 0
    # Rows without any values.
    f.create_dataset("no_columns", (50, 0), "<i4")
    # Other files: an external link, a soft link that leads through one, values that lie there.
    other = h5py.File(os.path.join(folder, "aside.h5"), "w", libver=("v110", "v110"))
    other["group/x"] = np.arange(7, dtype="<i4")
    other.close()
    f["inside/x"] = np.arange(5, dtype="<i2")
    f["soft"] = h5py.SoftLink("/inside/x")
    f["soft_group"] = h5py.SoftLink("inside")
    f["dangling"] = h5py.SoftLink("/inside/none")
    f["external"] = h5py.ExternalLink("aside.h5", "/group")
    f["soft_external"] = h5py.SoftLink("/external/x")
    f["soft_external_group"] = h5py.SoftLink("/external")
    layout = h5py.VirtualLayout((7,), "<i4")
    layout[:] = h5py.VirtualSource("aside.h5", "group/x", (7,))
    f.create_virtual_dataset("virtual", layout)
    f.create_dataset("raw_outside", (4,), "<i4", external=[("aside.raw", 0, 16)])
    f.close()


if __name__ == "__main__":
    edges(sys.argv[1])
    filters(os.path.join(sys.argv[1], "filters.h5"))
    types(os.path.join(sys.argv[1], "types.h5"))
