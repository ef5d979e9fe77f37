//! What a page says of one granule, and the pieces that all routes share.

use std::collections::HashSet;

use serde::de::{Deserialize, Deserializer, SeqAccess, Visitor};
use serde_json::Value;
use zagg_core::footprint::Footprint;
use zagg_core::granule::Granule;

/// Endings of data files that zagg reads, best first.
const READ: [&str; 8] = ["h5", "he5", "hdf5", "nc", "nc4", "hdf", "parquet", "csv"];
/// Endings of what comes along with data.
const BESIDE: [&str; 20] = [
    "xml", "json", "txt", "md5", "sha1", "sha256", "sha512", "jpg", "jpeg", "png", "gif", "html", "htm",
    "dmrpp", "met", "pdf", "kml", "cmr", "iso", "sig",
];
/// Most links of one granule that are looked at.
const LINKS: usize = 2000;

/// One granule of a page.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Found {
    /// What the server tells it apart by; empty when it says nothing.
    pub(crate) key: String,
    /// The granule.
    pub(crate) granule: Granule,
    /// Where it observed.
    pub(crate) place: Place,
    /// Collection that it says to be of, as `SHORT_VERSION`, where it says so.
    pub(crate) collection: Option<String>,
    /// Whether there were several files to choose from.
    pub(crate) is_one_of_many: bool,
}

/// Where a granule observed, as far as the catalog says.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Place {
    /// There.
    Known(Footprint),
    /// The record has none, but another of the same granule may.
    Absent(&'static str),
    /// The record contradicts itself.
    Wrong(String),
}

/// The files of a granule.
#[derive(Debug, Clone, Default)]
pub(crate) struct Hrefs {
    /// Links to data, `https://` and `s3://`.
    hrefs: Vec<String>,
}

/// The files chosen.
#[derive(Debug, Default)]
pub(crate) struct Chosen {
    pub(crate) name: Option<String>,
    pub(crate) https: Option<String>,
    pub(crate) s3: Option<String>,
    pub(crate) is_one_of_many: bool,
}

impl Hrefs {
    /// Adds a link to data; those that lead to no file are left out.
    pub(crate) fn add(&mut self, href: &str) {
        let is_link = href.starts_with("https://") || href.starts_with("s3://");
        if is_link && self.hrefs.len() < LINKS && file_name(href).is_some() {
            self.hrefs.push(href.to_string());
        }
    }

    /// The data file of a granule with these names: the one that is named like it, else the one that zagg can read, else
    /// the only one. Both of its links are taken where there are two.
    pub(crate) fn choose(&self, names: &[&str]) -> Chosen {
        let rank = |file: &str| {
            let named = names.iter().position(|name| *name == file).or_else(|| {
                let stem = file.rsplit_once('.').map(|(stem, _)| stem)?;
                Some(names.len() + names.iter().position(|name| *name == stem)?)
            });
            let ending = ending(file);
            let read = READ.iter().position(|known| *known == ending);
            (
                // A file that is the granule by name is it, whatever its ending.
                named.filter(|rank| *rank < names.len()).unwrap_or(names.len()),
                BESIDE.contains(&ending.as_str()),
                read.unwrap_or(READ.len()),
                named.unwrap_or(usize::MAX),
            )
        };
        let files: HashSet<&str> = self.hrefs.iter().filter_map(|href| file_name(href)).collect();
        let Some(best) = files.iter().copied().min_by_key(|file| (rank(file), *file)) else {
            return Chosen::default();
        };
        let is_one_of_many = files.iter().any(|other| *other != best && rank(other) == rank(best));
        let link = |scheme: &str| {
            let mut links = self.hrefs.iter().filter(|href| href.starts_with(scheme));
            links.find(|href| file_name(href) == Some(best)).cloned()
        };
        Chosen { name: Some(best.to_string()), https: link("https://"), s3: link("s3://"), is_one_of_many }
    }
}

/// The name that identifies a granule: of the names that a record has, the one that its file has; the first otherwise.
pub(crate) fn name_of(names: &[&str], chosen: &Chosen) -> String {
    let file = chosen.name.as_deref();
    let same = names.iter().find(|name| Some(**name) == file);
    same.or(names.first()).map(|name| (*name).to_string()).unwrap_or_default()
}

