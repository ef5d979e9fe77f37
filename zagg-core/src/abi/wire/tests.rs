use proptest::prelude::*;
use serde_json::json;

use super::*;
use crate::column::DType;
use crate::error::ErrorKind;
use crate::footprint::{Footprint, Polygon};
use crate::granule::{CatalogEntry, Granule};
use crate::source::{PartInfo, PartState};

fn documents() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<u64>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        prop::num::f64::NORMAL.prop_map(Value::from),
        ".*".prop_map(Value::from),
    ];
    leaf.prop_recursive(4, 32, 6, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..6).prop_map(Value::Array),
            prop::collection::vec((".*", inner), 0..6)
                .prop_map(|pairs| Value::Object(pairs.into_iter().collect())),
        ]
    })
}

fn footprints() -> impl Strategy<Value = Footprint> {
    let places = || prop::collection::vec([any::<f64>(), any::<f64>()], 0..8);
    prop_oneof![
        places().prop_map(Footprint::Points),
        prop::collection::vec(places(), 0..4).prop_map(Footprint::Lines),
        prop::collection::vec(any::<u64>(), 0..8).prop_map(Footprint::Shards),
        (places(), prop::collection::vec(places(), 0..3))
            .prop_map(|(exterior, holes)| Footprint::Polygons(vec![Polygon { exterior, holes }])),
        any::<[f64; 4]>().prop_map(|[west, south, east, north]| Footprint::Box { west, south, east, north }),
    ]
}

proptest! {
    #[test]
    fn documents_arrive_as_they_were(value in documents()) {
        prop_assert_eq!(decode::<Value>(&encode(&value)).unwrap(), value);
    }

    #[test]
    fn footprints_arrive_bit_for_bit(footprint in footprints()) {
        let bytes = encode(&footprint);
        // NaN is not equal to itself, its bytes are.
        prop_assert_eq!(encode(&decode::<Footprint>(&bytes).unwrap()), bytes);
    }

    #[test]
    fn what_is_cut_short_or_goes_on_is_an_error(footprint in footprints(), at in any::<prop::sample::Index>()) {
        let mut bytes = encode(&CatalogEntry { granule: Granule::default(), footprint });
        let cut = at.index(bytes.len());
        prop_assert!(decode::<CatalogEntry>(&bytes[..cut]).is_err());
        bytes.push(0);
        prop_assert!(decode::<CatalogEntry>(&bytes).is_err());
    }

    #[test]
    fn made_up_bytes_are_an_error_or_a_value(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        let _ = decode::<Value>(&bytes);
        let _ = decode::<Vec<CatalogEntry>>(&bytes);
        let _ = decode::<Vec<PartInfo>>(&bytes);
    }
}

#[test]
fn nesting_and_lengths_are_bounded() {
    let mut deep = vec![6; 100_000];
    for chunk in deep.chunks_mut(9) {
        chunk[1..].fill(0);
        if let Some(low) = chunk.get_mut(1) {
            *low = 1;
        }
    }
    assert!(decode::<Value>(&deep).unwrap_err().message().contains("nested too deeply"));
    let mut long = vec![6];
    long.extend(u64::MAX.to_le_bytes());
    assert!(decode::<Value>(&long).is_err());
}

#[test]
fn errors_keep_kind_text_and_excerpt() {
    let error = Error::new(ErrorKind::Temporary, "slow down").at("a + b", 3).context("reader");
    let state = PartState::Broken(error.clone());
    assert_eq!(decode::<PartState>(&encode(&state)).unwrap(), state);
    let PartState::Broken(back) = decode(&encode(&state)).unwrap() else { panic!("another state") };
    assert_eq!(back.report(), error.report());
    for dtype in DType::ALL {
        assert_eq!(decode::<DType>(&encode(&dtype)).unwrap(), dtype);
    }
    assert_eq!(decode::<Value>(&encode(&json!({"q": 0.1, "n": -3}))).unwrap(), json!({"q": 0.1, "n": -3}));
}
