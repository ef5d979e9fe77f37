//! A small HDF5 writer without C libraries, for made-up granules in the demo, tests and benchmarks.
//!
//! It writes one flavour of the format, the one of NASA's own ATL06 granules, so that reading what it wrote
//! takes the same paths as reading the real thing: superblock version 0, groups with version-2 object
//! headers and compact links, datasets with version-1 object headers, layout version 3 (compact, contiguous,
//! chunked with a version-1 B-tree), filters shuffle and deflate, fill values, version-1 attributes.
//! Datasets have one dimension. The whole file is built in memory.
//!
//! The same tree gives the same bytes on every machine: there are no clocks and no random numbers, and the
//! deflate encoder is pinned rather than chosen by whatever else is linked in.
//!
//! ```
//! use zagg_hdf5_write::{Chunking, Dataset, Group, Scalar, Values, write_file};
//!
//! # fn main() -> Result<(), zagg_core::Error> {
//! let heights = Dataset::new(Values::F32(vec![2811.5, 2812.25]))
//!     .chunked(Chunking { rows: 10_000, deflate: Some(6), shuffle: false })
//!     .fill(Scalar::F32(f32::MAX))
//!     .text("units", "meters");
//! let root = Group::new().group("gt1l", Group::new().dataset("h_li", heights));
//! let bytes = write_file(&root)?;
//! assert_eq!(&bytes[..8], b"\x89HDF\r\n\x1a\n");
//! # Ok(())
//! # }
//! ```

mod checksum;
mod chunks;
mod file;
mod messages;
mod model;

pub use file::write_file;
pub use model::{Attribute, Chunking, Dataset, Group, Layout, Node, Scalar, Values};
