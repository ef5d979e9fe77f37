//! The function on AWS Lambda: it takes [events](zagg_lambda::event) that name tasks of a work plan, and runs them as every
//! worker does ([`zagg_worker`]).
//!
//! All of it is here, but for the loop that asks Lambda for the next event: that is the program `bootstrap`, behind the feature
//! `runtime`.

mod builtin;
mod function;
mod log;
mod machine;
mod ping;
mod status;
mod time_left;

pub use builtin::{PLUGIN_PATH, registry};
pub use function::{Failure, Function, Invocation};
pub use log::{Level, Log};
pub use machine::Machine;
