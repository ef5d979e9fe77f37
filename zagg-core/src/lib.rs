//! The framework of zagg: vocabulary, plugin traits, configuration, expressions, planning and the task itself.
//!
//! No HDF5, no Zarr, no HTTP, no AWS: those are drivers and plugins that implement the traits of this crate.

#[cfg(feature = "abi")]
pub mod abi;
mod block;
pub mod catalog;
mod caught;
pub mod cells;
pub mod column;
pub mod config;
pub mod conformance;
pub mod cores;
pub mod cycle;
pub mod error;
pub mod executor;
pub mod expression;
pub mod finalize;
pub mod footprint;
pub mod granule;
pub mod granules;
pub mod grid;
pub mod hash;
pub mod index;
pub mod io_pool;
pub mod levels;
pub mod memory;
pub mod plan;
pub mod product;
pub mod profile;
pub mod program;
pub mod range_reader;
pub mod records;
pub mod reduce;
pub mod registry;
pub mod report;
pub mod rows;
pub mod run;
pub mod shard_map;
mod side_by_side;
pub mod source;
pub mod sphere;
pub mod statistic;
pub mod store;
pub mod suggest;
pub mod task;
pub mod time;

pub use caught::caught;
pub use column::{Column, DType, Values};
pub use error::{Context, Error, ErrorKind, Result};
pub use rows::Rows;
pub use side_by_side::side_by_side;
