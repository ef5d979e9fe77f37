//! What an HDF5 file holds: counts, and its datasets for those who must say where the points are.

use serde_json::{Value, json};
use zagg_core::{Error, Result};
use zagg_hdf5::{Dataset, EntryKind, Hdf5File};

use super::reads;
use crate::output::{self, grouped};

/// Groups that are walked before the count stops.
const MAX_GROUPS: usize = 20_000;

/// Most datasets of which the paths are kept.
const MAX_KEPT: usize = 10_000;

/// Most datasets that people are shown.
const MAX_SHOWN: usize = 40;

/// Groups and datasets of a file.
#[derive(Debug)]
pub(super) struct Contents {
    pub(super) groups: u64,
    pub(super) datasets: u64,
    /// Paths of the first datasets, group by group.
    paths: Vec<String>,
}

impl Contents {
    /// Walks through all groups.
    pub(super) fn of(file: &Hdf5File) -> Result<Self> {
        let mut all = Self { groups: 0, datasets: 0, paths: Vec::new() };
        let mut level = vec!["/".to_string()];
        while !level.is_empty() {
            all.groups += level.len() as u64;
            if all.groups as usize > MAX_GROUPS {
                return Err(Error::unsupported(format!(
                    "{}: more than {MAX_GROUPS} groups",
                    file.location()
                )));
            }
            let mut below = Vec::new();
            for (group, entries) in level.iter().zip(file.list(&level)) {
                for entry in entries?.unwrap_or_default() {
                    let path = format!("{}/{}", group.trim_end_matches('/'), entry.name);
                    match entry.kind {
                        EntryKind::Group => below.push(path),
                        EntryKind::Dataset => {
                            all.datasets += 1;
                            if all.paths.len() < MAX_KEPT {
                                all.paths.push(path);
                            }
                        }
                        _ => {}
                    }
                }
            }
            level = below;
        }
        Ok(all)
    }

    /// "15 groups, 53 datasets".
    pub(super) fn counts(&self) -> String {
        let many = |n: u64, what: &str| format!("{} {what}{}", grouped(n), if n == 1 { "" } else { "s" });
        format!("{}, {}", many(self.groups, "group"), many(self.datasets, "dataset"))
    }

    /// The first datasets as a table.
    pub(super) fn text(&self, file: &Hdf5File) -> String {
        let shown = &self.paths[..self.paths.len().min(MAX_SHOWN)];
        if shown.is_empty() {
            return String::new();
        }
        let rows: Vec<Vec<String>> = shown
            .iter()
            .zip(file.datasets(shown))
            .map(|(path, dataset)| match dataset {
                Ok(Some(dataset)) => vec![
                    path.clone(),
                    reads::dtype(&dataset),
                    shape(dataset.shape()),
                    dataset.chunk_shape().map(shape).unwrap_or_default(),
                    reads::filters(&dataset).join(", "),
                ],
                Ok(None) => vec![path.clone(), "a link that leads nowhere".into()],
                Err(error) => vec![path.clone(), error.to_string()],
            })
            .collect();
        let table = output::fitting(&["dataset", "type", "shape", "chunk", "filters"], &rows, &[4, 3]);
        let more = self.datasets.saturating_sub(shown.len() as u64);
        match more {
            0 => format!("\n{table}"),
            more => format!("\n{table}\n and {} more, which --format json lists", grouped(more)),
        }
    }

    /// The datasets with what is known of them.
    pub(super) fn json(&self, file: &Hdf5File) -> Value {
        let document = |path: &String, dataset: Result<Option<Dataset>>| match dataset {
            Ok(Some(dataset)) => json!({
                "dataset": path,
                "dtype": reads::dtype(&dataset),
                "shape": dataset.shape(),
                "chunk_shape": dataset.chunk_shape(),
                "filters": reads::filters(&dataset),
            }),
            Ok(None) => json!({"dataset": path, "fault": "a link that leads nowhere"}),
            Err(error) => json!({"dataset": path, "fault": error.to_string()}),
        };
        self.paths
            .iter()
            .zip(file.datasets(&self.paths))
            .map(|(path, dataset)| document(path, dataset))
            .collect()
    }
}

fn shape(shape: &[u64]) -> String {
    shape.iter().map(u64::to_string).collect::<Vec<_>>().join("×")
}