/// The last part of a link's path, where it is the name of a file.
fn file_name(href: &str) -> Option<&str> {
    let path = href.split(['?', '#']).next()?.split_once("://")?.1;
    let (_, name) = path.rsplit_once('/')?;
    let (stem, ending) = name.rsplit_once('.')?;
    (!stem.is_empty() && (1..=8).contains(&ending.len())).then_some(name)
}

fn ending(file: &str) -> String {
    file.rsplit_once('.').map(|(_, ending)| ending.to_ascii_lowercase()).unwrap_or_default()
}

/// Something that can be made of a piece of JSON, whatever that holds.
pub(crate) trait FromItem {
    /// Makes it.
    fn from_item(item: &Value) -> Self;
}

/// The elements of an array, each made into something small as it comes: pages need not fit into the memory as JSON.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Each<T>(pub(crate) Vec<T>);

impl<T> Default for Each<T> {
    fn default() -> Self {
        Self(Vec::new())
    }
}

impl<'de, T: FromItem> Deserialize<'de> for Each<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Elements<T>(std::marker::PhantomData<T>);
        impl<'de, T: FromItem> Visitor<'de> for Elements<T> {
            type Value = Each<T>;

            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("an array")
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut elements: A) -> Result<Each<T>, A::Error> {
                let mut all = Vec::new();
                while let Some(element) = elements.next_element::<Value>()? {
                    all.push(T::from_item(&element));
                }
                Ok(Each(all))
            }
        }
        deserializer.deserialize_seq(Elements(std::marker::PhantomData))
    }
}

/// The text at a place of some JSON, such as `/properties/datetime`; none when it is empty.
pub(crate) fn text<'a>(value: &'a Value, pointer: &str) -> Option<&'a str> {
    value.pointer(pointer).and_then(Value::as_str).map(str::trim).filter(|text| !text.is_empty())
}

/// The elements of the array at a place of some JSON; none where there is no array.
pub(crate) fn elements<'a>(value: &'a Value, pointer: &str) -> &'a [Value] {
    value.pointer(pointer).and_then(Value::as_array).map_or(&[], Vec::as_slice)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn chosen(hrefs: &[&str], names: &[&str]) -> Chosen {
        let mut all = Hrefs::default();
        hrefs.iter().for_each(|href| all.add(href));
        all.choose(names)
    }

    #[test]
    fn the_file_of_the_granule_is_chosen_whatever_comes_along() {
        let both = chosen(
            &[
                "https://x/a/BRW.default1.jpg",
                "https://x/a/ATL06_1.iso.xml",
                "s3://b/a/ATL06_1.h5",
                "https://x/a/ATL06_1.h5",
                "https://search.earthdata.nasa.gov/search?q=ATL06+V005",
                "https://openaltimetry.org/",
            ],
            &["ATL06_1.h5"],
        );
        assert_eq!(
            (both.https.as_deref(), both.s3.as_deref()),
            (Some("https://x/a/ATL06_1.h5"), Some("s3://b/a/ATL06_1.h5"))
        );
        assert!(!both.is_one_of_many);
        // The name without its ending, three files: the one that can be read.
        let hrefs = ["https://x/G_04.tif", "https://x/G_04.txt", "https://x/G_04.nc"];
        let one = chosen(&hrefs, &["G_04"]);
        assert_eq!((one.https.as_deref(), one.is_one_of_many), (Some("https://x/G_04.nc"), false));
        // Files of which none is the granule.
        let many = chosen(&["https://x/B2.tif", "https://x/B1.tif", "ftp://x/B0.tif"], &["G"]);
        assert_eq!((many.name.as_deref(), many.is_one_of_many), (Some("B1.tif"), true));
        assert!(chosen(&["https://x/", "https://x", "http://x/a.h5", ""], &["a.h5"]).name.is_none());
    }

    #[test]
    fn granules_are_named_like_their_file() {
        let chosen = Chosen { name: Some("M.hdf".into()), ..Chosen::default() };
        assert_eq!(name_of(&["LAADS:1", "M.hdf"], &chosen), "M.hdf");
        assert_eq!(name_of(&["G_04"], &Chosen { name: Some("G_04.nc".into()), ..Chosen::default() }), "G_04");
        assert_eq!(name_of(&[], &chosen), "");
    }
}
