//! `catalog`: where the granules of a pipeline are looked for, and the shard map that a run takes.

use serde_json::{Map, Value};

use super::section::{Fault, Section};

/// Section of the pipeline, and its key for a shard map.
pub(super) const KEY: &str = "catalog";
const SHARD_MAP: &str = "shard_map";

/// Where granules are looked for. Every value may be given on the command line instead.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct CatalogOptions {
    /// Path of a shard map that was made already: what runs take.
    pub shard_map: Option<String>,
    /// Name of the catalog plugin, such as `cmr-stac`.
    pub source: Option<String>,
    /// Product, such as `ATL06`.
    pub short_name: Option<String>,
    /// Release of the product, such as `007`.
    pub version: Option<String>,
    /// Archive, such as `NSIDC_CPRD`.
    pub provider: Option<String>,
    /// Address of the catalog, for one that stands elsewhere than usual.
    pub endpoint: Option<String>,
}

impl CatalogOptions {
    pub(super) fn read(root: &mut Section<'_>) -> Result<Self, Fault> {
        if !matches!(root.entries().get(KEY), None | Some(Value::Null | Value::Object(_))) {
            return Err(root.fault(KEY, "must be the path of a shard map, or a mapping"));
        }
        let Some(mut section) = root.section(KEY)? else { return Ok(Self::default()) };
        let read = Self {
            shard_map: section.string(SHARD_MAP)?,
            source: section.string("source")?,
            short_name: section.string("short_name")?,
            version: version(&mut section)?,
            provider: section.string("provider")?,
            endpoint: section.string("endpoint")?,
        };
        section.finish()?;
        Ok(read)
    }
}

/// A release is text with leading zeros; as a number it would lose them.
fn version(section: &mut Section<'_>) -> Result<Option<String>, Fault> {
    match section.entries().get("version") {
        Some(Value::Number(number)) => Err(section.fault(
            "version",
            format!("must be text in quotes with all its digits, not the number {number}"),
        )),
        _ => section.string("version"),
    }
}

/// A path alone, as the original has it, in the form of the section: so that layers of both forms can be laid over each
/// other.
pub(super) fn normal(value: &Value) -> Value {
    match value {
        Value::String(path) => {
            Value::Object(Map::from_iter([(SHARD_MAP.to_string(), Value::String(path.clone()))]))
        }
        other => other.clone(),
    }
}

#[cfg(test)]
mod tests {
    use super::super::{Layer, Layers, Pipeline};

    const BASE: &str = "\
data_source: {reader: x, coordinates: {latitude: a, longitude: b}, variables: {h: c}}
aggregation: {variables: {count: {function: len, dtype: int32, fill_value: 0}}}
output: {grid: {type: healpix, parent_order: 6, child_order: 12}}
";

    fn read(texts: &[&str]) -> Result<super::CatalogOptions, String> {
        let mut layers = Layers::default();
        layers.push(Layer::parse("base", BASE).unwrap());
        for text in texts {
            layers.push(Layer::parse("top.yaml", text).unwrap());
        }
        Pipeline::parse(&layers).map(|pipeline| pipeline.catalog).map_err(|error| error.to_string())
    }

    #[test]
    fn both_forms_are_read_and_lie_over_each_other() {
        let long =
            "catalog: {source: cmr, short_name: ATL06, version: \"007\", provider: P, endpoint: http://x}";
        let both = read(&[long, "catalog: map.json"]).unwrap();
        assert_eq!(both, read(&["catalog: map.json", long]).unwrap());
        assert_eq!((both.shard_map.as_deref(), both.source.as_deref()), (Some("map.json"), Some("cmr")));
        assert_eq!((both.short_name.as_deref(), both.version.as_deref()), (Some("ATL06"), Some("007")));
        assert_eq!((both.provider.as_deref(), both.endpoint.as_deref()), (Some("P"), Some("http://x")));
        assert_eq!(read(&[]).unwrap(), super::CatalogOptions::default());
        assert_eq!(read(&[long, "catalog: null"]).unwrap(), super::CatalogOptions::default());
    }

    #[test]
    fn faults_say_what_is_wrong() {
        for (text, message) in [
            ("catalog: [a]", "top.yaml:1: catalog: must be the path of a shard map, or a mapping"),
            (
                "catalog:\n  shrt_name: x",
                "top.yaml:2: catalog.shrt_name: unknown key; did you mean \"short_name\"?",
            ),
            (
                "catalog:\n  version: 7",
                "top.yaml:2: catalog.version: must be text in quotes with all its digits, not the number 7",
            ),
            ("catalog:\n  source: 7", "top.yaml:2: catalog.source: must be text, not 7"),
        ] {
            assert_eq!(read(&[text]).unwrap_err(), message);
        }
    }
}
