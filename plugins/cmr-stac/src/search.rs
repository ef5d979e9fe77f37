//! A whole search: one way first, the other one when that fails, and what becomes of the granules.

use std::collections::{BTreeMap, HashMap, HashSet};

use serde_json::Value;
use zagg_access::{PageLimits, PageServer};
use zagg_core::catalog::{Granules, Query, SearchContext};
use zagg_core::cycle::of_name;
use zagg_core::granule::CatalogEntry;
use zagg_core::{Error, ErrorKind, Result};

use crate::direct::Direct;
use crate::found::{Found, Place};
use crate::holes::Holes;
use crate::question::Question;
use crate::stac::Stac;
use crate::walk::{Outcome, Walk};

/// Lines that name single granules; more are counted.
const NAMED: usize = 20;

/// A service that can be asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Way {
    /// CMR-STAC.
    Stac,
    /// CMR itself.
    Direct,
}

impl Way {
    /// What it is called, in metadata and messages.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Stac => "CMR-STAC",
            Self::Direct => "CMR",
        }
    }

    fn other(self) -> Self {
        match self {
            Self::Stac => Self::Direct,
            Self::Direct => Self::Stac,
        }
    }
}

/// What one way brought.
struct Collected {
    way: Way,
    /// By what the service tells granules apart by.
    found: BTreeMap<String, Found>,
    fault: Option<Error>,
}

/// Answers a query, by this way first.
pub(crate) fn search(
    first: Way,
    limits: PageLimits,
    query: &Query,
    context: &dyn SearchContext,
) -> Result<Granules> {
    let question = Question::new(query)?;
    let server = PageServer::new(&question.endpoint, limits)?;
    if let Some(note) = &question.asked.note {
        context.warn(note);
    }
    let collect = |way| collect(way, &question, &server, limits, context);
    let mut one = collect(first);
    let mut faults = Vec::new();
    if let Some(fault) = one.fault.take() {
        let other = first.other();
        context.warn(&format!("{fault}; asking {} instead", other.name()));
        faults.push(fault);
        let mut two = collect(other);
        match two.fault.take() {
            None => return finish(two, &question, query, &faults, false, context),
            Some(fault) => faults.push(fault),
        }
        if two.found.len() > one.found.len() {
            one = two;
        }
        return finish(one, &question, query, &faults, true, context);
    }
    finish(one, &question, query, &faults, false, context)
}

/// Everything that one way has, region by region.
fn collect(
    way: Way,
    question: &Question,
    server: &PageServer,
    limits: PageLimits,
    context: &dyn SearchContext,
) -> Collected {
    let pause = limits.retries.first_pause;
    let mut walk = Walk { server, context, service: way.name(), pause, granules: 0, pages: 0 };
    let mut all = Collected { way, found: BTreeMap::new(), fault: None };
    for region in &question.asked.regions {
        let outcome = match way {
            Way::Stac => {
                let stac = Stac { question };
                walk.all(stac.first(server, region), &stac)
            }
            Way::Direct => {
                let direct = Direct { question };
                let Outcome { mut found, fault } = walk.all(direct.first(server, region), &direct);
                let fault = fault.or_else(|| {
                    let completed = direct.complete(&walk, &mut found);
                    completed.err().map(|error| error.context("CMR: asking for footprints"))
                });
                Outcome { found, fault }
            }
        };
        // Regions share granules.
        for one in outcome.found {
            all.found.entry(one.key.clone()).or_insert(one);
        }
        if outcome.fault.is_some() {
            all.fault = outcome.fault;
            return all;
        }
    }
    all
}

