//! Pipelines and shard maps from anywhere: read, or refused with one line that says where and why; never a panic.

use std::collections::BTreeMap;

use proptest::prelude::*;
use serde_json::{Value, json};
use zagg_core::ErrorKind;
use zagg_core::config::{Layer, Layers, Pipeline};
use zagg_core::program::Program;
use zagg_core::shard_map::ShardMap;

use crate::support::{preset, registry, test_data};

/// Parses a pipeline as a program would, up to making its parts.
fn load(name: &str, text: &str) -> zagg_core::Result<Pipeline> {
    let mut layers = Layers::default();
    layers.push(Layer::parse(name, text)?);
    let pipeline = Pipeline::parse(&layers)?;
    let registry = registry();
    let located = |error| pipeline.locate(error);
    registry.grid(&pipeline.output.grid_type, &pipeline.output.grid).map_err(located)?;
    let source = registry
        .source(&pipeline.data_source.reader, &pipeline.data_source.options)
        .map_err(|error| pipeline.locate(error.context("data_source")))?;
    Program::compile(&pipeline.data_source, &pipeline.aggregation, &*source, &registry).map_err(located)?;
    Ok(pipeline)
}

#[test]
fn configs_of_the_original_load_or_are_refused_by_line_and_key() {
    let Some(data) = test_data() else { return };
    let mut verdicts: BTreeMap<String, Result<Vec<String>, String>> = BTreeMap::new();
    for entry in std::fs::read_dir(data.join("zagg_configs")).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_str().unwrap().to_string();
        let text = std::fs::read_to_string(&path).unwrap();
        let verdict = load(&name, &text);
        verdicts.insert(name, verdict.map(|p| p.notes).map_err(|e| e.to_string()));
    }
    assert!(verdicts.len() >= 15);
    for (name, verdict) in &verdicts {
        match verdict {
            Ok(notes) => say!("loads    {name}: {} notes", notes.len()),
            Err(error) => {
                say!("refused  {error}");
                let place = error.strip_prefix(&format!("{name}:")).and_then(|rest| rest.split_once(": "));
                let (line, rest) = place.unwrap_or_else(|| panic!("{name}: {error}"));
                let line: usize = line.parse().unwrap_or_else(|_| panic!("{name}: {error}"));
                let text = std::fs::read_to_string(data.join("zagg_configs").join(name)).unwrap();
                let line = text.lines().nth(line - 1).unwrap();
                // The key stands in the message's path, or the plugin names it behind the path of its section.
                let named = rest.split(": ").take(2).filter_map(|piece| piece.split(' ').next());
                let mut keys = named.filter_map(|path| path.rsplit('.').next());
                assert!(keys.any(|key| line.contains(&format!("{key}:"))), "{line}: {error}");
                assert!(!error.contains('\n'), "{error}");
            }
        }
    }
    for loads in ["atl06_0.10.yaml", "atl06_0.61.yaml"] {
        assert!(verdicts[loads].is_ok(), "{:?}", verdicts[loads]);
    }
}

/// Words that mean something to a pipeline, and some that do not.
fn word() -> impl Strategy<Value = String> {
    const KNOWN: &[&str] = &[
        "data_source",
        "aggregation",
        "output",
        "variables",
        "grid",
        "type",
        "healpix",
        "parent_order",
        "child_order",
        "reader",
        "hdf5-points",
        "function",
        "source",
        "params",
        "quantile",
        "q",
        "weights",
        "dtype",
        "float32",
        "fill_value",
        "NaN",
        "expression",
        "filters",
        "op",
        "eq",
        "value",
        "values",
        "dataset",
        "keep",
        "layout",
        "compact",
        "groups",
        "coordinates",
        "latitude",
        "longitude",
        "h",
        "/{group}/h",
        "len",
        "catalog",
        "pipeline",
        "attrs",
        "<<",
        "*a",
        "&a b",
        "!!binary x",
        "~",
        "1e999",
        "0x7f",
        "-9223372036854775809",
        "18446744073709551616",
        "é",
    ];
    prop_oneof![4 => prop::sample::select(KNOWN).prop_map(str::to_string), 1 => "\\PC{0,8}"]
}

fn value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        word().prop_map(Value::String),
        any::<i64>().prop_map(Value::from),
        any::<u64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        any::<bool>().prop_map(Value::from),
        Just(Value::Null),
        prop::sample::select(vec![0, 1, 6, 12, 29, 30, 255]).prop_map(Value::from),
    ];
    leaf.prop_recursive(5, 60, 6, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::Array),
            prop::collection::vec((word(), inner), 0..6)
                .prop_map(|pairs| Value::Object(pairs.into_iter().collect())),
        ]
    })
}

/// The preset with one value somewhere replaced: deeper than random texts get.
fn mutated() -> impl Strategy<Value = Value> {
    (any::<prop::sample::Index>(), value(), any::<bool>(), word()).prop_map(|(at, new, rename, key)| {
        let mut layers = preset_json();
        let mut pointers = Vec::new();
        collect(&layers, "", &mut pointers);
        let pointer = &pointers[at.index(pointers.len())];
        if rename {
            let (parent, _) = pointer.rsplit_once('/').unwrap();
            if let Some(Value::Object(map)) = layers.pointer_mut(parent) {
                map.insert(key, new);
            }
        } else if let Some(place) = layers.pointer_mut(pointer) {
            *place = new;
        }
        layers
    })
}

