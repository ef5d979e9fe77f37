//! Conformance: one public function for each trait, which every implementation must pass.
//!
//! Each gives what is wrong as a list of sentences and does not panic, whatever it is given. `zagg plugins check` runs them on
//! plugins in shared libraries.

mod catalog;
mod grid;
mod source;
mod statistic;
mod store;

pub use catalog::catalog;
pub use grid::grid;
pub use source::source;
pub use statistic::{sketch, statistic};
pub use store::{ReadBack, ReadBlock, ReadRaggedBlock, store};
