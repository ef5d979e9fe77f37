//! What a worker on any cluster does: it takes a work plan ([`zagg_core::plan`]) from a folder or a bucket, runs tasks of it,
//! and leaves beside the store the record of each shard, as a run does, and a status object.
//!
//! `zagg worker` is built on it, and so is the function on AWS Lambda. Workers know nothing of each other: any number of them
//! may run, on one task too: what lacks nothing is the same bytes whoever writes it, and what lacks something never comes over it
//! ([`zagg_core::records::Others`]). What keeps runs and workers apart is told in [`zagg_core::plan::Claim`].

mod array;
mod cache;
mod ownership;
mod place;
mod publish;
mod report;
mod status;
mod work;
mod worker;

pub use array::{ArrayPlace, Share};
pub use cache::WorkerCache;
pub use ownership::Ownership;
pub use place::PlanPlace;
pub use publish::{Published, default_uri, publish};
pub use report::{summary, write_report};
pub use status::{STATUS, TaskState, WorkerState, profile, status_name, statuses};
pub use work::{Outcome, Work};
pub use worker::{Worker, WorkerOptions};
