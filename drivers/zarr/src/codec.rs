//! Blocks to bytes and back.

mod blosc;
mod ragged;
mod zstd;

use std::borrow::Cow;
use std::num::NonZeroU64;
use std::sync::Arc;

use zagg_core::store::Compression;
use zagg_core::{DType, Error, Result, Values};
use zarrs::array::codec::{BytesCodec, Crc32cCodec, ShardingCodecBuilder};
use zarrs::array::{
    ArrayBytes, ArrayToBytesCodecTraits, BytesToBytesCodecTraits, CodecChain, CodecOptions, DataType,
    FillValue, data_type,
};

use crate::layout::{Layout, MAX_BLOCK_BYTES, ZSTD_LEVEL};
use crate::values;

use self::zstd::Compressor;

/// Bytes of one entry of a shard's index: offset and size of a chunk.
const INDEX_ENTRY: u64 = 16;

/// Bytes of the checksum behind a shard's index.
const INDEX_CHECKSUM: u64 = 4;

/// The codecs of one array, ready to use from many threads.
#[derive(Debug)]
pub(crate) struct BlockCodec {
    layout: Layout,
    chain: CodecChain,
    data_type: DataType,
    fill: Vec<u8>,
    shape: Vec<NonZeroU64>,
}

impl BlockCodec {
    pub(crate) fn new(layout: Layout) -> Result<Self> {
        let nonzero = |shape: &[u64]| {
            shape
                .iter()
                .map(|extent| {
                    NonZeroU64::new(*extent).ok_or_else(|| Error::corrupt("a block has no elements"))
                })
                .collect::<Result<Vec<_>>>()
        };
        let data_type = zarrs_type(layout.dtype);
        let bytes: Arc<dyn ArrayToBytesCodecTraits> = Arc::new(BytesCodec::little());
        let shuffle = match layout.compression {
            Compression::ShuffleZstd => u8::try_from(layout.dtype.size()).ok(),
            Compression::Zstd | Compression::None => None,
        };
        let compressors: Vec<Arc<dyn BytesToBytesCodecTraits>> = match layout.compression {
            Compression::None => Vec::new(),
            Compression::Zstd | Compression::ShuffleZstd => {
                vec![Arc::new(Compressor { shuffle, level: ZSTD_LEVEL })]
            }
        };
        let chain = if layout.is_sharded() {
            let shards = ShardingCodecBuilder::new(nonzero(&layout.chunk_shape)?, &data_type)
                .array_to_bytes_codec(bytes.clone())
                .bytes_to_bytes_codecs(compressors)
                .index_array_to_bytes_codec(bytes)
                .index_bytes_to_bytes_codecs(vec![Arc::new(Crc32cCodec::new())])
                .build_arc();
            CodecChain::new(Vec::new(), shards, Vec::new())
        } else {
            CodecChain::new(Vec::new(), bytes, compressors)
        };
        let (fill, shape) = (layout.fill.to_le_bytes(), nonzero(&layout.block_shape)?);
        Ok(Self { layout, chain, data_type, fill, shape })
    }

    pub(crate) fn layout(&self) -> &Layout {
        &self.layout
    }

    /// The bytes of a block; `None` when it is fill throughout.
    ///
    /// `values` are those of the whole block or of its part inside the array. What lies outside becomes fill, so that
    /// there is one spelling of every block.
    pub(crate) fn encode(&self, block: &[u64], values: &Values) -> Result<Option<Vec<u8>>> {
        let layout = &self.layout;
        if layout.ragged.is_some() {
            return Err(Error::input("its cells hold lists; write them with their offsets"));
        }
        layout.check_block(block)?;
        let inside = layout.inside(block);
        let (whole, part) = (layout.block_elements(), inside.iter().product::<u64>() as usize);
        if values.dtype() != layout.dtype || ![whole, part].contains(&values.len()) {
            return Err(Error::input(format!(
                "{} {} values do not fit block {block:?}, which takes {part} {}",
                values.len(),
                values.dtype(),
                layout.dtype
            )));
        }
        let mut values = if part == whole {
            values.clone()
        } else {
            let origin = vec![0; inside.len()];
            let from = if values.len() == whole { &layout.block_shape } else { &inside };
            let mut padded = values::repeat(&layout.fill, whole);
            values::copy_values(
                values,
                (from, &origin),
                &mut padded,
                (&layout.block_shape, &origin),
                &inside,
            )?;
            padded
        };
        values::make_nan_canonical(&mut values);
        let bytes = values.to_le_bytes();
        if values::is_fill(&bytes, &self.fill) {
            return Ok(None);
        }
        self.chain
            .encode(
                ArrayBytes::new_flen(native(bytes, layout.dtype)),
                &self.shape,
                &self.data_type,
                &FillValue::new(native(self.fill.clone(), layout.dtype)),
                &options(),
            )
            .map(|bytes| Some(bytes.into_owned()))
            .map_err(|error| Error::io(format!("block {block:?} cannot be encoded: {error}")))
    }