/// From what came to entries: in the order of time and name, the same by every way.
fn finish(
    collected: Collected,
    question: &Question,
    query: &Query,
    faults: &[Error],
    is_partial: bool,
    context: &dyn SearchContext,
) -> Result<Granules> {
    let total = collected.found.len();
    if total == 0 {
        return Err(nothing(question, faults, is_partial));
    }
    let mut granules = Granules { metadata: question.metadata(), ..Granules::default() };
    let source = Value::from(collected.way.name());
    granules.metadata.shift_insert(0, "source".into(), source);
    if let (Some(fault), false) = (faults.first(), is_partial) {
        let why = format!("asked {} instead: {fault}", collected.way.name());
        granules.metadata.insert("fallback".into(), why.into());
    }
    if let Some(note) = &question.asked.note {
        granules.metadata.insert("query_note".into(), note.as_str().into());
    }
    let mut found: Vec<Found> = collected.found.into_values().collect();
    found.sort_by(|a, b| {
        let key = |one: &Found| (one.granule.time_start.clone(), one.granule.id.clone(), one.key.clone());
        key(a).cmp(&key(b))
    });
    let mut sorting =
        Sorting { cycle: question.cycle, holes: Holes::of(query.area.as_ref()), ..Sorting::default() };
    for one in found {
        sorting.take(one, &mut granules.entries);
    }
    if is_partial {
        granules.incomplete.extend(faults.iter().map(|fault| fault.message().to_string()));
    }
    granules.incomplete.extend(sorting.incomplete.lines());
    sorting.warnings(context);
    if granules.entries.is_empty() && granules.incomplete.is_empty() {
        let words = question.in_words();
        let (cycles, holes) = (sorting.other_cycles, sorting.swallowed);
        return Err(Error::input(format!(
            "no granules of {words}: {total} were found, of which {cycles} are of other cycles and {holes} lie in holes of \
             the area"
        )));
    }
    granules.metadata.insert("total_granules".into(), granules.entries.len().into());
    Ok(granules)
}

/// The error when nothing came at all.
fn nothing(question: &Question, faults: &[Error], is_partial: bool) -> Error {
    if is_partial && !faults.is_empty() {
        let passes = faults.iter().any(|fault| fault.kind() == ErrorKind::Temporary);
        let kind = if passes { ErrorKind::Temporary } else { faults[0].kind() };
        let messages: Vec<&str> = faults.iter().map(Error::message).collect();
        return Error::new(kind, messages.join("; and "));
    }
    Error::input(format!(
        "no granules of {}; check product, version, provider, dates and area",
        question.in_words()
    ))
}

/// What becomes of each granule.
#[derive(Default)]
struct Sorting {
    cycle: Option<u32>,
    holes: Holes,
    /// Names so far, and names by file.
    ids: HashSet<String>,
    files: HashMap<String, String>,
    incomplete: Lines,
    other_cycles: usize,
    swallowed: usize,
    doubles: Lines,
    many: Lines,
}

impl Sorting {
    fn take(&mut self, one: Found, entries: &mut Vec<CatalogEntry>) {
        let granule = one.granule;
        let id = granule.id.as_str();
        if let Some(wanted) = self.cycle {
            match of_name(id) {
                Some(cycle) if cycle == wanted => {}
                Some(_) => {
                    self.other_cycles += 1;
                    return;
                }
                None => return self.incomplete.add(format!("granule {id}: its name tells no cycle")),
            }
        }
        let file = granule.https.as_ref().or(granule.s3.as_ref());
        if let Some(file) = file
            && let Some(other) = self.files.get(file)
        {
            return self.doubles.add(format!("granules {other} and {id} are the same file; taken once"));
        }
        if !self.ids.insert(granule.id.clone()) {
            return self
                .incomplete
                .add(format!("granule {id}: stands in the catalog twice, with different files"));
        }
        if granule.https.is_none() && granule.s3.is_none() {
            return self.incomplete.add(format!("granule {id}: its record has no link to a data file"));
        }
        self.files.extend(file.map(|file| (file.clone(), granule.id.clone())));
        let footprint = match one.place {
            Place::Known(footprint) => footprint,
            Place::Absent(why) => return self.incomplete.add(format!("granule {id}: {why}")),
            Place::Wrong(why) => return self.incomplete.add(format!("granule {id}: {why}")),
        };
        if self.holes.swallow(&footprint) {
            self.swallowed += 1;
            return;
        }
        if one.is_one_of_many {
            let file = granule.https.as_ref().or(granule.s3.as_ref()).map_or("", String::as_str);
            self.many.add(format!("granule {id} has several data files, of which {file} is taken"));
        }
        entries.push(CatalogEntry { granule, footprint });
    }

    fn warnings(&self, context: &dyn SearchContext) {
        for line in self.doubles.lines().into_iter().chain(self.many.lines()) {
            context.warn(&line);
        }
    }
}

/// Lines about single granules, not too many of them.
#[derive(Default)]
struct Lines {
    lines: Vec<String>,
    more: usize,
}

impl Lines {
    fn add(&mut self, line: String) {
        if self.lines.len() < NAMED { self.lines.push(line) } else { self.more += 1 }
    }

    fn lines(&self) -> Vec<String> {
        let mut lines = self.lines.clone();
        if self.more > 0 {
            lines.push(format!("{} more granules like these", self.more));
        }
        lines
    }
}
