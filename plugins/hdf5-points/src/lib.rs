//! Point source for any HDF5 or NetCDF-4 point product described in YAML.
