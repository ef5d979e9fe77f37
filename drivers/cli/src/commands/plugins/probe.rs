//! One step of a check, in a process of its own that may crash or never end.

use std::cell::RefCell;
use std::fs::File;
use std::io::{Seek, Write};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use serde_json::{Map, Value, json};
use zagg_access::Access;
use zagg_core::catalog::Query;
use zagg_core::config::SourceAccess;
use zagg_core::granule::Granule;
use zagg_core::program::Program;
use zagg_core::range_reader::{MemoryReader, RangeReader};
use zagg_core::registry::{Kind, Make, Origin, Registered, Registry};
use zagg_core::source::{OpenObject, PointSource};
use zagg_core::statistic::VariableKind;
use zagg_core::{DType, Error, Result, conformance};

use super::samples::{Samples, parse, plain_requests};
use crate::args::plugins::{ProbeArgs, SampleArgs};
use crate::builtin;
use crate::failure::Failure;

/// File for the name of the method at hand.
static TRACE: Mutex<Option<File>> = Mutex::new(None);

pub(super) fn run(args: &ProbeArgs) -> Result<u8, Failure> {
    let failed = |path: &Path| {
        let path = path.display().to_string();
        move |error: std::io::Error| Error::from_io(&error, path)
    };
    *TRACE.lock().unwrap_or_else(PoisonError::into_inner) =
        Some(File::create(&args.trace).map_err(failed(&args.trace))?);
    zagg_core::abi::observe(note_method);
    let answer = zagg_core::caught(|| probe(args));
    let report = match answer {
        Ok(report) => report,
        Err(error) => json!({"refused": error.message()}),
    };
    std::fs::write(&args.report, report.to_string()).map_err(failed(&args.report))?;
    Ok(0)
}

/// Notes a method, unless it is the one that was noted last.
fn note_method(method: &str) {
    thread_local! {
        static LAST: RefCell<String> = const { RefCell::new(String::new()) };
    }
    let is_new = LAST.with_borrow_mut(|last| {
        let is_new = last != method;
        if is_new {
            method.clone_into(last);
        }
        is_new
    });
    if is_new && let Some(file) = TRACE.lock().unwrap_or_else(PoisonError::into_inner).as_mut() {
        // Padded, so that a shorter name covers a longer one. Without it only the place of a crash is lost.
        let _ = file.rewind().and_then(|()| file.write_all(format!("{method:<64}").as_bytes()));
    }
}

fn probe(args: &ProbeArgs) -> Result<Value> {
    let mut registry = builtin::registry()?;
    registry.load(std::slice::from_ref(&args.file))?;
    let real = args.file.canonicalize().map_err(|error| Error::from_io(&error, args.file.display()))?;
    let real = real.display().to_string();
    let is_its = |r: &&Registered| matches!(r.origin, Origin::Library(path) if path == real);
    let entries: Vec<&Registered> = registry.entries().filter(is_its).collect();
    let Some(number) = args.entry else {
        let names: Vec<Value> = entries.iter().map(|r| super::document(r)).collect();
        return Ok(json!({"entries": names}));
    };
    let entry = entries.get(number).ok_or_else(|| Error::input("there is no such entry"))?;
    let mut report = Report::default();
    match entry.entry.make.kind() {
        Kind::Preset => preset(&registry, entry, &mut report),
        Kind::Source => source(&registry, entry, &args.samples, &mut report)?,
        Kind::Grid => grid(&registry, entry, &args.samples, &mut report)?,
        Kind::Statistic => statistic(&registry, entry, &args.samples, &mut report)?,
        Kind::Catalog => catalog(&registry, entry, &args.samples, &mut report)?,
    }
    Ok(json!({"findings": report.findings, "notes": report.notes}))
}

#[derive(Debug, Default)]
struct Report {
    /// What is wrong.
    findings: Vec<String>,
    /// What was not looked at.
    notes: Vec<String>,
}

