//! What the arguments and the pipeline ask for together.

use std::path::{Path, PathBuf};

use serde_json::{Map, Value};
use zagg_core::catalog::Query;
use zagg_core::config::Pipeline;
use zagg_core::footprint::Footprint;
use zagg_core::{Error, Result};

use super::area;
use super::time::Time;
use crate::args::catalog::BuildArgs;
use crate::failure::Failure;

/// The catalog of granules on this machine.
pub(super) const FILES: &str = "local-files";
/// Where granules are looked for unless something else is said.
const DEFAULT: &str = "cmr-stac";
/// The catalogs of NASA: they know every granule there is, and must be told which are wanted.
const NASA: [&str; 2] = [DEFAULT, "cmr"];
/// The widest buffer: half way around the Earth.
const MAX_BUFFER_KM: f64 = 20_000.0;

/// Where the granules come from.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Origin {
    /// A file that an earlier search wrote.
    Saved(PathBuf),
    /// A catalog plugin of this name.
    Plugin(String),
}

/// A question without contradictions.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Question {
    pub(super) origin: Origin,
    pub(super) short_name: Option<String>,
    version: Option<String>,
    provider: Option<String>,
    endpoint: Option<String>,
    files: Vec<String>,
    pub(super) time: Time,
    pub(super) area: Option<Footprint>,
    pub(super) buffer_km: f64,
    pub(super) footprint_buffer_km: f64,
}

impl Question {
    pub(super) fn of(args: &BuildArgs, pipeline: &Pipeline) -> Result<Self, Failure> {
        let defaults = &pipeline.catalog;
        let origin = origin(args, pipeline)?;
        let is_searched = matches!(&origin, Origin::Plugin(name) if name != FILES);
        let is_nasa = matches!(&origin, Origin::Plugin(name) if NASA.contains(&name.as_str()));
        if !is_searched {
            for (flag, is_given) in [
                ("--short-name", args.short_name.is_some()),
                ("--version", args.version.is_some()),
                ("--provider", args.provider.is_some()),
                ("--endpoint", args.endpoint.is_some()),
                ("--buffer", args.buffer.is_some()),
            ] {
                if is_given {
                    return Err(Failure::usage(format!(
                        "{flag} belongs to a search; leave it out, or leave out {}",
                        if args.from_catalog.is_some() { "--from-catalog" } else { "the files" }
                    )));
                }
            }
        }
        let short_name = args.short_name.clone().or_else(|| defaults.short_name.clone());
        // The pipeline's release and archive are those of its product, not of another one.
        let is_of_pipeline = short_name == defaults.short_name;
        let icesat2 = short_name.as_deref().is_some_and(is_icesat2);
        let or_default = |given: &Option<String>, preset: &Option<String>, usual: &str| {
            let preset = preset.clone().filter(|_| is_of_pipeline);
            given.clone().or(preset).or_else(|| icesat2.then(|| usual.to_string()))
        };
        let question = Self {
            version: or_default(&args.version, &defaults.version, "007"),
            provider: or_default(&args.provider, &defaults.provider, "NSIDC_CPRD"),
            endpoint: endpoint(args, pipeline)?,
            files: args.from_files.clone(),
            time: Time::of(&args.time)?,
            area: area::of(&args.area)?,
            buffer_km: kilometres("--buffer", args.buffer)?,
            footprint_buffer_km: kilometres("--footprint-buffer", args.footprint_buffer)?,
            short_name,
            origin,
        };
        question.check(is_searched, is_nasa)?;
        Ok(question)
    }

    /// Whether everything is there.
    fn check(&self, is_searched: bool, is_nasa: bool) -> Result<(), Failure> {
        if self.origin == Origin::Plugin(FILES.into()) && self.files.is_empty() {
            return Err(Failure::usage("no files to catalogue; give --from-files 'FOLDER/*.h5'"));
        }
        if is_nasa {
            self.needs_area()?;
        }
        if self.time.cycle.is_some()
            && is_searched
            && self.short_name.as_deref().is_some_and(|name| !is_icesat2(name))
        {
            return Err(Failure::usage(format!(
                "--cycle is for ICESat-2, and {} is none of its products; give --start-date and --end-date",
                self.short_name.as_deref().unwrap_or_default()
            )));
        }
        if !is_nasa {
            return Ok(());
        }
        for (value, what, flag) in [
            (&self.short_name, "product", "--short-name, such as ATL06"),
            (&self.version, "release", "--version, such as 007"),
            (&self.provider, "archive", "--provider, such as NSIDC_CPRD"),
        ] {
            if value.is_none() {
                return Err(Failure::usage(format!(
                    "no {what}; give {flag}, or {} in the catalog section of the pipeline",
                    flag.trim_start_matches("--").split(',').next().unwrap_or_default().replace('-', "_")
                )));
            }
        }
        if !self.time.is_closed() {
            return Err(Failure::usage("no time; give --cycle N, or --start-date and --end-date"));
        }
        Ok(())
    }

    /// Footprints lead far beyond what was searched, so that somebody must say where it ends.
    pub(super) fn needs_area(&self) -> Result<(), Failure> {
        if self.area.is_some() {
            return Ok(());
        }
        Err(Failure::usage(
            "no area; give --polygon FILE or --bbox W,S,E,N, for the whole Earth --bbox -180,-90,180,90",
        ))
    }

