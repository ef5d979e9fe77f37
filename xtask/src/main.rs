//! The project's chores: check is what CI runs.
fn main() {}
