//! Pictures of stores that are made here: each pixel has the value of its cell, whatever the grid, the layout and the plane.
#![allow(clippy::unwrap_used, clippy::panic)] // The whole crate is tests.

mod make;
mod maps;
mod pictures;
