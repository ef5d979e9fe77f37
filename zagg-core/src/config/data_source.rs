//! The section `data_source`.

use serde_json::{Map, Value};

use super::access::SourceAccess;
use super::filter::{self, Filter};
use super::index::IndexOptions;
use super::section::{Fault, Section};
use super::size;
use crate::granule::Driver;
use crate::source::{LATITUDE, LONGITUDE};

/// Where rows come from.
#[derive(Debug, Clone, PartialEq)]
pub struct DataSource {
    /// Name of the source plugin.
    pub reader: String,
    /// Which href of a granule is read.
    pub driver: Driver,
    /// How the bytes of granules are reached.
    pub access: SourceAccess,
    /// Where granule indexes are kept beyond this run.
    pub index: Option<IndexOptions>,
    /// Most bytes of memory for reading granules; the source's own limits when nothing is said.
    pub memory: Option<u64>,
    /// Rows that fail any of these are dropped.
    pub filters: Vec<Filter>,
    /// Derived columns: names and texts of row-wise expressions, in the order of the file.
    pub derived: Vec<(String, String)>,
    /// The whole section, for the source plugin.
    pub options: Map<String, Value>,
}

impl DataSource {
    pub(super) fn read(section: &mut Section<'_>) -> Result<Self, Fault> {
        let mut options = section.entries().clone();
        let reader = section.string("reader")?.unwrap_or_else(|| "hdf5-points".into());
        let driver = match section.string("driver")?.as_deref() {
            None | Some("s3") => Driver::S3,
            Some("https") => Driver::Https,
            Some("file") => Driver::File,
            Some(other) => {
                return Err(
                    section.fault("driver", format!("unknown driver {other:?}; there are s3, https, file"))
                );
            }
        };
        let filters =
            filter::filters(section.entries()).map_err(|fault| section.fault(fault.key, fault.message))?;
        if section.take("filters").is_some_and(|filters| !filters.is_null()) {
            section.ignore("quality_filter", "gives way to data_source.filters");
        }
        section.take("quality_filter");
        let derived = derived(section)?;
        let memory = bytes(section, &mut options, "memory")?;
        bytes(section, &mut options, "read_ahead")?;
        let access = SourceAccess::read(section)?;
        let index = IndexOptions::read(section)?;
        // What sources make of their own keys is theirs to check.
        for opaque in [
            "groups",
            "coordinates",
            "variables",
            "options",
            "levels",
            "base_level",
            "read_plan",
            "time",
            "time_range",
        ] {
            section.take(opaque);
        }
        for ignored in ["read_workers", "shard_workers", "granule_workers"] {
            section.ignore(ignored, "has no meaning here");
        }
        for absent in ["collections", "static_data", "bands", "assets"] {
            section.refuse(absent)?;
        }
        section.finish()?;
        Ok(Self { reader, driver, access, index, memory, filters, derived, options })
    }
}

/// The derived columns, each under a name that an expression can refer to.
fn derived(section: &mut Section<'_>) -> Result<Vec<(String, String)>, Fault> {
    let variables =
        section.entries().get("variables").and_then(Value::as_object).cloned().unwrap_or_default();
    let mut derived = Vec::new();
    let entries = match section.take("derived") {
        None | Some(Value::Null) => return Ok(derived),
        Some(Value::Object(entries)) => entries,
        Some(_) => return Err(section.fault("derived", "must be a mapping of names to expressions")),
    };
    for (name, value) in entries {
        let fault = |message: String| {
            let mut fault = section.fault("derived", message);
            fault.path.push(name.clone());
            fault
        };
        let mut characters = name.chars();
        let legal = characters.next().is_some_and(|c| c.is_ascii_alphabetic() || c == '_')
            && characters.all(|c| c.is_ascii_alphanumeric() || c == '_');
        if !legal {
            return Err(fault(
                "a column's name is letters, digits and _, and does not begin with a digit".into(),
            ));
        }
        if variables.contains_key(&name) || name == LONGITUDE || name == LATITUDE {
            return Err(fault(format!("there is a column {name} already; choose another name")));
        }
        let Value::String(text) = value else {
            return Err(fault(format!("must be an expression, not {value}")));
        };
        derived.push((name, text));
    }
    Ok(derived)
}

/// A number of bytes, which sources see as a number, however it was written.
fn bytes(
    section: &mut Section<'_>,
    options: &mut Map<String, Value>,
    key: &'static str,
) -> Result<Option<u64>, Fault> {
    let Some(value) = section.take(key).filter(|value| !value.is_null()) else { return Ok(None) };
    let bytes = size::read(&value).map_err(|message| section.fault(key, message))?;
    options.insert(key.into(), bytes.into());
    Ok(Some(bytes))
}
