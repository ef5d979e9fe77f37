//! The zagg program.
fn main() {}
