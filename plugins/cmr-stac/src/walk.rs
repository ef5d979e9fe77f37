//! From page to page, with everything checked that a server could get wrong.
//!
//! A search counts as complete when every page brought only granules that were not there before, and when as many came as the
//! server says there are. Servers keep a link to a next page on the last one, so that pages are asked for until one is empty or
//! the link is gone. What fails then, after everything came, is not missed.

use std::collections::HashSet;
use std::time::Duration;

use zagg_access::{Page, PageRequest, PageServer};
use zagg_core::catalog::SearchContext;
use zagg_core::{Error, ErrorKind, Result};

use crate::found::Found;

/// Pages of one search at most.
const MOST_PAGES: u64 = 200_000;
/// Granules of one search at most.
pub(crate) const MOST_GRANULES: u64 = 5_000_000;
/// How often a page that makes no sense is asked for.
const READINGS: u32 = 3;
/// How often a search goes back to the last page that was good.
const RESUMES: u32 = 2;

/// What one page says.
#[derive(Debug)]
pub(crate) struct Reply {
    pub(crate) found: Vec<Found>,
    /// How many there are in all.
    pub(crate) matched: Option<u64>,
    /// The question for the next page.
    pub(crate) next: Option<PageRequest>,
}

/// How the pages of one kind of service are read.
pub(crate) trait Read {
    /// What a page says that answers a question.
    ///
    /// # Errors
    /// When it makes no sense.
    fn read(&self, request: &PageRequest, page: &Page) -> Result<Reply>;
}

/// All that came, and why that may not be all there is.
#[derive(Debug)]
pub(crate) struct Outcome {
    pub(crate) found: Vec<Found>,
    pub(crate) fault: Option<Error>,
}

/// A walk through the pages of one question.
pub(crate) struct Walk<'a> {
    pub(crate) server: &'a PageServer,
    pub(crate) context: &'a dyn SearchContext,
    /// The service, for messages.
    pub(crate) service: &'static str,
    /// Pause before a page that made no sense is asked for again.
    pub(crate) pause: Duration,
    /// Granules and pages of the questions before.
    pub(crate) granules: u64,
    pub(crate) pages: u64,
}

impl Walk<'_> {
    /// Asks for all pages.
    pub(crate) fn all(&mut self, first: PageRequest, how: &dyn Read) -> Outcome {
        let mut state = State::default();
        let fault = self.pages(first, how, &mut state).err();
        self.granules += state.found.len() as u64;
        let fault = fault.or_else(|| state.contradiction()).map(|error| error.context(self.service));
        Outcome { found: state.found, fault }
    }

    fn pages(&mut self, first: PageRequest, how: &dyn Read, state: &mut State) -> Result<()> {
        let mut request = first;
        let mut before: Option<PageRequest> = None;
        let mut resumes = 0;
        for number in 0..MOST_PAGES {
            let reply = match self.ask(&request, how) {
                Ok(reply) => reply,
                Err(_) if state.is_whole() => return Ok(()),
                Err(error) => match before.as_ref().filter(|_| resumes < RESUMES && may_pass(&error)) {
                    Some(good) => {
                        resumes += 1;
                        self.context.warn(&format!(
                            "{}: page {} failed: {error}; going on from the page before it",
                            self.service,
                            number + 1
                        ));
                        // Another cursor may work where this one does not.
                        let again = self.ask(good, how).map_err(|_| error.clone())?;
                        request = again.next.ok_or(error)?;
                        continue;
                    }
                    None => return Err(error),
                },
            };
            self.pages += 1;
            let is_empty = reply.found.is_empty();
            if !state.take(reply.found, reply.matched, number)? {
                return Ok(());
            }
            let total = state.matched.map(|matched| self.granules + matched);
            let got = self.granules + state.found.len() as u64;
            let what = if self.pages == 1 { "1 page".to_string() } else { format!("{} pages", self.pages) };
            self.context.progress(got, total, &what);
            match reply.next.filter(|_| !is_empty) {
                None => return Ok(()),
                Some(next) if next == request => {
                    if state.is_whole() {
                        return Ok(());
                    }
                    return Err(Error::corrupt(format!("page {} leads to itself", number + 1)));
                }
                Some(next) => before = Some(std::mem::replace(&mut request, next)),
            }
        }
        Err(Error::corrupt(format!("there are more than {MOST_PAGES} pages")))
    }

    /// One page; one that makes no sense is asked for again, as it may have been cut on its way.
    pub(crate) fn ask(&self, request: &PageRequest, how: &dyn Read) -> Result<Reply> {
        let mut reading = 0;
        loop {
            reading += 1;
            let page = self.server.ask(request)?;
            match how.read(request, &page) {
                Err(error) if error.kind() == ErrorKind::Corrupt && reading < READINGS => {
                    std::thread::sleep(self.pause);
                }
                Err(error) => return Err(error.context(&page.location)),
                Ok(reply) => return Ok(reply),
            }
        }
    }
}

/// Whether another page may be had where this one was not.
fn may_pass(error: &Error) -> bool {
    matches!(error.kind(), ErrorKind::Temporary | ErrorKind::Io | ErrorKind::Corrupt)
}

/// What came so far.
#[derive(Debug, Default)]
struct State {
    found: Vec<Found>,
    seen: HashSet<String>,
    /// As the first page says, and as the last one says.
    first: Option<u64>,
    matched: Option<u64>,
}

impl State {
    /// Takes what a page brought; false when everything came before and this brings nothing new.
    fn take(&mut self, found: Vec<Found>, matched: Option<u64>, number: u64) -> Result<bool> {
        if number == 0 {
            self.first = matched;
        }
        let page = number + 1;
        let old = found.iter().filter(|one| self.seen.contains(&one.key)).count();
        if old > 0 && old == found.len() && self.is_whole() {
            return Ok(false);
        }
        self.matched = matched.or(self.matched);
        if let Some(one) = found.iter().find(|one| self.seen.contains(&one.key)) {
            let what =
                if old == found.len() { "repeats granules that came before" } else { "repeats some of them" };
            return Err(Error::corrupt(format!(
                "page {page} {what}, {} among them: {} of {} came",
                one.key,
                self.found.len(),
                self.of()
            )));
        }
        for one in found {
            if one.key.is_empty() {
                return Err(Error::corrupt(format!("page {page} has a granule without a name")));
            }
            if !self.seen.insert(one.key.clone()) {
                return Err(Error::corrupt(format!("page {page} has {} twice", one.key)));
            }
            self.found.push(one);
        }
        if self.found.len() as u64 > MOST_GRANULES {
            return Err(Error::unsupported(format!(
                "more than {MOST_GRANULES} granules; ask for less at once"
            )));
        }
        Ok(true)
    }

    /// Whether as many came as there are.
    fn is_whole(&self) -> bool {
        let got = Some(self.found.len() as u64);
        // A granule may be added or taken away meanwhile.
        self.matched.is_some() && (got == self.matched || got == self.first)
    }

    fn of(&self) -> String {
        self.matched.map_or_else(|| "an unknown number".to_string(), |matched| matched.to_string())
    }

    /// Why what came is not what the server says there is.
    fn contradiction(&self) -> Option<Error> {
        if self.is_whole() {
            return None;
        }
        let got = self.found.len();
        Some(Error::corrupt(match self.matched {
            None => format!("{got} granules came, and nobody says how many there are"),
            Some(matched) => format!("{got} granules came, but there are {matched} of them"),
        }))
    }
}
