//! Indexes made ahead of time.

use std::fmt;
use std::sync::Arc;

use bytes::Bytes;

use super::{GranuleIndex, IndexKey, IndexStore};
use crate::error::{Context, Error, ErrorKind, Result};
use crate::granule::{Driver, Granule};
use crate::granules::{Located, Watched};
use crate::grid::Grid;
use crate::source::{OpenObject, PointSource};

/// Makes the indexes of granules; may be used by many threads, and many may work on one store.
pub struct IndexMaker {
    source: Box<dyn PointSource>,
    grid: Box<dyn Grid>,
    opener: Arc<dyn OpenObject>,
    driver: Driver,
    store: Arc<dyn IndexStore>,
    key: IndexKey,
}

/// What came of one granule.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Made {
    /// Its index is there and valid.
    Valid {
        /// Names and reasons of parts that cannot be read, as the index keeps them.
        holes: Vec<(String, String)>,
    },
    /// Its index was written.
    Built {
        /// Bytes of the index.
        bytes: u64,
        /// Names and reasons of parts that cannot be read, which the index keeps too.
        holes: Vec<(String, String)>,
    },
}

impl fmt::Debug for IndexMaker {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "IndexMaker({:?} into {:?})", self.grid, self.store)
    }
}

impl IndexMaker {
    /// Makes indexes for a source and a grid.
    ///
    /// # Errors
    /// When the source keeps no indexes.
    pub fn new(
        source: Box<dyn PointSource>,
        grid: Box<dyn Grid>,
        opener: Arc<dyn OpenObject>,
        driver: Driver,
        store: Arc<dyn IndexStore>,
    ) -> Result<Self> {
        let key = IndexKey::new(&*source, &*grid)
            .ok_or_else(|| Error::input("the reader of this pipeline keeps no indexes"))?;
        Ok(Self { source, grid, opener, driver, store, key })
    }

    /// Whether every one of some granules has an href that can be opened.
    ///
    /// # Errors
    /// Names the first that has none.
    pub fn check(&self, granules: &[Granule]) -> Result<()> {
        granules.iter().try_for_each(|granule| {
            let href = granule.href(self.driver)?;
            self.opener.check(href).context(|| format!("granule {}", granule.id))
        })
    }

    /// Makes the index of a granule, unless a valid one is there. `rebuild` makes it in any case.
    ///
    /// # Errors
    /// When the granule cannot be read, nothing can be kept of it, or the store refuses.
    pub fn make(&self, granule: &Granule, rebuild: bool) -> Result<Made> {
        crate::caught(|| {
            let name = self.key.name(&granule.id);
            if !rebuild
                && let Some(bytes) = self.kept(&name)?
                && let Ok(located) = self.valid(granule, &bytes)
            {
                return Ok(Made::Valid { holes: holes(&located) });
            }
            let reader = Arc::new(Watched::new(self.opener.open(granule.href(self.driver)?)?));
            let opened = Arc::clone(&reader);
            let opened = self.source.open(granule, opened).context(|| "opening")?;
            let located = Located::new(opened, &*self.grid)?.of(reader);
            let index = located.index(&granule.id, &*self.grid)?.ok_or_else(|| {
                Error::unsupported("the object has no ETag by which it could be known again")
            })?;
            let bytes = index.encode(&self.key, &*self.grid)?;
            let length = bytes.len() as u64;
            self.store.put(&name, bytes)?;
            Ok(Made::Built { bytes: length, holes: holes(&located) })
        })
    }

    /// Checks an index as its reader would, and with one byte that the granule is the one it was made from.
    fn valid(&self, granule: &Granule, bytes: &Bytes) -> Result<Located> {
        let index = GranuleIndex::decode(bytes, &granule.id, &self.key, &*self.grid)?;
        let reader = self.opener.open_known(granule.href(self.driver)?, &index.object)?;
        let reader = Arc::new(Watched::new(reader));
        let opened = Arc::clone(&reader);
        let opened = self.source.open_indexed(granule, opened, &index.source)?;
        let located = Located::known(opened, &index, reader)?;
        located.prove()?;
        Ok(located)
    }

    /// What lies at the place of an index. What is too long for one is not worth more than nothing.
    fn kept(&self, name: &str) -> Result<Option<Bytes>> {
        match self.store.get(name) {
            Err(error) if error.kind() == ErrorKind::Corrupt => Ok(None),
            found => found,
        }
    }
}

/// Names and reasons of the parts that cannot be read.
fn holes(located: &Located) -> Vec<(String, String)> {
    located.holes().map(|(part, error)| (part.to_string(), error.to_string())).collect()
}
