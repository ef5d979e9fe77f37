//! The Parquet form of the Python zagg, written here as pyarrow writes it; tests/interop has the real one.

use std::fs::File;
use std::path::Path;
use std::sync::Arc;

use parquet::basic::Compression;
use parquet::data_type::{ByteArray, ByteArrayType, Int64Type};
use parquet::file::metadata::KeyValue;
use parquet::file::properties::WriterProperties;
use parquet::file::writer::SerializedFileWriter;
use parquet::schema::parser::parse_message_type;
use serde_json::{Value, json};
use zagg_catalog_files::read_shard_map;
use zagg_core::shard_map::ShardMap;

use crate::data;

const SCHEMA: &str = "message schema {
    optional int64 shard_keys (INTEGER(64, false));
    optional binary granules (STRING);
    optional binary aoi_mask (STRING);
}";

fn texts(list: &Value) -> Vec<ByteArray> {
    list.as_array().unwrap().iter().map(|item| item.to_string().as_str().into()).collect()
}

fn write(path: &Path, map: &Value, meta: &Value) {
    let entry = KeyValue::new("zagg:shardmap_meta".to_owned(), meta.to_string());
    let properties = WriterProperties::builder()
        .set_compression(Compression::SNAPPY)
        .set_key_value_metadata(Some(vec![entry]))
        .build();
    let schema = Arc::new(parse_message_type(SCHEMA).unwrap());
    let mut writer =
        SerializedFileWriter::new(File::create(path).unwrap(), schema, Arc::new(properties)).unwrap();
    let mut group = writer.next_row_group().unwrap();
    let keys: Vec<i64> =
        map["shard_keys"].as_array().unwrap().iter().map(|key| key.as_u64().unwrap() as i64).collect();
    let there = vec![1; keys.len()];
    let mut column = group.next_column().unwrap().unwrap();
    // Keys are words of mortie, of which 0 is null.
    let words: Vec<i16> = keys.iter().map(|&key| i16::from(key != 0)).collect();
    let keys: Vec<i64> = keys.into_iter().filter(|&key| key != 0).collect();
    column.typed::<Int64Type>().write_batch(&keys, Some(&words), None).unwrap();
    column.close().unwrap();
    for name in ["granules", "aoi_mask"] {
        let mut column = group.next_column().unwrap().unwrap();
        column.typed::<ByteArrayType>().write_batch(&texts(&map[name]), Some(&there), None).unwrap();
        column.close().unwrap();
    }
    group.close().unwrap();
    writer.close().unwrap();
}

#[test]
fn it_holds_what_the_json_form_holds() {
    let Some(data) = data() else { return };
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("m.parquet");
    for name in ["sm_healpix_o11.json", "sm_rect_3km.json"] {
        let text = std::fs::read_to_string(data.join("shardmaps").join(name)).unwrap();
        let mut map: Value = serde_json::from_str(&text).unwrap();
        let count = map["shard_keys"].as_array().unwrap().len();
        map["aoi_mask"] = (0..count as u64).map(|at| json!([at, at + 7, u64::MAX])).collect();
        write(&path, &map, &json!({"metadata": map["metadata"], "grid_signature": map["grid_signature"]}));
        assert_eq!(read_shard_map(&path).unwrap(), ShardMap::parse("m", &map.to_string()).unwrap());
    }
}

#[test]
fn what_is_wrong_in_it_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("m.parquet");
    let fails = |granules: Value, area: Value, meta: Value| {
        write(&path, &json!({"shard_keys": [7], "granules": [granules], "aoi_mask": [area]}), &meta);
        let error = read_shard_map(&path).unwrap_err().to_string();
        error.rsplit_once("m.parquet: ").unwrap().1.to_owned()
    };
    let meta = json!({"grid_signature": {}});
    assert_eq!(fails(json!([]), json!([]), json!({})), "missing required key 'grid_signature'");
    assert_eq!(
        fails(json!([]), json!([]), json!([])),
        "zagg:shardmap_meta in its metadata is no JSON object"
    );
    assert_eq!(fails(json!([]), json!([-1]), meta.clone()), "the area of shard 7 is no list of integers");
    assert_eq!(
        fails(json!([{"id": "a"}, {"id": "a"}]), json!([]), meta.clone()),
        "shard 7 lists granule a twice"
    );
    assert!(fails(json!({}), json!([]), meta).starts_with("not a shard map: expected '['"));
}