    /// The question as catalogs take it. `area` is where granules must be, which is more than the area of interest.
    pub(super) fn query(&self, area: Option<Footprint>) -> Result<Query> {
        let (start, end) = self.time.span()?;
        let endpoint = self.endpoint.iter().map(|url| ("endpoint".to_string(), Value::from(url.clone())));
        Ok(Query {
            short_name: self.short_name.clone(),
            version: self.version.clone(),
            provider: self.provider.clone(),
            start,
            end,
            cycle: self.time.cycle,
            area,
            files: self.files.clone(),
            options: endpoint.collect(),
        })
    }

    /// Puts what was asked into the metadata of the map and of the granules, in the original's words.
    pub(super) fn describe(&self, metadata: &mut Map<String, Value>) {
        let is_searched = matches!(&self.origin, Origin::Plugin(name) if name != FILES);
        if is_searched {
            for (key, value) in
                [("provider", &self.provider), ("short_name", &self.short_name), ("version", &self.version)]
            {
                if let Some(value) = value {
                    metadata.insert(key.into(), value.clone().into());
                }
            }
            if let (Some(name), Some(version)) = (&self.short_name, &self.version) {
                metadata.insert("collection".into(), format!("{name}_{version}").into());
            }
        }
        self.time.describe(metadata);
        if let Some(bounds) = self.area.as_ref().and_then(area::bounds) {
            metadata.insert("bbox".into(), bounds.to_vec().into());
        }
    }

    /// Where the map goes when nobody says: in the original's form.
    pub(super) fn default_output(&self, metadata: &Map<String, Value>) -> PathBuf {
        let known = |key: &str| metadata.get(key).and_then(Value::as_str).map(file_name_of);
        let product = known("short_name").or_else(|| self.short_name.as_deref().map(file_name_of));
        let parts = [product, known("start_date"), known("end_date")];
        let parts: Vec<String> = parts.into_iter().flatten().filter(|part| !part.is_empty()).collect();
        PathBuf::from(format!("{}.json", [&["shardmap".to_string()], &parts[..]].concat().join("_")))
    }

    /// The question for people, as part of a sentence.
    pub(super) fn text(&self) -> String {
        let product = match (&self.short_name, &self.version) {
            (Some(name), Some(version)) => format!(" of {name} {version}"),
            (Some(name), None) => format!(" of {name}"),
            _ => String::new(),
        };
        let time = self.time.text().map(|time| format!(", {time}")).unwrap_or_default();
        format!("granules{product} near the area{time}")
    }
}

/// Where the granules come from, when the arguments agree on it.
fn origin(args: &BuildArgs, pipeline: &Pipeline) -> Result<Origin, Failure> {
    match (&args.from_catalog, args.from_files.is_empty()) {
        (Some(_), false) => {
            Err(Failure::usage("granules come from one place: give --from-files or --from-catalog"))
        }
        (Some(path), true) => match &args.source {
            Some(_) => Err(Failure::usage("--from-catalog asks nobody; leave out --source")),
            None => Ok(Origin::Saved(path.clone())),
        },
        (None, false) => match args.source.as_deref() {
            // Other plugins may list granules in files of their own kind.
            Some(name) if NASA.contains(&name) => {
                Err(Failure::usage(format!("--from-files is for --source {FILES}, not {name}")))
            }
            named => Ok(Origin::Plugin(named.unwrap_or(FILES).into())),
        },
        (None, true) => {
            let named = args.source.clone().or_else(|| pipeline.catalog.source.clone());
            Ok(Origin::Plugin(named.unwrap_or_else(|| DEFAULT.into())))
        }
    }
}

fn endpoint(args: &BuildArgs, pipeline: &Pipeline) -> Result<Option<String>, Failure> {
    let is_address = |url: &str| url.starts_with("https://") || url.starts_with("http://");
    let advice = "an address begins with https:// or http://";
    if let Some(url) = &args.endpoint {
        return if is_address(url) {
            Ok(Some(url.clone()))
        } else {
            Err(Failure::usage(format!("--endpoint {url}: {advice}")))
        };
    }
    match &pipeline.catalog.endpoint {
        Some(url) if !is_address(url) => {
            Err(pipeline.locate(Error::input(format!("catalog.endpoint: {url}: {advice}"))).into())
        }
        other => Ok(other.clone()),
    }
}

fn kilometres(flag: &str, given: Option<f64>) -> Result<f64, Failure> {
    let value = given.unwrap_or(0.0);
    if (0.0..=MAX_BUFFER_KM).contains(&value) {
        Ok(value)
    } else {
        Err(Failure::usage(format!("{flag} {value}: kilometres from 0 to {MAX_BUFFER_KM} are meant")))
    }
}

/// Whether a product is one of ICESat-2: only these have cycles here.
fn is_icesat2(short_name: &str) -> bool {
    let digits = short_name.strip_prefix("ATL").and_then(|rest| rest.get(..2));
    digits.is_some_and(|digits| digits.bytes().all(|b| b.is_ascii_digit()))
}

/// A word as part of the name of a file in the working folder, wherever the word comes from.
fn file_name_of(word: &str) -> String {
    let is_plain = |c: &char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
    word.chars().filter(is_plain).take(64).collect()
}

/// Checks that a file can be made there before much is done for it.
pub(super) fn check_folder(path: &Path) -> Result<()> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
    match folder {
        Some(folder) if !folder.is_dir() => Err(Error::input(format!(
            "{}: there is no folder {}; make it first",
            path.display(),
            folder.display()
        ))),
        _ => Ok(()),
    }
}
