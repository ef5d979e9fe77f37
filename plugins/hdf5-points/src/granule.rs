//! An opened granule: its datasets resolved, its rows read by range.

mod absent;
mod positions;
mod read;
mod resolved;

use std::collections::BTreeMap;
use std::sync::{Arc, OnceLock};

use serde_json::{Map, Value};
use zagg_core::range_reader::RangeReader;
use zagg_core::source::{
    Latitudes, OpenGranule, PartInfo, PartState, PointBatch, Positions, ReadRequest, TIME,
};
use zagg_core::{Error, Result};
use zagg_hdf5::{Dataset, EntryKind, Hdf5Reader, ReadOptions};

use crate::index::{Section, section};
use crate::links::Links;
use crate::options::{Group, Options};
pub(crate) use resolved::Kind;
use resolved::{Part, Resolved};

/// Attributes of a dataset that arrays made from it inherit.
pub(crate) const INHERITED: [&str; 3] = ["units", "long_name", "standard_name"];

/// Units of the column of times, see [`zagg_core::time`].
const TIME_UNITS: &str = "seconds since 1970-01-01T00:00:00Z";

#[derive(Debug)]
pub(crate) struct Hdf5Granule {
    file: Box<dyn Hdf5Reader>,
    options: Arc<Options>,
    infos: Vec<PartInfo>,
    parts: Vec<Part>,
    /// Links of each level of each part, as far as they are known and needed again.
    links: Vec<Vec<OnceLock<Arc<Links>>>>,
    /// What is in the place of groups whose coordinates are missing, by path.
    groups: BTreeMap<String, Result<Option<Kind>>>,
}

impl Hdf5Granule {
    /// Resolves every dataset of every part side by side.
    pub(crate) fn open(file: Box<dyn Hdf5Reader>, options: Arc<Options>) -> Result<Self> {
        let names = match options.groups.names() {
            Some(names) => names,
            None => part_names(&*file, &options)?,
        };
        let paths = paths(&options, &names);
        let found = file.datasets(&paths.iter().map(String::as_str).collect::<Vec<_>>());
        Self::assemble(file, options, &names, found, |file, groups| {
            let groups: Vec<&str> = groups.iter().map(String::as_str).collect();
            Ok(file.kinds(&groups).into_iter().map(|kind| kind.map(|kind| kind.map(Kind::from))).collect())
        })
    }

    /// Takes from an index what it says of every dataset; nothing is read.
    pub(crate) fn indexed(
        reader: Arc<dyn RangeReader>,
        read_options: &ReadOptions,
        options: Arc<Options>,
        index: &Value,
    ) -> Result<Self> {
        let section = Section::read(index)?;
        let file = section.file(reader, read_options)?;
        let names = match options.groups.names() {
            Some(names) => names,
            None => section.names()?,
        };
        let found = paths(&options, &names)
            .iter()
            .map(|path| section.dataset(path, file.location()))
            .collect::<Result<Vec<_>>>()?;
        Self::assemble(Box::new(file), options, &names, found, |file, groups| {
            groups.iter().map(|group| section.group(group, file.location())).collect()
        })
    }

    /// A granule of what was found at [`paths`]. `kinds` tells what is in the place of groups whose coordinates are
    /// missing.
    fn assemble(
        file: Box<dyn Hdf5Reader>,
        options: Arc<Options>,
        names: &[String],
        found: Vec<Result<Option<Dataset>>>,
        kinds: impl FnOnce(&dyn Hdf5Reader, &[String]) -> Result<Vec<Result<Option<Kind>>>>,
    ) -> Result<Self> {
        let templates = options.templates();
        let mut found = paths(&options, names).into_iter().zip(found);
        let mut parts = Vec::with_capacity(names.len());
        for _ in names {
            let all: Vec<Resolved> = found
                .by_ref()
                .zip(&templates)
                .map(|((path, found), dataset)| Resolved::new(path, dataset, found))
                .take(templates.len())
                .collect();
            if all.len() != templates.len() {
                return Err(Error::plugin("the reader found too few datasets"));
            }
            parts.push(Part::new(all, &options));
        }
        drop(found);
        let mut asked: Vec<String> =
            parts.iter().filter_map(Part::group_without_coordinates).map(str::to_string).collect();
        asked.sort_unstable();
        asked.dedup();
        let groups: BTreeMap<_, _> = match asked.is_empty() {
            true => BTreeMap::new(),
            false => {
                let kinds = kinds(&*file, &asked)?;
                asked.into_iter().zip(kinds).collect()
            }
        };
        let infos = names
            .iter()
            .zip(&parts)
            .map(|(name, part)| PartInfo { name: name.clone(), state: part.state(&options, &groups) })
            .collect();
        let links = parts.iter().map(|_| options.levels.iter().map(|_| OnceLock::new()).collect()).collect();
        Ok(Self { file, options, infos, parts, links, groups })
    }

