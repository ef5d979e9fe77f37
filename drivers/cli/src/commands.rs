//! One module per subcommand.

pub(crate) mod catalog;
pub(crate) mod config;
pub(crate) mod demo;
pub(crate) mod finalize;
pub(crate) mod index;
pub(crate) mod inspect;
pub(crate) mod plugins;
pub(crate) mod run;
pub(crate) mod validate;
