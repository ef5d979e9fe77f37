use proptest::prelude::*;
use zagg_core::with_values;
use zarrs::array::{Array, ArrayMetadataV3};
use zarrs::storage::store::MemoryStore;
use zarrs::storage::{Bytes, StoreKey, WritableStorageTraits};

use super::*;
use crate::testing;

fn codec(dtype: DType, shape: &[u64], block: &[u64], chunk: &[u64], compression: Compression) -> BlockCodec {
    let mut spec = testing::array("a", dtype, shape, block, chunk);
    spec.compression = compression;
    BlockCodec::new(Layout::from_spec(&spec).unwrap()).unwrap()
}

/// Values of a type from arbitrary bits, with special ones often.
fn from_bits(dtype: DType, bits: &[u64]) -> Values {
    let bytes: Vec<u8> = bits
        .iter()
        .flat_map(|x| {
            let bytes = match (x % 7, dtype) {
                (0, DType::Float32) => f32::NAN.to_le_bytes().to_vec(),
                (1, DType::Float32) => f32::NEG_INFINITY.to_le_bytes().to_vec(),
                (0, DType::Float64) => (-f64::NAN).to_le_bytes().to_vec(),
                (1, DType::Float64) => f64::INFINITY.to_le_bytes().to_vec(),
                (2, _) => vec![0; 8],
                _ => x.to_le_bytes().to_vec(),
            };
            bytes[..dtype.size()].to_vec()
        })
        .collect();
    let bytes = if dtype == DType::Bool { bytes.iter().map(|b| b & 1).collect() } else { bytes };
    values::from_le_bytes(dtype, &bytes).unwrap()
}

fn canonical_bytes(values: &Values) -> Vec<u8> {
    let mut values = values.clone();
    values::make_nan_canonical(&mut values);
    values.to_le_bytes()
}

proptest! {
    #[test]
    fn blocks_of_every_type_survive(
        bits in prop::collection::vec(any::<u64>(), 24),
        dtype in prop::sample::select(DType::ALL.to_vec()),
        compression in prop::sample::select(vec![Compression::Zstd, Compression::ShuffleZstd, Compression::None]),
        chunk in prop::sample::select(vec![[4u64, 6], [2, 3], [1, 1], [4, 2]]),
    ) {
        let codec = codec(dtype, &[7, 11], &[4, 6], &chunk, compression);
        let whole = from_bits(dtype, &bits);
        let encoded = codec.encode(&[0, 0], &whole).unwrap();
        prop_assert_eq!(&encoded, &codec.encode(&[0, 0], &whole).unwrap());
        let size = encoded.as_ref().map_or(0, Vec::len) as u64;
        prop_assert!(size <= codec.max_encoded());
        let read = codec.decode(&[0, 0], encoded.as_deref()).unwrap();
        prop_assert_eq!(read.to_le_bytes(), canonical_bytes(&whole));

        // The corner block has 3 by 5 elements inside; given whole or in part, it is the same.
        let inside = from_bits(dtype, &bits[..15]);
        let encoded = codec.encode(&[1, 1], &inside).unwrap();
        let read = codec.decode(&[1, 1], encoded.as_deref()).unwrap();
        prop_assert_eq!(read.to_le_bytes(), canonical_bytes(&inside));
        let mut padded = from_bits(dtype, &bits);
        values::copy_values(&inside, (&[3, 5], &[0, 0]), &mut padded, (&[4, 6], &[0, 0]), &[3, 5]).unwrap();
        prop_assert_eq!(codec.encode(&[1, 1], &padded).unwrap(), encoded);
    }

    #[test]
    fn damaged_blocks_do_not_panic(
        damage in prop::collection::vec((0usize..600, any::<u8>()), 1..4),
        cut in 0usize..600,
        compression in prop::sample::select(vec![Compression::Zstd, Compression::ShuffleZstd, Compression::None]),
        chunk in prop::sample::select(vec![16u64, 64]),
    ) {
        let codec = codec(DType::Int64, &[64], &[64], &[chunk], compression);
        let values = Values::Int64((0..64).map(|i| i * i * 7919).collect());
        let mut bytes = codec.encode(&[0], &values).unwrap().unwrap();
        let length = bytes.len();
        for (at, byte) in damage {
            bytes[at % length] = byte;
        }
        let _ = codec.decode(&[0], Some(&bytes));
        bytes.truncate(cut % length);
        prop_assert!(codec.decode(&[0], Some(&bytes)).is_err());
    }
}

