//! One module per subcommand.

pub(crate) mod catalog;
pub(crate) mod completions;
pub(crate) mod config;
pub(crate) mod demo;
pub(crate) mod finalize;
pub(crate) mod index;
pub(crate) mod inspect;
pub(crate) mod lambda;
pub(crate) mod man;
pub(crate) mod plan;
pub(crate) mod plugins;
pub(crate) mod reference;
pub(crate) mod render;
pub(crate) mod run;
pub(crate) mod status;
pub(crate) mod validate;
pub(crate) mod worker;
