//! Byte-range HDF5 reader: few round trips, bounded memory, no C library.
//!
//! An [`Hdf5File`] stands on a [`RangeReader`](zagg_core::range_reader::RangeReader). Everything that is wanted at the
//! same time is asked for together: [`Hdf5File::datasets`] resolves many paths side by side, so that the number of
//! dependent reads follows the depth of the file's structures and not the number of objects, and
//! [`Hdf5File::read_rows`] fetches the chunks of many datasets in one vectored read.
//!
//! ```
//! # fn demo(reader: std::sync::Arc<dyn zagg_core::range_reader::RangeReader>) -> zagg_core::Result<()> {
//! use zagg_core::Rows;
//! use zagg_hdf5::{Hdf5File, ReadOptions, RowRequest};
//!
//! let file = Hdf5File::open(reader, &ReadOptions::default())?;
//! let found = file.datasets(&["gt1l/land_ice_segments/h_li", "gt1l/land_ice_segments/latitude"]);
//! for dataset in found {
//!     let Some(dataset) = dataset? else { continue };
//!     let rows = Rows::from_ranges([100..200]);
//!     let values = file.read_rows(&[RowRequest::new(&dataset, &rows)]);
//!     assert_eq!(values.len(), 1);
//! }
//! # Ok(())
//! # }
//! ```
//!
//! What is read: superblocks 0 to 3, both generations of object headers, groups and attributes, compact, contiguous and
//! chunked storage with every chunk index, the filters deflate, shuffle, fletcher32, nbit, scaleoffset, lzf, lz4, zstd,
//! bitshuffle and blosc, numbers, strings of fixed length, fields of records, columns of any number of dimensions. What is
//! not is refused by name, with [`ErrorKind::Unsupported`](zagg_core::ErrorKind::Unsupported). Files are not trusted: sizes,
//! addresses, loops and compression ratios are checked before memory is taken.

mod access;
mod attribute;
mod btree_v1;
mod btree_v2;
mod checksum;
mod chunk_cache;
mod chunk_index;
mod cursor;
mod dataset;
mod datatype;
mod decode;
mod file;
mod foresight;
mod fractal_heap;
mod group;
mod later;
mod layout;
mod member;
mod object_header;
mod options;
mod read;
mod read_ahead;
mod reader;
mod saved;
mod superblock;
mod unshuffle;
mod values;

pub use attribute::{Attribute, AttributeValue};
pub use chunk_cache::ChunkCache;
pub use dataset::{Dataset, Description, FillValue};
pub use datatype::{ByteOrder, Class, Datatype, Field, Padding};
pub use decode::{Decoder, Filter};
pub use file::Hdf5File;
pub use group::{Entry, EntryKind};
pub use member::splits as path_splits;
pub use options::ReadOptions;
pub use read::RowRequest;
pub use reader::Hdf5Reader;
pub use saved::{SavedDataset, SavedFile};