    fn rows(&self, part: usize) -> Result<u64> {
        match self.infos.get(part).map(|info| &info.state) {
            Some(PartState::Present { rows }) => Ok(*rows),
            Some(PartState::Broken(error)) => Err(error.clone()),
            _ => Err(Error::plugin(format!("the granule has no part {part}"))),
        }
    }
}

/// Paths of all datasets: for each part those of [`Options::templates`].
fn paths(options: &Options, names: &[String]) -> Vec<String> {
    let templates = options.templates();
    names
        .iter()
        .flat_map(|name| templates.iter().map(|dataset| Options::path(&dataset.template, name)))
        .collect()
}

/// Names of the parts of a granule, when the pipeline has patterns of them. A folder that is absent has none.
fn part_names(file: &dyn Hdf5Reader, options: &Options) -> Result<Vec<String>> {
    let patterns = options.groups.entries().iter().filter_map(|group| match group {
        Group::Pattern(pattern) => Some(pattern),
        Group::Name(_) => None,
    });
    let folders: Vec<String> =
        patterns.map(|pattern| options.listed_group(&pattern.folder)).collect::<Result<_>>()?;
    let listed = file.list(&folders.iter().map(String::as_str).collect::<Vec<_>>());
    let groups = listed.into_iter().map(|entries| {
        let entries = entries?.unwrap_or_default().into_iter();
        let groups = entries.filter(|entry| entry.kind == EntryKind::Group);
        Ok(groups.map(|entry| entry.name).collect())
    });
    options.groups.resolve(&groups.collect::<Result<Vec<Vec<String>>>>()?)
}

impl OpenGranule for Hdf5Granule {
    fn parts(&self) -> &[PartInfo] {
        &self.infos
    }

    fn column_attributes(&self, column: &str) -> Map<String, Value> {
        let mut attributes = Map::new();
        let Some(at) = self.options.columns.iter().position(|c| c.name == column) else { return attributes };
        if self.options.columns[at].is_time {
            attributes.insert("units".into(), TIME_UNITS.into());
            attributes.insert("standard_name".into(), TIME.into());
            return attributes;
        }
        let dataset = self.parts.iter().find_map(|part| part.columns()[at].found.as_ref().ok()?.as_ref());
        for name in INHERITED {
            let value = dataset.and_then(|d| d.attribute(name).ok()?).and_then(|value| value.as_str());
            if let Some(value) = value.filter(|value| !value.is_empty()) {
                attributes.insert(name.into(), value.into());
            }
        }
        attributes
    }

    fn positions(&self, parts: &[usize]) -> Vec<Result<Positions>> {
        self.locate(parts)
    }

    fn latitudes(&self, part: usize) -> Option<Result<Latitudes>> {
        self.latitudes_alone(part)
    }

    fn read(&self, requests: &[ReadRequest]) -> Vec<Result<PointBatch>> {
        self.read_or_substitute(requests)
    }

    fn index(&self) -> Result<Option<Value>> {
        let Some(file) = self.file.as_ranges() else { return Ok(None) };
        // Two columns of one dataset are one entry.
        let datasets: BTreeMap<&str, &Result<Option<Dataset>>> = self
            .parts
            .iter()
            .flat_map(|part| part.all.iter().map(|resolved| (resolved.path.as_str(), &resolved.found)))
            .collect();
        let datasets: Vec<_> = datasets.into_iter().collect();
        let groups: Vec<_> = self.groups.iter().map(|(path, kind)| (path.as_str(), kind)).collect();
        let names = self.options.groups.has_patterns();
        let names = names.then(|| self.infos.iter().map(|info| info.name.clone()).collect());
        section(file, names, &datasets, &groups).map(Some)
    }
}
