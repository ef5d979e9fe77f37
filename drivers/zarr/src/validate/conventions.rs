//! The attributes of groups and arrays against the conventions that they declare.
//!
//! The schemas stand in `schemas/`, with what each was written from; what needs more than the attributes of one node is
//! checked here.

use serde_json::{Map, Value};
use zagg_core::Result;

use super::findings::{Check, Findings};
use super::nodes::{Array, Group};
use super::schema::Schema;

/// The conventions of Zarr that zagg writes.
const CONVENTIONS: [Convention; 4] = [
    Convention {
        name: "dggs",
        uuid: "7b255807-140c-42ca-97f6-7a1cfecdbc38",
        keys: |key| key == "dggs",
        schema: include_str!("../../schemas/dggs.json"),
    },
    Convention {
        name: "multiscales",
        uuid: "d35379db-88df-4056-af3a-620245f8e347",
        keys: |key| key == "multiscales",
        schema: include_str!("../../schemas/multiscales.json"),
    },
    Convention {
        name: "proj",
        uuid: "f17cb550-5864-4468-aeb7-f3180cfb622f",
        keys: |key| key.starts_with("proj:"),
        schema: include_str!("../../schemas/proj.json"),
    },
    Convention {
        name: "spatial",
        uuid: "689b58e2-cf7b-45e0-9fff-9cfc0883d6b4",
        keys: |key| key.starts_with("spatial:"),
        schema: include_str!("../../schemas/spatial.json"),
    },
];

/// The keys that xdggs knows on a coordinate with cell ids; any other makes it fail.
const XDGGS_KEYS: [&str; 4] = ["grid_name", "level", "indexing_scheme", "ellipsoid"];

struct Convention {
    name: &'static str,
    uuid: &'static str,
    /// Whether an attribute belongs to it.
    keys: fn(&str) -> bool,
    schema: &'static str,
}

impl Convention {
    /// Whether an entry of `zarr_conventions` declares it: by its UUID, else by one of its URLs; never by its name.
    fn is_declared_by(&self, entry: &Value) -> bool {
        if let Some(uuid) = entry["uuid"].as_str() {
            return uuid.eq_ignore_ascii_case(self.uuid);
        }
        let begin = format!("/zarr-conventions/{}/", self.name);
        ["schema_url", "spec_url"]
            .iter()
            .any(|key| entry[*key].as_str().is_some_and(|url| url.contains(&begin)))
    }
}

/// The schemas of all conventions, ready to use.
pub(super) struct Conventions {
    declarations: Schema,
    schemas: Vec<(Convention, Schema)>,
}

impl Conventions {
    pub(super) fn new() -> Result<Self> {
        let schemas = CONVENTIONS.into_iter().map(|convention| {
            let schema = Schema::parse(convention.schema)?;
            Ok((convention, schema))
        });
        Ok(Self {
            declarations: Schema::parse(include_str!("../../schemas/conventions.json"))?,
            schemas: schemas.collect::<Result<_>>()?,
        })
    }

    /// The attributes of one node on their own.
    pub(super) fn attributes(&self, place: &str, attributes: &Map<String, Value>, findings: &mut Findings) {
        let whole = Value::Object(attributes.clone());
        let declared: &[Value] = match attributes.get("zarr_conventions") {
            None => &[],
            Some(list) => {
                for fault in self.declarations.faults(&whole) {
                    findings.add(
                        Check::Conventions,
                        place,
                        format!("attributes{}: {}", fault.place, fault.message),
                    );
                }
                list.as_array().map_or(&[], Vec::as_slice)
            }
        };
        for (convention, schema) in &self.schemas {
            let key = attributes.keys().find(|key| (convention.keys)(key));
            match declared.iter().filter(|entry| convention.is_declared_by(entry)).count() {
                0 => {
                    if let Some(key) = key {
                        findings.add(
                            Check::Conventions,
                            place,
                            format!(
                                "has the attribute '{key}' but does not declare the convention '{}'",
                                convention.name
                            ),
                        );
                    }
                }
                1 => {
                    for fault in schema.faults(&whole) {
                        findings.add(
                            Check::Conventions,
                            place,
                            format!(
                                "convention '{}': attributes{} {}",
                                convention.name, fault.place, fault.message
                            ),
                        );
                    }
                }
                n => {
                    let message = format!("declares the convention '{}' {n} times", convention.name);
                    findings.add(Check::Conventions, place, message);
                }
            }
        }
    }

