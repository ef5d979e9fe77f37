//! Describing a granule: its parts as a pipeline sees them, and what the file holds.

use std::path::Path;
use std::sync::Arc;

use serde_json::{Value, json};
use zagg_access::Access;
use zagg_core::config::{Layer, Layers, Pipeline};
use zagg_core::granule::Granule;
use zagg_core::program::Program;
use zagg_core::range_reader::RangeReader;
use zagg_core::registry::{Make, Registry};
use zagg_core::source::{OpenGranule, OpenObject, PartInfo, PartState, Positions};
use zagg_core::{Error, ErrorKind, Result};
use zagg_hdf5::{Hdf5File, ReadOptions};

use super::contents::Contents;
use super::reads::{self, Read};
use crate::args::{Format, PipelineArgs};
use crate::failure::Failure;
use crate::output::{self, grouped};
use crate::{builtin, pipeline};

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
    rows: Vec<Row>,
    /// What a run reads of its parts.
    reads: Vec<Read>,
}

/// What presets make of a granule.
#[derive(Debug)]
enum Sight {
    Seen(Seen),
    /// None finds a part; what one of them misses.
    Nothing(Option<String>),
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
    let holds = file.as_ref().map(Contents::of).transpose()?;
    let sight = match &given {
        Some(pipeline) => {
            let name = args.plugin.clone().unwrap_or_else(|| "the pipeline".into());
            let opened = open(&reader, pipeline, &registry)?;
            Sight::Seen(seen(name, pipeline, &*opened, file.as_ref(), &registry))
        }
        None => presets(&reader, file.as_ref(), &registry)?,
    };
    if format == Format::Json {
        return output::json(&document(&location, reader.size(), holds.as_ref(), file.as_ref(), &sight));
    }
    let head = match &holds {
        Some(holds) => format!("{location}: {}", holds.counts()),
        None => format!("{location}: {} bytes", grouped(reader.size())),
    };
    match sight {
        Sight::Seen(Seen { by, rows, reads }) => {
            let reads = match reads.is_empty() {
                true => String::new(),
                false => format!("\n\n{}", reads::text(&reads, reader.size())),
            };
            output::data(&format!("{head}\nas {by} sees it:\n\n{}{reads}", table(rows)))
        }
        Sight::Nothing(missed) => {
            let missed = missed.map(|missed| format!(" ({missed})")).unwrap_or_default();
            let listed = holds.zip(file).map(|(holds, file)| holds.text(&file)).unwrap_or_default();
            output::data(&format!(
                "{head}\nno preset finds its points{missed}; say where they are with --config FILE\n{listed}"
            ))
        }
    }
}

fn document(
    location: &str,
    size: u64,
    holds: Option<&Contents>,
    file: Option<&Hdf5File>,
    sight: &Sight,
) -> Value {
    let (by, rows, reads) = match sight {
        Sight::Seen(seen) => (Some(&seen.by), seen.rows.as_slice(), seen.reads.as_slice()),
        Sight::Nothing(_) => (None, [].as_slice(), [].as_slice()),
    };
    let parts: Vec<_> = rows
        .iter()
        .map(|row| json!({"part": row.part, "state": row.state, "rows": row.rows, "extent": row.extent, "fault": row.fault}))
        .collect();
    let mut all = json!({
        "granule": location, "groups": holds.map(|holds| holds.groups), "datasets": holds.map(|holds| holds.datasets),
        "size": size, "pipeline": by, "parts": parts, "reads": reads::json(reads),
    });
    if let (None, Some(holds), Some(file)) = (by, holds, file) {
        all["holds"] = holds.json(file);
    }
    all
}

fn table(rows: Vec<Row>) -> String {
    let header = ["part", "rows", "longitude", "latitude", ""];
    let cells = |row: Row| {
        let [west, south, east, north] = row.extent.unwrap_or([f64::NAN; 4]);
        let span =
            |low: f64, high: f64| if low.is_nan() { String::new() } else { format!("{low:.4} to {high:.4}") };
        let remark = row
            .fault
            .unwrap_or_else(|| if row.state == "present" { String::new() } else { row.state.into() });
        // The only part of a product without groups has no name.
        let part = if row.part.is_empty() { "(all)".to_owned() } else { row.part };
        [part, grouped(row.rows), span(west, east), span(south, north), remark]
    };
    let mut table = output::table(&header);
    for row in rows {
        table.add_row(cells(row));
    }
    table.to_string()
}

/// What the preset finds that fits best: the one most of whose datasets are there, the first of several.
fn presets(reader: &Arc<dyn RangeReader>, file: Option<&Hdf5File>, registry: &Registry) -> Result<Sight> {
    let (mut best, mut missed) = (None, None);
    for registered in registry.entries() {
        let Make::Preset(text) = registered.entry.make else { continue };
        let name = registered.entry.name;
        let mut layers = Layers::default();
        layers.push(Layer::parse(&format!("preset {name}"), text)?);
        let pipeline = Pipeline::parse(&layers)?;
        let opened = open(reader, &pipeline, registry)?;
        let faults = || {
            opened.parts().iter().filter_map(|part| match &part.state {
                PartState::Broken(error) => Some(error),
                _ => None,
            })
        };
        let present = present(&*opened);
        if present.is_empty() {
            // The only part of a product without groups is there in every file, and broken in those of other products.
            let is_named = opened.parts().iter().any(|part| !part.name.is_empty());
            let Some(fault) = faults().next().filter(|_| is_named) else { continue };
            // Parts of these names may be another product's. Damaged ones are this product's.
            match faults().find(|fault| fault.kind() != ErrorKind::NotFound) {
                Some(_) if best.is_none() => best = Some((0.0, name, pipeline, opened)),
                Some(_) => {}
                None => missed = missed.or_else(|| Some(format!("{name}: {fault}"))),
            }
            continue;
        }
        let share = file.map_or(1.0, |file| {
            let (found, all) = reads::reads(file, &pipeline.data_source.options, None, &present);
            found.len() as f64 / all.max(1) as f64
        });
        drop(present);
        if best.as_ref().is_none_or(|(most, ..)| share > *most) {
            best = Some((share, name, pipeline, opened));
        }
        // Nothing fits better than all of it; a remote granule is opened anew for each.
        if share >= 1.0 {
            break;
        }
    }
    Ok(match best {
        Some((_, name, pipeline, opened)) => {
            Sight::Seen(seen(name.to_owned(), &pipeline, &*opened, file, registry))
        }
        None => Sight::Nothing(missed),
    })
}

fn present(opened: &dyn OpenGranule) -> Vec<&str> {
    let is_present = |part: &&PartInfo| matches!(part.state, PartState::Present { .. });
    opened.parts().iter().filter(is_present).map(|part| part.name.as_str()).collect()
}

fn seen(
    by: String,
    pipeline: &Pipeline,
    opened: &dyn OpenGranule,
    file: Option<&Hdf5File>,
    registry: &Registry,
) -> Seen {
    let present = present(opened);
    let reads = match file {
        Some(file) if !present.is_empty() => {
            let columns = columns(pipeline, registry).ok();
            reads::reads(file, &pipeline.data_source.options, columns.as_deref(), &present).0
        }
        _ => Vec::new(),
    };
    Seen { by, rows: rows(opened), reads }
}

/// The columns that a run reads.
fn columns(pipeline: &Pipeline, registry: &Registry) -> Result<Vec<String>> {
    let source = registry.source(&pipeline.data_source.reader, &pipeline.data_source.options)?;
    let program = Program::compile(&pipeline.data_source, &pipeline.aggregation, &*source, registry)?;
    Ok(program.columns().to_vec())
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
