//! What nobody waits for yet: attributes, and chunk indexes of datasets that will be read.
//!
//! Attributes are often stored in heaps of their own, several dependent reads away from the header. Fetching them takes no
//! round trip when their parsers travel with the fetches that are due anyway.

use std::sync::{Arc, OnceLock};

use zagg_core::{Error, Result};

use crate::access::{Access, Addressing, Source, Step, Stop};
use crate::attribute::{self, Attribute};
use crate::chunk_index::Walk;
use crate::object_header::ObjectHeader;

/// The attributes of an object, read when they are asked for or on the way.
#[derive(Debug, Clone)]
pub(crate) struct Attributes {
    inner: Arc<Later>,
}

/// Attributes that may not be there yet.
#[derive(Debug)]
pub(crate) struct Later {
    found: OnceLock<Result<Vec<Attribute>>>,
    /// Where to read them, unless they were given.
    origin: Option<Origin>,
}

#[derive(Debug)]
struct Origin {
    source: Arc<Source>,
    addressing: Addressing,
    /// Address of the object's header.
    header: u64,
    /// The chunk index that is walked beforehand.
    index: Option<Walk>,
    walked: OnceLock<()>,
}

impl From<Result<Vec<Attribute>>> for Attributes {
    fn from(found: Result<Vec<Attribute>>) -> Self {
        Self { inner: Arc::new(Later { found: found.into(), origin: None }) }
    }
}

impl Attributes {
    /// The attributes of the object with the header at `address`; what is missing of them, and of the chunk index, is noted
    /// for the next fetch.
    pub(crate) fn of(access: &Access<'_>, header: u64, index: Option<Walk>) -> Self {
        let origin = access.origin().map(|(source, addressing)| Origin {
            source,
            addressing,
            header,
            index,
            walked: OnceLock::new(),
        });
        let later = Arc::new(Later { found: OnceLock::new(), origin });
        if !later.advance(access) {
            access.defer(&later);
        }
        Self { inner: later }
    }

    /// The attributes, sorted by name. All attributes of the file that are not there yet are read side by side.
    pub(crate) fn get(&self) -> Result<&[Attribute]> {
        if self.inner.found.get().is_none()
            && let Some(origin) = &self.inner.origin
        {
            origin.source.catch_up(origin.addressing, &self.inner)?;
        }
        match self.inner.found.get() {
            Some(found) => found.as_deref().map_err(Clone::clone),
            None => Err(Error::io("reading attributes stopped early")),
        }
    }
}

impl Later {
    /// Whether the attributes are there.
    pub(crate) fn is_known(&self) -> bool {
        self.found.get().is_some()
    }

    /// How addresses are written in its file.
    pub(crate) fn addressing(&self) -> Option<Addressing> {
        self.origin.as_ref().map(|origin| origin.addressing)
    }

    /// Reads as far as the pages go and notes what is missing; whether nothing is.
    pub(crate) fn advance(&self, access: &Access<'_>) -> bool {
        let attributes = match self.attributes(access) {
            Ok(()) => true,
            Err(Stop::Miss) => false,
            // A broken attribute does not hide the values.
            Err(Stop::Fail(error)) => {
                self.fail(error);
                true
            }
        };
        self.walk(access) && attributes
    }

    /// Keeps what is wrong with the attributes.
    pub(crate) fn fail(&self, error: Error) {
        self.found.get_or_init(|| Err(error));
    }

    /// Reads the attributes.
    pub(crate) fn attributes(&self, access: &Access<'_>) -> Step<()> {
        let Some(origin) = self.origin.as_ref().filter(|_| !self.is_known()) else { return Ok(()) };
        let header = ObjectHeader::read(access, origin.header)?;
        let attributes = attribute::read_all(access, &header)?;
        self.found.get_or_init(|| Ok(attributes));
        Ok(())
    }

    /// Walks the chunk index; whether it needs no more bytes. What is wrong with it is found out when it is used.
    fn walk(&self, access: &Access<'_>) -> bool {
        let Some(origin) = &self.origin else { return true };
        let Some(walk) = origin.index.as_ref().filter(|_| origin.walked.get().is_none()) else {
            return true;
        };
        let done = !matches!(walk.run(access), Err(Stop::Miss));
        if done {
            origin.walked.get_or_init(|| ());
        }
        done
    }
}
