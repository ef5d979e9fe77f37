//! Conformance: one public function for each trait, which every implementation must pass.

mod grid;
mod statistic;
mod store;

pub use grid::grid;
pub use statistic::statistic;
pub use store::{ReadBlock, store};
