//! The traits of plugins and of what the program lends them, in the form that crosses the boundary of a library.
//!
//! Each is the twin of a native trait. Every method gives an [`Answer`], because any may panic, and takes whole batches.
#![allow(
    missing_docs,
    missing_debug_implementations,
    non_local_definitions,
    unsafe_code,
    unreachable_pub,
    unused_qualifications,
    clippy::all,
    reason = "code that `sabi_trait` writes: objects with a table of functions whose layout both sides compare. What it \
              does unsafely, calling through that table, is what abi_stable is for. The methods are documented where the \
              native traits are"
)]

use abi_stable::sabi_trait;
use abi_stable::sabi_types::RRef;
use abi_stable::std_types::{RBox, ROption, RSlice, RSliceMut, RStr, RString, RVec};

use super::types::{
    AbiColumn, AbiOutput, AbiPositions, AbiRange, AbiRequest, AbiSlice, AbiStates, AbiValues, Answer, Packed,
};

/// Bytes that the program read, lent until they are dropped.
#[sabi_trait]
pub trait AbiBuffer: Send + Sync {
    #[sabi(last_prefix_field)]
    fn bytes(&self) -> RSlice<'_, u8>;
}
pub type Buffer = AbiBuffer_TO<'static, RBox<()>>;

/// The program's `RangeReader`. Its size, ETag and location go ahead of it.
#[sabi_trait]
pub trait AbiReader: Send + Sync {
    fn describe(&self) -> Answer<Packed>;
    #[sabi(last_prefix_field)]
    fn read_ranges(&self, ranges: RSlice<'_, AbiRange>) -> Answer<RVec<Buffer>>;
}
pub type Reader = AbiReader_TO<'static, RBox<()>>;

/// The program's `SearchContext`.
#[sabi_trait]
pub trait AbiContext: Send + Sync {
    fn exact_footprint(&self, granule: RSlice<'_, u8>) -> Answer<Packed>;
    fn list(&self, url: RStr<'_>) -> Answer<Packed>;
    fn progress(&self, done: u64, total: ROption<u64>, what: RStr<'_>) -> Answer<()>;
    #[sabi(last_prefix_field)]
    fn warn(&self, message: RStr<'_>) -> Answer<()>;
}
pub type Context<'a> = AbiContext_TO<'a, RRef<'a, ()>>;

/// A plugin's `OpenGranule`.
#[sabi_trait]
pub trait AbiGranule: Send + Sync {
    fn parts(&self) -> Answer<Packed>;
    fn column_attributes(&self, column: RStr<'_>) -> Answer<Packed>;
    fn positions(&self, parts: RSlice<'_, u64>) -> Answer<RVec<Answer<AbiPositions>>>;
    fn read(&self, requests: RSlice<'_, AbiRequest>) -> Answer<RVec<Answer<RVec<AbiColumn>>>>;
    #[sabi(last_prefix_field)]
    fn index(&self) -> Answer<Packed>;
}
pub type Granule = AbiGranule_TO<'static, RBox<()>>;

/// A plugin's `PointSource`.
#[sabi_trait]
pub trait AbiSource: Send + Sync {
    fn columns(&self) -> Answer<Packed>;
    fn open(&self, granule: RSlice<'_, u8>, reader: Reader) -> Answer<Granule>;
    fn index_key(&self) -> Answer<ROption<RString>>;
    #[sabi(last_prefix_field)]
    fn open_indexed(&self, granule: RSlice<'_, u8>, reader: Reader, index: RSlice<'_, u8>)
    -> Answer<Granule>;
}
pub type Source = AbiSource_TO<'static, RBox<()>>;

/// A plugin's `Catalog`.
#[sabi_trait]
pub trait AbiCatalog: Send + Sync {
    #[sabi(last_prefix_field)]
    fn search(&self, query: RSlice<'_, u8>, context: Context<'_>) -> Answer<Packed>;
}
pub type Catalog = AbiCatalog_TO<'static, RBox<()>>;

/// A plugin's `Grid`. What is the same for all its life is in `describe`.
#[sabi_trait]
pub trait AbiGrid: Send + Sync {
    fn describe(&self) -> Answer<Packed>;
    fn level_number(&self, level: u32) -> Answer<u64>;
    fn level_from_number(&self, number: u64) -> Answer<u32>;
    fn locate(&self, lon: RSlice<'_, f64>, lat: RSlice<'_, f64>, cells: RSliceMut<'_, u64>) -> Answer<()>;
    fn shards_of(&self, cells: RSlice<'_, u64>, shards: RSliceMut<'_, u64>) -> Answer<()>;
    fn parents(&self, cells: RSlice<'_, u64>, level: u32, parents: RSliceMut<'_, u64>) -> Answer<()>;
    fn cover(&self, footprint: RSlice<'_, u8>) -> Answer<RVec<u64>>;
    fn parents_of_shards(
        &self,
        shards: RSlice<'_, u64>,
        level: u32,
        parents: RSliceMut<'_, u64>,
    ) -> Answer<()>;
    fn offsets_in_shard(
        &self,
        shard: u64,
        level: u32,
        cells: RSlice<'_, u64>,
        offsets: RSliceMut<'_, u32>,
    ) -> Answer<()>;
    fn cells_of_shard(&self, shard: u64, level: u32) -> Answer<RVec<u64>>;
    fn centres(
        &self,
        level: u32,
        cells: RSlice<'_, u64>,
        lon: RSliceMut<'_, f64>,
        lat: RSliceMut<'_, f64>,
    ) -> Answer<()>;
    fn cells_in_area(&self, shards: RSlice<'_, u64>, area: RSlice<'_, u8>) -> Answer<Packed>;
    fn area_codes(&self, shard: u64, cells: RSlice<'_, u8>) -> Answer<Packed>;
    fn cells_of_codes(&self, shard: u64, codes: RSlice<'_, u8>) -> Answer<Packed>;
    fn shard_key(&self, shard: u64) -> Answer<u64>;
    fn shard_from_key(&self, key: u64) -> Answer<u64>;
    fn shard_label(&self, shard: u64) -> Answer<RString>;
    fn shard_from_label(&self, label: RStr<'_>) -> Answer<u64>;
    fn shard_index(&self, shard: u64) -> Answer<RVec<u64>>;
    fn group_name(&self, level: u32) -> Answer<RString>;
    fn layout(&self, level: u32) -> Answer<Packed>;
    fn places(&self, level: u32, cells: RSlice<'_, u64>, places: RSliceMut<'_, u64>) -> Answer<()>;
    fn root_attributes(&self, levels: RSlice<'_, u32>, compact: bool) -> Answer<Packed>;
    fn group_attributes(&self, level: u32, compact: bool) -> Answer<Packed>;
    fn array_attributes(&self, level: u32, compact: bool) -> Answer<Packed>;
    fn coordinates(&self, level: u32) -> Answer<Packed>;
    fn cell_coordinate(&self, name: RStr<'_>, level: u32, cells: RSlice<'_, u64>) -> Answer<AbiValues>;
    #[sabi(last_prefix_field)]
    fn whole_coordinate(&self, name: RStr<'_>, level: u32) -> Answer<AbiValues>;
}
pub type Grid = AbiGrid_TO<'static, RBox<()>>;

/// A plugin's `Statistic`, with its mergeable form if it has one. What is the same for all its life is in `describe`.
#[sabi_trait]
pub trait AbiStatistic: Send + Sync {
    fn describe(&self) -> Answer<Packed>;
    fn reduce(&self, offsets: RSlice<'_, u32>, columns: RSlice<'_, AbiSlice<'_>>) -> Answer<AbiOutput>;
    fn partial(&self, offsets: RSlice<'_, u32>, columns: RSlice<'_, AbiSlice<'_>>) -> Answer<AbiStates>;
    fn merge(
        &self,
        values: RSlice<'_, f64>,
        offsets: RSlice<'_, u32>,
        runs: RSlice<'_, u32>,
    ) -> Answer<AbiStates>;
    #[sabi(last_prefix_field)]
    fn finish(&self, values: RSlice<'_, f64>, offsets: RSlice<'_, u32>) -> Answer<AbiOutput>;
}
pub type Statistic = AbiStatistic_TO<'static, RBox<()>>;
