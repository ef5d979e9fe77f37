//! Describing a granule: its parts as a pipeline sees them, and what the file holds.

use std::path::Path;
use std::sync::Arc;

use serde_json::{Map, Value, json};
use zagg_access::Access;
use zagg_core::config::{Layer, Layers, Pipeline};
use zagg_core::granule::Granule;
use zagg_core::range_reader::RangeReader;
use zagg_core::registry::{Make, Registry};
use zagg_core::source::{OpenGranule, OpenObject, PartInfo, PartState, Positions};
use zagg_core::{Error, Result};
use zagg_hdf5::{EntryKind, Hdf5File, ReadOptions};

use super::reads;
use crate::args::{Format, PipelineArgs};
use crate::failure::Failure;
use crate::output::{self, grouped};
use crate::{builtin, pipeline};

/// Groups that are walked before the count stops.
const MAX_GROUPS: usize = 20_000;

/// One part as the table shows it.
#[derive(Debug)]
struct Row {
    part: String,
    state: &'static str,
    rows: u64,
    /// West, south, east, north of the positions; the plain span of longitudes, also across the antimeridian.
    extent: Option<[f64; 4]>,
    fault: Option<String>,
}

/// A granule as a pipeline sees it.
#[derive(Debug)]
struct Seen {
    /// Name of the pipeline.
    by: String,
    /// Its settings of the source.
    source: Map<String, Value>,
    rows: Vec<Row>,
}

/// Whether a file begins as HDF5 files do; one with a user block does not, and is told by its ending.
fn starts_as_hdf5(reader: &dyn RangeReader) -> Result<bool> {
    const MAGIC: &[u8] = b"\x89HDF\r\n\x1a\n";
    let ending = reader.location().rsplit('.').next().unwrap_or_default().to_ascii_lowercase();
    if super::HDF5_ENDINGS.contains(&ending.as_str()) || reader.size() < MAGIC.len() as u64 {
        return Ok(super::HDF5_ENDINGS.contains(&ending.as_str()));
    }
    let start = reader.read_ranges(&[0..MAGIC.len() as u64])?;
    Ok(start.first().is_some_and(|start| &start[..] == MAGIC))
}

pub(super) fn describe(path: &Path, args: &PipelineArgs, format: Format) -> Result<(), Failure> {
    let registry = builtin::registry()?;
    let href = path
        .to_str()
        .ok_or_else(|| Error::input(format!("{}: the path is not valid unicode", path.display())))?;
    let given = if args.plugin.is_some() || !args.config.is_empty() {
        Some(pipeline::pipeline(args, &registry)?)
    } else {
        None
    };
    let access = given.as_ref().map(|pipeline| pipeline.data_source.access.clone()).unwrap_or_default();
    let reader = Access::new(&access)?.open(href)?;
    // Without the query of an href, which may be a signature.
    let location = reader.location().to_string();
    // A pipeline may read what is no HDF5 file.
    let is_other = given.is_some() && !starts_as_hdf5(&*reader)?;
    let file = match is_other {
        true => None,
        false => Some(Hdf5File::open(Arc::clone(&reader), &ReadOptions::default())?),
    };
    let holds = file.as_ref().map(count).transpose()?;
    let name = args.plugin.clone().unwrap_or_else(|| "the pipeline".into());
    let parts = parts(&reader, given.as_ref().map(|pipeline| (name, pipeline)), &registry)?;
    let (seen_by, source, rows) = match parts {
        Some(Seen { by, source, rows }) => (Some(by), source, rows),
        None => (None, Map::new(), Vec::new()),
    };
    let present: Vec<&str> =
        rows.iter().filter(|row| row.state == "present").map(|row| row.part.as_str()).collect();
    let reads = match &file {
        Some(file) if !present.is_empty() => reads::reads(file, &source, &present),
        _ => Vec::new(),
    };
    if format == Format::Json {
        let parts: Vec<_> = rows
            .iter()
            .map(|row| json!({"part": row.part, "state": row.state, "rows": row.rows, "extent": row.extent, "fault": row.fault}))
            .collect();
        return output::json(&json!({
            "granule": location, "groups": holds.map(|holds| holds.0), "datasets": holds.map(|holds| holds.1), "size": reader.size(), "pipeline": seen_by, "parts": parts,
            "reads": reads::json(&reads),
        }));
    }
    let head = match holds {
        Some((groups, datasets)) => {
            format!("{location}: {} groups, {} datasets", grouped(groups), grouped(datasets))
        }
        None => format!("{location}: {} bytes", grouped(reader.size())),
    };
    let Some(name) = seen_by else {
        return output::data(&format!(
            "{head}\nno preset finds its points; say where they are with --config FILE"
        ));
    };
    let mut table = output::table(&["part", "rows", "longitude", "latitude", ""]);
    for row in rows {
        let [west, south, east, north] = row.extent.unwrap_or([f64::NAN; 4]);
        let span =
            |low: f64, high: f64| if low.is_nan() { String::new() } else { format!("{low:.4} to {high:.4}") };
        let remark = row
            .fault
            .unwrap_or_else(|| if row.state == "present" { String::new() } else { row.state.into() });
        table.add_row([row.part, grouped(row.rows), span(west, east), span(south, north), remark]);
    }
    let reads =
        if reads.is_empty() { String::new() } else { format!("\n\n{}", reads::text(&reads, reader.size())) };
    output::data(&format!("{head}\nas {name} sees it:\n\n{table}{reads}"))
}

