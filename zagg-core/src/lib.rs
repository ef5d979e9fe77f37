//! The framework of zagg: vocabulary, plugin traits, configuration, expressions, planning and the task itself.
//!
//! No HDF5, no Zarr, no HTTP, no AWS: those are drivers and plugins that implement the traits of this crate.

pub mod catalog;
pub mod column;
pub mod conformance;
pub mod error;
pub mod expression;
pub mod footprint;
pub mod granule;
pub mod grid;
pub mod range_reader;
pub mod registry;
pub mod rows;
pub mod source;
pub mod statistic;
pub mod store;
pub mod suggest;

pub use column::{Column, DType, Values};
pub use error::{Context, Error, ErrorKind, Result};
pub use rows::Rows;