    /// Whether a node declares the convention of this name.
    fn declares(&self, attributes: &Map<String, Value>, name: &str) -> bool {
        let declared = attributes.get("zarr_conventions").and_then(Value::as_array);
        self.schemas.iter().filter(|(convention, _)| convention.name == name).any(|(convention, _)| {
            declared.into_iter().flatten().any(|entry| convention.is_declared_by(entry))
        })
    }

    /// What the attributes of a group say of its arrays, and theirs of themselves.
    pub(super) fn group(&self, group: &Group, findings: &mut Findings) {
        if let Some(Value::Object(dggs)) = group.attributes.get("dggs") {
            check_dggs(group, dggs, findings);
        }
        let dimensions = pair(&group.attributes, "spatial:dimensions");
        for array in &group.arrays {
            let place = array.path.as_str();
            if array.attributes.contains_key("multiscales") {
                findings.add(Check::Conventions, place, "the convention 'multiscales' is for groups only");
            }
            let own = pair(&array.attributes, "spatial:dimensions");
            if self.declares(&array.attributes, "spatial") {
                match &own {
                    None => findings.add(Check::Conventions, place, "has no 'spatial:dimensions'"),
                    Some(names) if !names.iter().all(|name| array.layout.dimensions.contains(name)) => {
                        findings.add(
                            Check::Conventions,
                            place,
                            format!(
                                "'spatial:dimensions' names {names:?}, but it has {:?}",
                                array.layout.dimensions
                            ),
                        );
                    }
                    Some(_) => {}
                }
            }
            for (attributes, names) in [(&group.attributes, &dimensions), (&array.attributes, &own)] {
                check_spatial_shape(array, attributes, names.as_ref(), findings);
            }
        }
    }

    /// What the root says of its groups. `groups` are all of the store.
    pub(super) fn multiscales(&self, root: &Map<String, Value>, groups: &[Group], findings: &mut Findings) {
        let place = "zarr.json";
        let Some(layout) = root.get("multiscales").and_then(|m| m["layout"].as_array()) else {
            if groups.len() > 1 {
                findings.add(
                    Check::Conventions,
                    place,
                    "there are several groups but no 'multiscales' attribute",
                );
            }
            return;
        };
        let assets: Vec<&str> = layout.iter().filter_map(|item| item["asset"].as_str()).collect();
        for (at, item) in layout.iter().enumerate() {
            let Some(asset) = item["asset"].as_str() else { continue };
            let mut fault = |message: String| {
                findings.add(Check::Conventions, place, format!("multiscales, item {at}: {message}"));
            };
            if assets[..at.min(assets.len())].contains(&asset) {
                fault(format!("the group {} was named before", asset.escape_debug()));
            }
            let Some(group) = groups.iter().find(|group| group.name == asset) else {
                fault(format!("there is no group {}", asset.escape_debug()));
                continue;
            };
            if let Some(from) = item["derived_from"].as_str().filter(|from| !assets.contains(from)) {
                fault(format!("is derived from {}, which the layout does not have", from.escape_debug()));
            }
            // What an item repeats has to be what its group says.
            for (key, said) in item.as_object().into_iter().flatten() {
                let Some(own) = group.attributes.get(key) else { continue };
                let differs = match (said, own) {
                    (Value::Object(said), Value::Object(own)) => {
                        said.iter().any(|(key, value)| own.get(key) != Some(value))
                    }
                    _ => said != own,
                };
                if differs {
                    fault(format!("its '{}' is not that of the group", key.escape_debug()));
                }
            }
        }
        for group in groups.iter().filter(|group| !assets.contains(&group.name.as_str())) {
            let message = format!("multiscales does not name the group {}", group.name);
            findings.add(Check::Conventions, place, message);
        }
    }
}

