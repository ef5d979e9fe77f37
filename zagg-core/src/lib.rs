//! The framework of zagg: vocabulary, plugin traits, configuration, expressions, planning and the task itself.
//!
//! No HDF5, no Zarr, no HTTP, no AWS: those are drivers and plugins that implement the traits of this crate.

pub mod column;
pub mod error;
pub mod range_reader;
pub mod rows;

pub use column::{Column, DType, Values};
pub use error::{Context, Error, ErrorKind, Result};
pub use rows::Rows;
