//! Functions of C that newer systems have in newer versions.
//!
//! Linked on a system with glibc 2.35 or newer, `hypot` would be asked for in that version, which the runtime of Lambda (2.34) does
//! not have: the program would not start. These here take its place; everything else that is linked is old enough, as
//! `build_function.sh` checks.
#![allow(unsafe_code, reason = "the names are C's, and so are the arguments: two numbers")]

/// The length of a vector of two doubles.
#[unsafe(no_mangle)]
extern "C" fn hypot(x: f64, y: f64) -> f64 {
    libm::hypot(x, y)
}

/// The length of a vector of two floats.
#[unsafe(no_mangle)]
extern "C" fn hypotf(x: f32, y: f32) -> f32 {
    libm::hypotf(x, y)
}