fn check_dggs(group: &Group, dggs: &Map<String, Value>, findings: &mut Findings) {
    let mut fault = |place: &str, message: String| findings.add(Check::Conventions, place, message);
    let Some(dimension) = dggs.get("spatial_dimension").and_then(Value::as_str) else { return };
    let extent = |array: &Array| {
        let at = array.layout.dimensions.iter().position(|name| name == dimension)?;
        array.layout.shape.get(at).copied()
    };
    let length = match dggs.get("coordinate").and_then(Value::as_str) {
        Some(name) => {
            let Some(array) = group.arrays.iter().find(|array| array.name == name) else {
                return fault(
                    &group.name,
                    format!("'dggs' names the coordinate {}, which is not there", name.escape_debug()),
                );
            };
            let one_dimension = array.layout.dimensions.len() == 1;
            if one_dimension && array.attributes.contains_key("grid_name") {
                check_xdggs(array, dggs, &mut fault);
            }
            match extent(array).filter(|_| one_dimension) {
                Some(length) => length,
                None => {
                    return fault(&array.path, format!("its only dimension should be {dimension}"));
                }
            }
        }
        None => {
            let level = dggs.get("refinement_level").and_then(Value::as_u64).filter(|level| *level < 30);
            match (dggs.get("name").and_then(Value::as_str), level) {
                (Some("healpix"), Some(level)) => 12 << (2 * level),
                _ => return,
            }
        }
    };
    for array in &group.arrays {
        if let Some(found) = extent(array).filter(|found| *found != length) {
            fault(&array.path, format!("has {found} {dimension}, but 'dggs' speaks of {length}"));
        }
    }
}

/// The dialect of xdggs on the coordinate: it fails on other keys, and believes these before the group's.
fn check_xdggs(array: &Array, dggs: &Map<String, Value>, fault: &mut impl FnMut(&str, String)) {
    let path = array.path.as_str();
    for key in array.attributes.keys().filter(|key| !XDGGS_KEYS.contains(&key.as_str())) {
        fault(path, format!("the attribute '{}' beside 'grid_name' makes xdggs fail", key.escape_debug()));
    }
    for (own, of_group) in
        [("grid_name", "name"), ("level", "refinement_level"), ("indexing_scheme", "indexing_scheme")]
    {
        let (own_value, group_value) = (array.attributes.get(own), dggs.get(of_group));
        if own_value != group_value {
            fault(path, format!("its '{own}' is not the '{of_group}' of the group's 'dggs'"));
        }
    }
    if let (Some(Value::Object(own)), Some(Value::Object(of_group))) =
        (array.attributes.get("ellipsoid"), dggs.get("ellipsoid"))
    {
        // The older spelling is the only one that xdggs reads here.
        let renamed = |key: &str| if key == "semimajor_axis" { "semi_major_axis" } else { key }.to_owned();
        if own.len() != of_group.len()
            || own.iter().any(|(key, value)| of_group.get(&renamed(key)) != Some(value))
        {
            fault(path, "its 'ellipsoid' is not that of the group's 'dggs'".to_owned());
        }
    }
}

fn check_spatial_shape(
    array: &Array,
    attributes: &Map<String, Value>,
    names: Option<&[String; 2]>,
    findings: &mut Findings,
) {
    let (Some(names), Some(shape)) = (names, attributes.get("spatial:shape").and_then(Value::as_array))
    else {
        return;
    };
    for (name, wanted) in names.iter().zip(shape) {
        let at = array.layout.dimensions.iter().position(|dimension| dimension == name);
        let Some(found) = at.and_then(|at| array.layout.shape.get(at)) else { continue };
        if wanted.as_u64() != Some(*found) {
            let message = format!("'spatial:shape' says {wanted} along {name}, but it has {found}");
            findings.add(Check::Conventions, &array.path, message);
        }
    }
}

fn pair(attributes: &Map<String, Value>, key: &str) -> Option<[String; 2]> {
    let names = attributes.get(key)?.as_array()?;
    let names: Vec<String> =
        names.iter().map(|name| name.as_str().map(str::to_owned)).collect::<Option<_>>()?;
    names.try_into().ok()
}

#[cfg(test)]
mod tests;
