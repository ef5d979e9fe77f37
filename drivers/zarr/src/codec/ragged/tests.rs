use std::sync::Arc;

use proptest::prelude::*;
use zagg_core::DType;
use zagg_core::store::RaggedSpec;
use zarrs::array::{Array, ArrayBytes, ArrayMetadataV3};
use zarrs::storage::store::MemoryStore;
use zarrs::storage::{Bytes, StoreKey, WritableStorageTraits};

use super::*;
use crate::testing;

fn codec(dtype: DType, inner: &[u64], shapes: [&[u64]; 3], compression: Compression) -> BlockCodec {
    let [shape, block, chunk] = shapes;
    let mut spec = testing::array("a", dtype, shape, block, chunk);
    spec.ragged = Some(RaggedSpec { inner_shape: inner.to_vec() });
    spec.compression = compression;
    BlockCodec::new(Layout::from_spec(&spec).unwrap()).unwrap()
}

/// Lists of these lengths, of items with `item` elements.
fn lists(lengths: &[u64], item: u64) -> (Vec<u64>, Values) {
    let mut offsets = vec![0];
    for length in lengths {
        offsets.push(offsets.last().unwrap() + length);
    }
    let elements = offsets.last().unwrap() * item;
    (
        offsets,
        Values::Float32((0..elements).map(|i| if i % 7 == 3 { -f32::NAN } else { i as f32 / 8.0 }).collect()),
    )
}

fn canonical(values: &Values) -> Vec<u8> {
    let mut values = values.clone();
    values::make_nan_canonical(&mut values);
    values.to_le_bytes()
}

proptest! {
    #[test]
    fn lists_survive(
        lengths in prop::collection::vec(prop_oneof![2 => Just(0u64), 1 => 0u64..5], 24),
        compression in prop::sample::select(vec![Compression::Zstd, Compression::ShuffleZstd, Compression::None]),
        chunk in prop::sample::select(vec![[4u64, 6], [2, 3], [1, 1], [4, 2]]),
        inner in prop::sample::select(vec![vec![], vec![2u64], vec![2, 3]]),
    ) {
        let codec = codec(DType::Float32, &inner, [&[7, 11], &[4, 6], &chunk], compression);
        let item = inner.iter().product();
        let (offsets, values) = lists(&lengths, item);
        let encoded = codec.encode_ragged(&[0, 0], &offsets, &values).unwrap();
        prop_assert_eq!(&encoded, &codec.encode_ragged(&[0, 0], &offsets, &values).unwrap());
        prop_assert_eq!(encoded.is_none(), values.is_empty());
        let (found, read) = codec.decode_ragged(&[0, 0], encoded.as_deref()).unwrap();
        prop_assert_eq!(&found, &offsets);
        prop_assert_eq!(read.to_le_bytes(), canonical(&values));

        // The corner block has 3 by 5 cells inside; given whole or in part, it is the same.
        let inside: Vec<u64> = lengths.chunks(6).take(3).flat_map(|row| row[..5].to_vec()).collect();
        let (offsets, values) = lists(&inside, item);
        let encoded = codec.encode_ragged(&[1, 1], &offsets, &values).unwrap();
        let (found, read) = codec.decode_ragged(&[1, 1], encoded.as_deref()).unwrap();
        prop_assert_eq!(&found, &offsets);
        prop_assert_eq!(read.to_le_bytes(), canonical(&values));
        let mut whole: Vec<u64> = inside.chunks(5).flat_map(|row| [row, &[0]].concat()).collect();
        whole.resize(24, 0);
        let (offsets, values) = lists(&whole, item);
        prop_assert_eq!(codec.encode_ragged(&[1, 1], &offsets, &values).unwrap(), encoded);
    }

    #[test]
    fn damaged_lists_do_not_panic(
        damage in prop::collection::vec((0usize..900, any::<u8>()), 1..4),
        cut in 0usize..900,
        compression in prop::sample::select(vec![Compression::Zstd, Compression::None]),
        chunk in prop::sample::select(vec![16u64, 64]),
    ) {
        let codec = codec(DType::Float32, &[2], [&[64], &[64], &[chunk]], compression);
        let (offsets, values) = lists(&(0..64).map(|i| i % 3).collect::<Vec<_>>(), 2);
        let mut bytes = codec.encode_ragged(&[0], &offsets, &values).unwrap().unwrap();
        let length = bytes.len();
        for (at, byte) in damage {
            bytes[at % length] = byte;
        }
        if let Ok((offsets, values)) = codec.decode_ragged(&[0], Some(&bytes)) {
            prop_assert_eq!(offsets.len(), 65);
            prop_assert_eq!(offsets[64] * 2, values.len() as u64);
        }
        bytes.truncate(cut % length);
        prop_assert!(codec.decode_ragged(&[0], Some(&bytes)).is_err());
    }
}

