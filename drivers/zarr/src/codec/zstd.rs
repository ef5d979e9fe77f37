//! The `zstd` codec of one chunk, with a bound on what it decodes.
//!
//! The one of zarrs allocates whatever a chunk claims to hold, which a damaged or hostile store can put at any number.

use std::any::Any;
use std::borrow::Cow;
use std::cell::RefCell;
use std::io;
use std::sync::Arc;

use zarrs::array::codec::api::{PartialDecoderCapability, PartialEncoderCapability};
use zarrs::array::{
    ArrayBytesRaw, BytesRepresentation, BytesToBytesCodecTraits, CodecError, CodecMetadataOptions,
    CodecOptions, CodecTraits, RecommendedConcurrency,
};
use zarrs::metadata::Configuration;
use zarrs::plugin::ZarrVersion;

use super::blosc;

/// A compressor that its thread keeps, with its level: to make one takes as long as to compress some ten thousand bytes.
type Kept = Option<(i32, zstd::bulk::Compressor<'static>)>;

thread_local! {
    static COMPRESSOR: RefCell<Kept> = const { RefCell::new(None) };
}

/// A Zstandard frame with these bytes.
///
/// # Errors
/// When there is no memory for it.
pub(super) fn compress(bytes: &[u8], level: i32) -> io::Result<Vec<u8>> {
    COMPRESSOR.with(|kept| {
        let mut kept = kept.borrow_mut();
        let mut compressor = match kept.take() {
            Some((of, compressor)) if of == level => compressor,
            _ => zstd::bulk::Compressor::new(level)?,
        };
        let frame = compressor.compress(bytes)?;
        // One that has failed is given up.
        *kept = Some((level, compressor));
        Ok(frame)
    })
}

/// Compresses the bytes of a chunk.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Compressor {
    /// Bytes of an element, to be shuffled into a Blosc frame; a plain Zstandard frame without.
    pub(crate) shuffle: Option<u8>,
    /// Level of Zstandard.
    pub(crate) level: i32,
}

zarrs::plugin::impl_extension_aliases!(Compressor, v3: "zagg.compressor");

impl CodecTraits for Compressor {
    fn as_any(&self) -> &dyn Any {
        self
    }

    fn configuration(&self, _: ZarrVersion, _: &CodecMetadataOptions) -> Option<Configuration> {
        // The metadata are written from the layout.
        None
    }

    fn partial_decoder_capability(&self) -> PartialDecoderCapability {
        PartialDecoderCapability { partial_read: false, partial_decode: false }
    }

    fn partial_encoder_capability(&self) -> PartialEncoderCapability {
        PartialEncoderCapability { partial_encode: false }
    }
}

impl BytesToBytesCodecTraits for Compressor {
    fn into_dyn(self: Arc<Self>) -> Arc<dyn BytesToBytesCodecTraits> {
        self
    }

    fn recommended_concurrency(&self, _: &BytesRepresentation) -> Result<RecommendedConcurrency, CodecError> {
        Ok(RecommendedConcurrency::new_maximum(1))
    }

    fn encoded_representation(&self, _: &BytesRepresentation) -> BytesRepresentation {
        BytesRepresentation::UnboundedSize
    }

    fn encode<'a>(
        &self,
        bytes: ArrayBytesRaw<'a>,
        _: &CodecOptions,
    ) -> Result<ArrayBytesRaw<'a>, CodecError> {
        let encoded = match self.shuffle {
            Some(size) => blosc::encode(&bytes, size, self.level).map_err(CodecError::Other)?,
            None => compress(&bytes, self.level)?,
        };
        Ok(Cow::Owned(encoded))
    }

    fn decode<'a>(
        &self,
        bytes: ArrayBytesRaw<'a>,
        decoded: &BytesRepresentation,
        _: &CodecOptions,
    ) -> Result<ArrayBytesRaw<'a>, CodecError> {
        // Sizes of chunks are bounded by the layout and known here.
        let size = decoded.size().and_then(|size| usize::try_from(size).ok()).unwrap_or(0);
        let bytes = match self.shuffle {
            Some(_) => blosc::decode(&bytes, size).map_err(CodecError::Other)?,
            None => zstd::bulk::decompress(&bytes, size)?,
        };
        if bytes.len() != size {
            return Err(CodecError::Other(format!("a chunk has {} bytes where {size} belong", bytes.len())));
        }
        Ok(Cow::Owned(bytes))
    }
}
