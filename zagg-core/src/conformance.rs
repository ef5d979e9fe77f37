//! Conformance: one public function for each trait, which every implementation must pass.

mod grid;
mod source;
mod statistic;
mod store;

pub use grid::grid;
pub use source::source;
pub use statistic::{sketch, statistic};
pub use store::{ReadBack, ReadBlock, ReadRaggedBlock, store};