    /// The part of a block inside the array, from its bytes; `None` stands for a block that was never written.
    pub(crate) fn decode(&self, block: &[u64], bytes: Option<&[u8]>) -> Result<Values> {
        let layout = &self.layout;
        if layout.ragged.is_some() {
            return Err(Error::input("its cells hold lists; read them with their offsets"));
        }
        layout.check_block(block)?;
        let inside = layout.inside(block);
        let part = inside.iter().product::<u64>() as usize;
        let Some(bytes) = bytes else { return Ok(values::repeat(&layout.fill, part)) };
        if layout.is_sharded() {
            self.check_index(bytes)?;
        }
        let decoded = self
            .chain
            .decode(
                Cow::Borrowed(bytes),
                &self.shape,
                &self.data_type,
                &FillValue::new(native(self.fill.clone(), layout.dtype)),
                &options(),
            )
            .map_err(|error| Error::corrupt(format!("block {block:?} cannot be decoded: {error}")))?
            .into_fixed()
            .map_err(|error| Error::corrupt(format!("block {block:?} cannot be decoded: {error}")))?;
        let whole = values::from_le_bytes(layout.dtype, &native(decoded.into_owned(), layout.dtype))?;
        if part == whole.len() {
            return Ok(whole);
        }
        let origin = vec![0; inside.len()];
        let mut values = values::repeat(&layout.fill, part);
        values::copy_values(
            &whole,
            (&layout.block_shape, &origin),
            &mut values,
            (&inside, &origin),
            &inside,
        )?;
        Ok(values)
    }

    /// Most bytes that the object of a block may have.
    pub(crate) fn max_encoded(&self) -> u64 {
        if self.layout.ragged.is_some() {
            return MAX_BLOCK_BYTES;
        }
        let plain = (self.layout.block_elements() * self.layout.dtype.size()) as u64;
        // Frames of chunks that do not shrink and the index of a shard of one-element chunks stay below this.
        2 * plain + 64 * self.chunks() + 1024
    }

    fn chunks(&self) -> u64 {
        let layout = &self.layout;
        layout.block_shape.iter().zip(&layout.chunk_shape).map(|(block, chunk)| block / chunk).product()
    }

    /// Checks that every chunk of a shard lies in it: zarrs adds offsets and sizes without looking for overflow.
    fn check_index(&self, bytes: &[u8]) -> Result<()> {
        let damaged = || Error::corrupt("the index of a shard is damaged");
        let size = usize::try_from(self.chunks() * INDEX_ENTRY + INDEX_CHECKSUM).map_err(|_| damaged())?;
        let start = bytes.len().checked_sub(size).ok_or_else(damaged)?;
        for entry in bytes[start..].as_chunks::<16>().0 {
            let (offset, size) = entry.split_at(8);
            let number = |bytes: &[u8]| bytes.try_into().map(u64::from_le_bytes).map_err(|_| damaged());
            let (offset, size) = (number(offset)?, number(size)?);
            let end = offset.checked_add(size);
            if (offset, size) != (u64::MAX, u64::MAX) && end.is_none_or(|end| end > bytes.len() as u64) {
                return Err(damaged());
            }
        }
        Ok(())
    }
}

/// Tasks are parallel already, and chunks that are encoded one by one lie in the shard in their order.
fn options() -> CodecOptions {
    CodecOptions::default().with_concurrent_target(1)
}

/// Little-endian bytes in the order of this machine, and back.
fn native(mut bytes: Vec<u8>, dtype: DType) -> Vec<u8> {
    if cfg!(target_endian = "big") {
        bytes.chunks_exact_mut(dtype.size()).for_each(<[u8]>::reverse);
    }
    bytes
}

fn zarrs_type(dtype: DType) -> DataType {
    match dtype {
        DType::Bool => data_type::bool(),
        DType::Int8 => data_type::int8(),
        DType::Int16 => data_type::int16(),
        DType::Int32 => data_type::int32(),
        DType::Int64 => data_type::int64(),
        DType::UInt8 => data_type::uint8(),
        DType::UInt16 => data_type::uint16(),
        DType::UInt32 => data_type::uint32(),
        DType::UInt64 => data_type::uint64(),
        DType::Float32 => data_type::float32(),
        DType::Float64 => data_type::float64(),
    }
}

#[cfg(test)]
mod tests;
