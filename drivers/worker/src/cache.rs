//! A worker kept between invocations of one process.

use std::sync::{Arc, Mutex, PoisonError};

use zagg_access::StoreChain;
use zagg_core::config::StoreAccess;
use zagg_core::hash::sha256_hex;
use zagg_core::{Error, Result};

use crate::ownership::Ownership;
use crate::place::PlanPlace;
use crate::worker::{Worker, WorkerOptions, document};

/// Keeps the last worker, with its plan, connections and credentials, for as long as the same plan is asked for.
#[derive(Debug, Default)]
pub struct WorkerCache {
    options: WorkerOptions,
    held: Mutex<Option<Arc<Worker>>>,
}

impl WorkerCache {
    /// Without a worker. Who owns the store and where credentials are lent is said with every plan.
    pub fn new(options: WorkerOptions) -> Self {
        Self { options, held: Mutex::default() }
    }

    /// The worker of a plan. With its `digest` nothing is read when it is the one that is held, and another plan at that place
    /// is refused; without one the document is read again.
    ///
    /// # Errors
    /// As of [`Worker::open`], and when the plan has another digest.
    pub fn get(
        &self,
        uri: &str,
        digest: Option<&str>,
        credentials: Option<&str>,
        ownership: Ownership,
    ) -> Result<Arc<Worker>> {
        let chain = StoreChain::new(&StoreAccess::default(), self.options.output_creds.as_deref())?;
        let place = PlanPlace::open(uri, &chain)?;
        let mut held = self.held.lock().unwrap_or_else(PoisonError::into_inner);
        let fits = |worker: &Arc<Worker>, digest: &str| {
            worker.uri() == place.uri()
                && worker.digest() == digest
                && worker.options.credentials.as_deref() == credentials
                && worker.options.ownership == ownership
        };
        if let (Some(worker), Some(digest)) = (&*held, digest)
            && fits(worker, digest)
        {
            return Ok(Arc::clone(worker));
        }
        let bytes = document(&place)?;
        let found = sha256_hex(&bytes);
        if digest.is_some_and(|digest| digest != found) {
            return Err(Error::changed(format!(
                "the plan at {} is another one than was dispatched; start again from the plan that is there",
                place.uri()
            )));
        }
        if let Some(worker) = &*held
            && fits(worker, &found)
        {
            return Ok(Arc::clone(worker));
        }
        // The old one first, so that not two plans are in memory.
        *held = None;
        let options =
            WorkerOptions { credentials: credentials.map(str::to_string), ownership, ..self.options.clone() };
        let worker = Arc::new(Worker::of_document(place, &bytes, options, chain.warnings())?);
        *held = Some(Arc::clone(&worker));
        Ok(worker)
    }
}
