//! Looking for the objects that responses are put into.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use bytes::Bytes;
use tokio::time::Instant;
use zagg_core::{Error, ErrorKind, Result};

use super::State;
use crate::ending::response_of;
use crate::event::MAX_BYTES;
use crate::events::Events;
use crate::objects::Objects;

/// So few objects of one folder are asked for by name; more are listed first.
const BY_NAME: usize = 8;
/// So many objects are read before what they say is taken in.
const AT_ONCE: usize = 1_000;

/// What a look brought.
pub(super) struct Looked {
    /// The responses that were found: attempts and bytes.
    found: Vec<(u64, Bytes)>,
    /// When it began.
    began: Instant,
    /// Whether it saw all there were.
    whole: bool,
}

impl State<'_> {
    /// Looks for responses beside the loop, unless that is being done or nothing is wanted.
    pub(super) fn poll(&mut self, now: Instant) {
        if self.polling.is_some() || now < self.next_poll {
            return;
        }
        let mut wanted: BTreeMap<String, BTreeSet<u64>> = BTreeMap::new();
        for (&number, attempt) in &self.attempts {
            if attempt.heard_until.is_some() {
                wanted.entry(self.at.events.folder_of(number)).or_default().insert(number);
            }
        }
        if wanted.is_empty() {
            (self.polled, self.looked) = (now, now);
            return;
        }
        let (objects, events) = (Arc::clone(&self.at.objects), Arc::clone(&self.at.events));
        self.polling = Some(tokio::task::spawn_blocking(move || look(&*objects, &events, wanted, now)));
    }

    pub(super) fn polled(&mut self, looked: Result<Looked>) {
        let now = Instant::now();
        self.next_poll = now + self.at.policy.poll;
        match looked {
            Ok(Looked { found, began, whole }) => {
                self.polled = now;
                if whole {
                    self.looked = began;
                } else {
                    self.next_poll = now;
                }
                for (number, bytes) in found {
                    self.heard(number, response_of(&bytes), None);
                }
            }
            Err(error) => {
                self.tally.fault("responses not read");
                let passes = matches!(error.kind(), ErrorKind::Temporary | ErrorKind::Io);
                let late = now.duration_since(self.polled) > self.at.policy.patience;
                if !self.stopping && (late || !passes) {
                    let why = error.context("looking for the responses of functions");
                    let kind = why.kind();
                    self.stop(Some(Error::new(kind, why.message())));
                }
            }
        }
    }
}

fn look(
    objects: &dyn Objects,
    events: &Events,
    wanted: BTreeMap<String, BTreeSet<u64>>,
    began: Instant,
) -> Result<Looked> {
    let mut found = Vec::new();
    let mut there: Vec<u64> = Vec::new();
    let mut folders = wanted.into_iter().peekable();
    while let Some((folder, numbers)) = folders.next() {
        if numbers.len() <= BY_NAME {
            there.extend(numbers);
        } else {
            let names = objects.list(&folder)?;
            let listed = names.iter().filter_map(|name| Events::attempt_of(name));
            there.extend(listed.filter(|number| numbers.contains(number)));
        }
        if there.len() >= AT_ONCE || folders.peek().is_none() {
            let names: Vec<String> = there.iter().map(|&number| events.response(number)).collect();
            let bytes = objects.read(&names, MAX_BYTES as u64)?;
            found.extend(there.drain(..).zip(bytes).filter_map(|(number, bytes)| Some((number, bytes?))));
        }
        if found.len() >= AT_ONCE {
            break;
        }
    }
    let whole = folders.peek().is_none();
    Ok(Looked { found, began, whole })
}