#[test]
fn fill_throughout_is_no_object_and_reads_as_fill() {
    for dtype in DType::ALL {
        let codec = codec(dtype, &[20], &[8], &[4], Compression::Zstd);
        let fill = values::repeat(&testing::fill(dtype), 8);
        assert_eq!(codec.encode(&[0], &fill).unwrap(), None);
        let read = codec.decode(&[2], None).unwrap();
        assert_eq!((read.len(), read.dtype()), (4, dtype));
    }
    let codec = codec(DType::Float32, &[8], &[8], &[8], Compression::Zstd);
    let negative_nan = Values::Float32(vec![-f32::NAN; 8]);
    assert_eq!(codec.encode(&[0], &negative_nan).unwrap(), None);
}

#[test]
fn a_shard_whose_index_overflows_is_an_error() {
    let codec = codec(DType::UInt8, &[64], &[64], &[16], Compression::None);
    let mut bytes = codec.encode(&[0], &Values::UInt8((0..64).collect())).unwrap().unwrap();
    let index = bytes.len() - 4 - 4 * 16;
    bytes[index..index + 8].copy_from_slice(&(u64::MAX - 3).to_le_bytes());
    let error = codec.decode(&[0], Some(&bytes)).unwrap_err().to_string();
    assert!(error.contains("index of a shard is damaged"), "{error}");
}

#[test]
fn a_chunk_that_claims_to_be_huge_is_an_error() {
    let codec = codec(DType::UInt8, &[64], &[64], &[64], Compression::Zstd);
    let bomb = ::zstd::bulk::compress(&vec![0; 64 << 20], 3).unwrap();
    assert!(codec.decode(&[0], Some(&bomb)).is_err());
}

/// The codecs of zarrs itself, which share nothing with ours but the standard.
#[test]
fn zarrs_reads_what_is_written() {
    for (dtype, chunk, compression) in [
        (DType::Float32, 4, Compression::Zstd),
        (DType::Float64, 8, Compression::Zstd),
        (DType::UInt64, 2, Compression::None),
        (DType::Bool, 8, Compression::Zstd),
        (DType::Int16, 4, Compression::Zstd),
    ] {
        let codec = codec(dtype, &[20], &[8], &[chunk], compression);
        let storage = Arc::new(MemoryStore::new());
        let mut expected = Vec::new();
        for block in 0..3u64 {
            let count = if block == 2 { 4 } else { 8 };
            let bits: Vec<u64> =
                (0..count).map(|i| (block * 8 + i).wrapping_mul(0x9e37_79b9_7f4a_7c15)).collect();
            let values =
                if block == 1 { values::repeat(&testing::fill(dtype), 8) } else { from_bits(dtype, &bits) };
            expected.extend(canonical_bytes(&values));
            if let Some(bytes) = codec.encode(&[block], &values).unwrap() {
                let key = StoreKey::new(Layout::chunk_key(&[block])).unwrap();
                storage.set(&key, Bytes::from(bytes)).unwrap();
            }
        }
        let json = crate::json::to_bytes(&codec.layout().to_json()).unwrap();
        let metadata: ArrayMetadataV3 = serde_json::from_slice(&json).unwrap();
        let array = Array::new_with_metadata(storage, "/", metadata.into()).unwrap();
        let read: ArrayBytes<'static> = array.retrieve_array_subset(&array.subset_all()).unwrap();
        assert_eq!(read.into_fixed().unwrap().to_vec(), expected, "{dtype}");
    }
}

#[test]
fn scalars_are_arrays_of_no_dimension() {
    let codec = codec(DType::Int32, &[], &[], &[], Compression::Zstd);
    let bytes = codec.encode(&[], &Values::Int32(vec![42])).unwrap().unwrap();
    assert_eq!(codec.decode(&[], Some(&bytes)).unwrap(), Values::Int32(vec![42]));
}

#[test]
fn values_that_do_not_fit_are_refused() {
    let codec = codec(DType::Float32, &[20], &[8], &[8], Compression::Zstd);
    for (block, values) in [
        (vec![0], Values::Float64(vec![0.0; 8])),
        (vec![0], Values::Float32(vec![0.0; 4])),
        (vec![2], Values::Float32(vec![0.0; 5])),
        (vec![3], Values::Float32(vec![0.0; 8])),
        (vec![0, 0], Values::Float32(vec![0.0; 8])),
    ] {
        let count = with_values!(&values, v => v.len());
        assert!(codec.encode(&block, &values).is_err(), "{block:?} {count}");
    }
}