#[test]
fn the_bytes_are_those_of_the_specification() {
    let codec = codec(DType::UInt8, &[], [&[3], &[3], &[3]], Compression::None);
    let encoded = codec.encode_ragged(&[0], &[0, 2, 2, 3], &Values::UInt8(vec![7, 8, 9])).unwrap().unwrap();
    let want = [3, 0, 0, 0, 2, 0, 0, 0, 7, 8, 0, 0, 0, 0, 1, 0, 0, 0, 9];
    assert_eq!(encoded, want);
    let decode = |bytes: &[u8]| codec.decode_ragged(&[0], Some(bytes)).map_err(|error| error.to_string());
    assert_eq!(decode(&want).unwrap(), (vec![0, 2, 2, 3], Values::UInt8(vec![7, 8, 9])));
    for (bytes, what) in [
        (&want[..want.len() - 1], "cut off"),
        (&[want.as_slice(), &[0]].concat(), "something behind"),
        (&[2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0], "another number of cells"),
        (&[3, 0, 0, 0, 255, 255, 255, 255], "cut off"),
        (&[3, 0], "end early"),
    ] {
        let error = decode(bytes).unwrap_err();
        assert!(error.contains(what), "{what}: {error}");
    }
}

#[test]
fn a_chunk_that_claims_to_be_huge_is_an_error() {
    let codec = codec(DType::Float64, &[2], [&[4], &[4], &[4]], Compression::Zstd);
    // Items are of 16 bytes.
    let odd = zstd::bulk::compress(&[4, 0, 0, 0, 8, 0, 0, 0, 1, 2, 3, 4, 5, 6, 7, 8], 3).unwrap();
    assert!(codec.decode_ragged(&[0], Some(&odd)).is_err());
    let bomb = zstd::bulk::compress(&vec![0; 64 << 20], 3).unwrap();
    assert!(codec.decompress(&bomb, 1 << 20).unwrap_err().contains("too long"));
    assert!(codec.decode_ragged(&[0], Some(&bomb)).is_err());
}

/// The codecs of zarrs itself, which share nothing with ours but the standard.
#[test]
fn zarrs_reads_what_is_written() {
    for (chunk, compression) in [(8, Compression::Zstd), (4, Compression::Zstd), (2, Compression::None)] {
        let codec = codec(DType::Float32, &[2], [&[20], &[8], &[chunk]], compression);
        let storage = Arc::new(MemoryStore::new());
        let mut expected: Vec<Vec<u8>> = Vec::new();
        for block in 0..3u64 {
            let count = if block == 2 { 4 } else { 8 };
            let lengths: Vec<u64> =
                (0..count).map(|i| if block == 1 { 0 } else { (i * 5 + block) % 4 }).collect();
            let (offsets, values) = lists(&lengths, 2);
            let bytes = canonical(&values);
            expected.extend(offsets.windows(2).map(|p| bytes[p[0] as usize * 8..p[1] as usize * 8].to_vec()));
            if let Some(bytes) = codec.encode_ragged(&[block], &offsets, &values).unwrap() {
                let key = StoreKey::new(Layout::chunk_key(&[block])).unwrap();
                storage.set(&key, Bytes::from(bytes)).unwrap();
            }
        }
        let json = crate::json::to_bytes(&codec.layout().to_json()).unwrap();
        let metadata: ArrayMetadataV3 = serde_json::from_slice(&json).unwrap();
        let array = Array::new_with_metadata(storage, "/", metadata.into()).unwrap();
        let read: ArrayBytes<'static> = array.retrieve_array_subset(&array.subset_all()).unwrap();
        let (bytes, offsets) = read.into_variable().unwrap().into_parts();
        let found: Vec<Vec<u8>> = offsets.windows(2).map(|pair| bytes[pair[0]..pair[1]].to_vec()).collect();
        assert_eq!(found, expected, "chunks of {chunk}");
    }
}
