//! `zagg index`: what runs need to know of the granules of a shard map, found out ahead of time.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::channel;

use serde_json::json;
use zagg_access::{Access, StoreChain};
use zagg_core::config::Pipeline;
use zagg_core::granule::Granule;
use zagg_core::index::{IndexMaker, IndexStore, Made};
use zagg_core::run::REMOTE_IO_THREADS;
use zagg_core::{Error, ErrorKind, Result};

use crate::args::{Format, IndexArgs};
use crate::failure::{Failure, INCOMPLETE, TEMPORARY};
use crate::output::{self, bytes, grouped};
use crate::progress::Progress;
use crate::{builtin, pipeline, summary};

/// The place that a pipeline names for indexes, if it names one.
pub(crate) fn store(pipeline: &Pipeline, chain: &StoreChain) -> Result<Option<Arc<dyn IndexStore>>> {
    pipeline.data_source.index.as_ref().map(|index| chain.index_store(&index.store)).transpose()
}

/// How buckets of the user's own are reached, with the keys of a file, which is read in any case, or of the environment.
pub(crate) fn chain(pipeline: &Pipeline, keys: Option<&Path>) -> Result<StoreChain> {
    let chain = StoreChain::new(&pipeline.output.access, keys)?;
    for warning in chain.warnings() {
        output::warning(&warning);
    }
    Ok(chain)
}

pub(crate) fn run(args: &IndexArgs) -> Result<u8, Failure> {
    let registry = builtin::registry()?;
    let pipeline = pipeline::pipeline(&args.pipeline, &registry)?;
    let map = pipeline::shard_map(args.catalog.as_deref(), &pipeline)?;
    let chain = chain(&pipeline, args.output_creds.as_deref())?;
    let store = match &args.index {
        Some(url) => chain.index_store(url)?,
        None => store(&pipeline, &chain)?.ok_or_else(|| {
            Error::input("no place for indexes; give --index URL, or data_source.index.store in the pipeline")
        })?,
    };
    let location = store.location().to_string();
    let grid = registry
        .grid(&pipeline.output.grid_type, &pipeline.output.grid)
        .map_err(|error| pipeline.locate(error))?;
    map.check_grid(&*grid)?;
    let source = registry
        .source(&pipeline.data_source.reader, &pipeline.data_source.options)
        .map_err(|error| pipeline.locate(error.context("data_source")))?;
    let opener = Arc::new(Access::new(&pipeline.data_source.access)?);
    let driver = args.driver.map_or(pipeline.data_source.driver, Into::into);
    let maker = IndexMaker::new(source, grid, opener, driver, store)?;
    maker.check(&map.granules).map_err(|error| error.with_kind(ErrorKind::Input))?;
    let workers = args.workers.map_or(REMOTE_IO_THREADS, usize::from);
    let outcome = make_all(&maker, &map.granules, workers, args.rebuild);
    outcome.print(&location, args.format)?;
    Ok(outcome.code())
}

/// What came of all granules.
#[derive(Debug, Default)]
struct Outcome {
    valid: u64,
    built: u64,
    bytes: u64,
    /// Granule, part and reason, by the order of the map.
    holes: Vec<(usize, String, String, String)>,
    failed: Vec<(usize, String, Error)>,
}

fn make_all(maker: &IndexMaker, granules: &[Granule], workers: usize, rebuild: bool) -> Outcome {
    let mut outcome = Outcome::default();
    let progress = Progress::new("granules", granules.len() as u64);
    let next = AtomicUsize::new(0);
    std::thread::scope(|scope| {
        let (results, arrived) = channel();
        for _ in 0..workers.clamp(1, granules.len().max(1)) {
            let (results, next) = (results.clone(), &next);
            scope.spawn(move || {
                loop {
                    let at = next.fetch_add(1, Ordering::Relaxed);
                    let Some(granule) = granules.get(at) else { break };
                    if results.send((at, maker.make(granule, rebuild))).is_err() {
                        break;
                    }
                }
            });
        }
        drop(results);
        for (done, (at, made)) in arrived.iter().enumerate() {
            outcome.add(at, &granules[at], made);
            progress.at(done as u64 + 1, granules.len() as u64);
        }
    });
    progress.finish();
    outcome.holes.sort_by_key(|(at, ..)| *at);
    outcome.failed.sort_by_key(|(at, ..)| *at);
    outcome
}

impl Outcome {
    fn add(&mut self, at: usize, granule: &Granule, made: Result<Made>) {
        match made {
            Ok(made) => {
                let holes = match made {
                    Made::Valid { holes } => {
                        self.valid += 1;
                        holes
                    }
                    Made::Built { bytes, holes } => {
                        self.built += 1;
                        self.bytes += bytes;
                        holes
                    }
                };
                let holes = holes.into_iter().map(|(part, reason)| (at, granule.id.clone(), part, reason));
                self.holes.extend(holes);
            }
            Err(error) => self.failed.push((at, granule.id.clone(), error)),
        }
    }

    fn code(&self) -> u8 {
        if self.failed.is_empty() {
            0
        } else if self.failed.iter().all(|(_, _, error)| error.kind() == ErrorKind::Temporary) {
            TEMPORARY
        } else {
            INCOMPLETE
        }
    }

    fn print(&self, location: &str, format: Format) -> Result<(), Failure> {
        for (_, granule, part, reason) in self.holes.iter().take(summary::MAX_LINES) {
            output::warning(&format!("{}: {reason}", summary::place(granule, Some(part))));
        }
        summary::rest(self.holes.len(), "parts that cannot be read");
        for (_, granule, error) in self.failed.iter().take(summary::MAX_LINES) {
            output::error(&format!("granule {granule}: {error}"));
        }
        summary::rest(self.failed.len(), "failures");
        if format == Format::Json {
            let failed: Vec<_> = self
                .failed
                .iter()
                .map(|(_, granule, error)| json!({"granule": granule, "reason": error.to_string()}))
                .collect();
            let holes: Vec<_> = self
                .holes
                .iter()
                .map(|(_, granule, part, reason)| json!({"granule": granule, "part": part, "reason": reason}))
                .collect();
            return output::json(&json!({
                "index": location,
                "valid": self.valid,
                "built": self.built,
                "bytes": self.bytes,
                "failed": failed,
                "holes": holes,
            }));
        }
        let mut table = output::table(&[]);
        table.add_row(["index", location]);
        table.add_row(["built", &format!("{} ({})", grouped(self.built), bytes(self.bytes))]);
        table.add_row(["valid before", &grouped(self.valid)]);
        if !self.failed.is_empty() {
            table.add_row(["failed", &grouped(self.failed.len() as u64)]);
        }
        output::data(&table.to_string())
    }
}