impl Report {
    /// Findings, each under what it was tried with.
    fn add(&mut self, of: &str, findings: Result<(), Vec<String>>) {
        let findings = findings.err().unwrap_or_default();
        self.findings.extend(findings.into_iter().map(|finding| format!("{finding} (with {of})")));
    }

    /// What could be made of the options of pipelines, or else without any.
    fn made<'a, T, O: 'a>(
        &mut self,
        samples: impl IntoIterator<Item = (String, &'a O)>,
        nothing: &'a O,
        make: impl Fn(&O) -> Result<T>,
    ) -> Vec<(String, T)> {
        let samples: Vec<_> = samples.into_iter().collect();
        let is_bare = samples.is_empty();
        let all = if is_bare { vec![("no options".to_owned(), nothing)] } else { samples };
        let mut things = Vec::new();
        for (of, options) in all {
            match zagg_core::caught(|| make(options)) {
                Ok(thing) => things.push((of, thing)),
                Err(error) if is_bare && error.kind() != zagg_core::ErrorKind::Plugin => self.notes.push(format!(
                    "not checked, because it needs options ({error}); give --config FILE with a pipeline that uses it"
                )),
                Err(error) => self.findings.push(format!("it cannot be made: {error} (with {of})")),
            }
        }
        things
    }
}

fn preset(registry: &Registry, entry: &Registered, report: &mut Report) {
    let Make::Preset(text) = entry.entry.make else { return };
    let checked = zagg_core::caught(|| {
        let pipeline = parse(entry.entry.name, text)?;
        registry.grid(&pipeline.output.grid_type, &pipeline.output.grid)?;
        let source = registry.source(&pipeline.data_source.reader, &pipeline.data_source.options)?;
        Program::compile(&pipeline.data_source, &pipeline.aggregation, &*source, registry)?;
        Ok(())
    });
    if let Err(error) = checked {
        report.findings.push(error.to_string());
    }
}

fn source(registry: &Registry, entry: &Registered, args: &SampleArgs, report: &mut Report) -> Result<()> {
    let samples = Samples::new(registry, entry, &args.config)?;
    let none = Map::new();
    let options = samples.options(entry).into_iter().map(|(of, options)| (of.to_owned(), options));
    for (of, source) in report.made(options, &none, |options| registry.source(entry.entry.name, options)) {
        let paths = paths(&args.granule, entry);
        for (granule, reader) in granules(&paths)? {
            let of = format!("{of}, granule {}", granule.id);
            report.add(&of, conformance::source(&*source, &granule, &reader));
        }
        if paths.is_empty() {
            report.notes.push("no rows were read: give --granule FILE".to_owned());
        }
        strangers(&*source, &of, report);
    }
    Ok(())
}

/// Objects that are no granules of anything must be refused, or be granules without rows.
fn strangers(source: &dyn PointSource, of: &str, report: &mut Report) {
    for (what, bytes) in
        [("nothing", Vec::new()), ("zeros", vec![0; 4096]), ("text", b"no granule\n".repeat(200))]
    {
        let reader: Arc<dyn RangeReader> = Arc::new(MemoryReader::new("stranger", bytes));
        let granule = Granule { id: "stranger".into(), ..Granule::default() };
        let opened = zagg_core::caught(|| source.open(&granule, reader).map(drop));
        if let Err(error) = opened
            && error.kind() == zagg_core::ErrorKind::Plugin
        {
            report.findings.push(format!("open: an object of {what}: {error} (with {of})"));
        }
    }
}

/// The files of the command line that are for all, or for this entry.
fn paths(granules: &[String], entry: &Registered) -> Vec<PathBuf> {
    let named = |name: &str| name == entry.entry.name || entry.entry.aliases.contains(&name);
    let path = |granule: &String| match granule.split_once('=') {
        // A path may have the sign in it.
        Some((_, _)) if Path::new(granule).exists() => Some(granule.into()),
        Some((name, path)) => named(name).then(|| path.into()),
        None => Some(granule.into()),
    };
    granules.iter().filter_map(path).collect()
}

/// Granules, opened.
fn granules(paths: &[PathBuf]) -> Result<Vec<(Granule, Arc<dyn RangeReader>)>> {
    let opener = Access::new(&SourceAccess::default())?;
    let mut granules = Vec::new();
    for path in paths {
        let real = path.canonicalize().map_err(|error| Error::from_io(&error, path.display()))?;
        let id = real.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let file = real.display().to_string();
        let reader = opener.open(&file)?;
        granules.push((Granule { id, file: Some(file), ..Granule::default() }, reader));
    }
    Ok(granules)
}

fn grid(registry: &Registry, entry: &Registered, args: &SampleArgs, report: &mut Report) -> Result<()> {
    let samples = Samples::new(registry, entry, &args.config)?;
    let none = Map::new();
    let options = samples.options(entry).into_iter().map(|(of, options)| (of.to_owned(), options));
    for (of, grid) in report.made(options, &none, |options| registry.grid(entry.entry.name, options)) {
        report.add(&of, conformance::grid(&*grid));
    }
    Ok(())
}

fn statistic(registry: &Registry, entry: &Registered, args: &SampleArgs, report: &mut Report) -> Result<()> {
    let samples = Samples::new(registry, entry, &args.config)?;
    let requests = samples.requests(entry);
    let made = if requests.is_empty() {
        // A statistic is of one kind; which one only its maker knows.
        let tried: Vec<_> = plain_requests(entry.entry.name)
            .into_iter()
            .map(|request| zagg_core::caught(|| registry.statistic(&request)))
            .collect();
        let refusal = tried.iter().find_map(|made| made.as_ref().err()).cloned();
        match (tried.into_iter().find_map(Result::ok), refusal) {
            (Some(statistic), _) => vec![("no parameters".to_owned(), statistic)],
            (None, Some(error)) if error.kind() != zagg_core::ErrorKind::Plugin => {
                report.notes.push(format!(
                    "not checked, because it needs parameters ({error}); give --config FILE with a pipeline that uses it"
                ));
                Vec::new()
            }
            (None, error) => {
                let error = error.map(|error| error.to_string()).unwrap_or_default();
                report.findings.push(format!("it cannot be made: {error} (with no parameters)"));
                Vec::new()
            }
        }
    } else {
        let requests: Vec<_> = requests.iter().map(|(of, request)| (of.clone(), request)).collect();
        let none = plain_requests(entry.entry.name).remove(0);
        report.made(requests, &none, |request| registry.statistic(request))
    };
    for (of, statistic) in made {
        for dtype in [DType::Float64, DType::Int32] {
            let is_ragged = VariableKind::of(&statistic.output().shape) == VariableKind::Ragged;
            // What merged sketches must agree in is known to their own tests alone.
            let findings = match is_ragged {
                true => conformance::sketch(&*statistic, dtype, &|_, _| true),
                false => conformance::statistic(&*statistic, dtype),
            };
            report.add(&of, findings);
        }
    }
    Ok(())
}

fn catalog(registry: &Registry, entry: &Registered, args: &SampleArgs, report: &mut Report) -> Result<()> {
    let files: Vec<String> =
        paths(&args.granule, entry).iter().map(|path| path.display().to_string()).collect();
    let mut queries = Samples::new(registry, entry, &args.config)?.queries(entry);
    if !files.is_empty() || queries.is_empty() {
        queries.push(("the granules given".into(), Query { files, ..Query::default() }));
    }
    for (_, catalog) in report.made([], &(), |()| registry.catalog(entry.entry.name)) {
        for (of, query) in &queries {
            let findings = conformance::catalog(&*catalog, std::slice::from_ref(query));
            // Not every catalog has an answer to no question at all.
            let is_refusal = |finding: &String| finding.contains("a query that it should answer fails");
            match findings {
                Err(findings) if *query == Query::default() && findings.iter().all(is_refusal) => {
                    report.notes.push(
                        "not searched: give --granule FILE, or --config FILE with a pipeline whose catalog it is"
                            .into(),
                    );
                }
                findings => report.add(of, findings),
            }
        }
    }
    Ok(())
}
