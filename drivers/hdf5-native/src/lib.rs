//! HDF5 through the C library, behind the same trait as the byte-range reader: to check one against the other, and for
//! local files that use what only the library reads.
//!
//! The crate is empty without its feature `native`, which needs libhdf5 (1.10.5 or later) with its headers. It reads local
//! files only. Numbers and strings of fixed length are read; records, arrays within elements and external links are
//! refused, as is what the byte-range reader refuses by type. Limits of memory are those of the library: files should be
//! trusted.
#![cfg(feature = "native")]

mod attributes;
mod failure;
mod file;
mod read;
mod types;

pub use file::NativeFile;