/// The parts as the given pipeline sees them, or as the first preset does that finds a whole one, else a broken one.
fn parts(
    reader: &Arc<dyn RangeReader>,
    given: Option<(String, &Pipeline)>,
    registry: &Registry,
) -> Result<Option<Seen>> {
    let seen = |by: String, pipeline: &Pipeline, opened: &dyn OpenGranule| Seen {
        by,
        source: pipeline.data_source.options.clone(),
        rows: rows(opened),
    };
    if let Some((name, pipeline)) = given {
        return Ok(Some(seen(name, pipeline, &*open(reader, pipeline, registry)?)));
    }
    // The only part of a product without groups is there in every file, and broken in those of other products.
    let mut broken = None;
    for registered in registry.entries() {
        let Make::Preset(text) = registered.entry.make else { continue };
        let name = registered.entry.name;
        let mut layers = Layers::default();
        layers.push(Layer::parse(&format!("preset {name}"), text)?);
        let pipeline = Pipeline::parse(&layers)?;
        let opened = open(reader, &pipeline, registry)?;
        let present = |part: &PartInfo| matches!(part.state, PartState::Present { .. });
        if opened.parts().iter().any(present) {
            return Ok(Some(seen(name.to_string(), &pipeline, &*opened)));
        }
        let faulty = |part: &PartInfo| matches!(part.state, PartState::Broken(_)) && !part.name.is_empty();
        if broken.is_none() && opened.parts().iter().any(faulty) {
            broken = Some(seen(name.to_string(), &pipeline, &*opened));
        }
    }
    Ok(broken)
}

fn open(
    reader: &Arc<dyn RangeReader>,
    pipeline: &Pipeline,
    registry: &Registry,
) -> Result<Box<dyn OpenGranule>> {
    let source = registry.source(&pipeline.data_source.reader, &pipeline.data_source.options)?;
    let id = reader.location().to_string();
    source.open(&Granule { id, ..Granule::default() }, Arc::clone(reader))
}

fn rows(granule: &dyn OpenGranule) -> Vec<Row> {
    let present: Vec<usize> = (0..granule.parts().len())
        .filter(|&at| matches!(granule.parts()[at].state, PartState::Present { .. }))
        .collect();
    let mut positions = granule.positions(&present).into_iter();
    granule
        .parts()
        .iter()
        .map(|part| {
            let row =
                |state, rows, extent, fault| Row { part: part.name.clone(), state, rows, extent, fault };
            match &part.state {
                PartState::Absent => row("absent", 0, None, None),
                PartState::Broken(error) => row("broken", 0, None, Some(error.to_string())),
                PartState::Present { rows } => match positions.next() {
                    Some(Ok(positions)) => row("present", *rows, extent(&positions), None),
                    Some(Err(error)) => row("broken", *rows, None, Some(error.to_string())),
                    None => row("broken", *rows, None, Some("the source gave no positions".into())),
                },
            }
        })
        .collect()
}

fn extent(positions: &Positions) -> Option<[f64; 4]> {
    let (lon, lat) = match positions {
        Positions::Exact { lon, lat } | Positions::Coarse { lon, lat, .. } => (lon.clone(), lat.clone()),
        Positions::Boxes { boxes, .. } => {
            let boxes = || boxes.iter().flatten();
            (
                boxes().flat_map(|b| [b.west, b.east]).collect(),
                boxes().flat_map(|b| [b.south, b.north]).collect(),
            )
        }
    };
    let span = |values: Vec<f64>| {
        let finite = values.into_iter().filter(|x| x.is_finite());
        finite.fold(None, |span: Option<(f64, f64)>, x| {
            Some(span.map_or((x, x), |(low, high)| (low.min(x), high.max(x))))
        })
    };
    let ((west, east), (south, north)) = (span(lon)?, span(lat)?);
    Some([west, south, east, north])
}

/// Groups and datasets of the file.
fn count(file: &Hdf5File) -> Result<(u64, u64)> {
    let (mut groups, mut datasets) = (0u64, 0u64);
    let mut level = vec!["/".to_string()];
    while !level.is_empty() {
        groups += level.len() as u64;
        if groups as usize > MAX_GROUPS {
            return Err(Error::unsupported(format!("{}: more than {MAX_GROUPS} groups", file.location())));
        }
        let mut below = Vec::new();
        for (group, entries) in level.iter().zip(file.list(&level)) {
            for entry in entries?.unwrap_or_default() {
                match entry.kind {
                    EntryKind::Group => below.push(format!("{}/{}", group.trim_end_matches('/'), entry.name)),
                    EntryKind::Dataset => datasets += 1,
                    _ => {}
                }
            }
        }
        level = below;
    }
    Ok((groups, datasets))
}
