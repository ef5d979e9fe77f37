//! Byte-range HDF5 reader: few round trips, bounded memory, no C library.