/// The canonical form of the preset is what it was read from, near enough to be read again.
fn preset_json() -> Value {
    let pipeline = load("preset", preset()).unwrap();
    let variables: serde_json::Map<String, Value> = pipeline
        .aggregation
        .variables
        .iter()
        .map(|v| {
            (
                v.name.clone(),
                json!({"function": "max", "source": "h_li", "dtype": v.dtype.name(), "params": {}}),
            )
        })
        .collect();
    json!({
        "data_source": pipeline.data_source.options,
        "aggregation": {"variables": variables},
        "output": {"grid": pipeline.output.grid, "layout": "compact"},
    })
}

fn collect(value: &Value, at: &str, pointers: &mut Vec<String>) {
    if let Value::Object(map) = value {
        for (key, value) in map {
            let pointer = format!("{at}/{}", key.replace('~', "~0").replace('/', "~1"));
            collect(value, &pointer, pointers);
            pointers.push(pointer);
        }
    }
}

fn refused_properly(outcome: zagg_core::Result<Pipeline>) -> Result<(), TestCaseError> {
    if let Err(error) = outcome {
        prop_assert!(
            matches!(error.kind(), ErrorKind::Input | ErrorKind::Unsupported),
            "{:?}: {error}",
            error.kind()
        );
        prop_assert!(!error.to_string().contains('\n'), "{error}");
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 512, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_text_is_a_pipeline_or_refused(text in "[ \\n:\\-a-z{}\\[\\],&*!|>'\"#%@0-9]{0,200}") {
        refused_properly(load("any.yaml", &text))?;
    }

    #[test]
    fn any_mapping_is_a_pipeline_or_refused(value in value()) {
        refused_properly(load("any.yaml", &value.to_string()))?;
    }

    #[test]
    fn a_changed_preset_is_a_pipeline_or_refused(value in mutated()) {
        refused_properly(load("any.yaml", &value.to_string()))?;
    }

    #[test]
    fn layers_of_anything_merge_or_are_refused(a in value(), b in mutated(), c in value()) {
        let mut layers = Layers::default();
        for value in [b, a, c] {
            if let Ok(layer) = Layer::parse("any.yaml", &value.to_string()) {
                layers.push(layer);
            }
        }
        refused_properly(Pipeline::parse(&layers))?;
    }

    #[test]
    fn any_json_is_a_shard_map_or_refused(text in prop_oneof![
        value().prop_map(|value| value.to_string()),
        "[\\[\\]{}\":,a-z0-9.\\-]{0,100}",
        map_like().prop_map(|value| value.to_string()),
    ]) {
        if let Ok(map) = ShardMap::parse("any.json", &text) {
            let again = ShardMap::parse("again", &map.to_json().unwrap()).unwrap();
            prop_assert_eq!(map.pairs(), again.pairs());
            let ids = |map: &ShardMap| map.shards.iter()
                .map(|s| (s.key, s.granules.iter().map(|&g| map.granules[g as usize].clone()).collect::<Vec<_>>()))
                .collect::<Vec<_>>();
            prop_assert_eq!(ids(&map), ids(&again));
            let _ = map.version_warnings();
        }
    }
}

/// Values in the shape of a shard map.
fn map_like() -> impl Strategy<Value = Value> {
    let key = prop_oneof![3 => any::<u64>().prop_map(Value::from), 1 => value()];
    let granule = prop_oneof![
        6 => (word(), prop::option::of(word())).prop_map(|(id, s3)| json!({"id": id, "s3": s3})),
        1 => value(),
    ];
    let shard = (key, prop::collection::vec(granule, 0..3));
    (prop::collection::vec(shard, 0..4), value()).prop_map(|(shards, signature)| {
        let (keys, granules): (Vec<Value>, Vec<Vec<Value>>) = shards.into_iter().unzip();
        json!({"metadata": {}, "grid_signature": {"type": signature}, "shard_keys": keys, "granules": granules})
    })
}

#[test]
fn texts_made_to_blow_up_are_refused_quickly() {
    let laughs = "a: &a [x,x,x,x,x,x,x,x,x]\n".to_string()
        + &(b'b'..=b'z')
            .map(|c| {
                let (c, before) = (c as char, (c - 1) as char);
                format!("{c}: &{c} [{}]\n", vec![format!("*{before}"); 9].join(","))
            })
            .collect::<String>();
    let deep_flow = format!("data_source: {}{}", "[".repeat(100_000), "]".repeat(100_000));
    let deep_map = format!("data_source: {}1{}", "{a: ".repeat(10_000), "}".repeat(10_000));
    let dashes = "- ".repeat(100_000);
    let steps: String = (0..1000).map(|n| format!("{}a:\n", " ".repeat(n))).collect();
    let long = format!("data_source: {}", "x".repeat(2 << 20));
    for (what, text) in [
        ("laughs", laughs),
        ("lists", deep_flow),
        ("maps", deep_map),
        ("dashes", dashes),
        ("steps", steps),
        ("long", long),
    ] {
        let started = std::time::Instant::now();
        let error = load(what, &text).unwrap_err();
        assert!(error.to_string().len() < 500, "{what}: {error}");
        assert!(started.elapsed().as_secs() < 10, "{what}");
    }
    let deep_json = format!("{}{}", "[".repeat(100_000), "]".repeat(100_000));
    assert!(ShardMap::parse("deep.json", &deep_json).is_err());
}
