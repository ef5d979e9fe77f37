//! Memory is obeyed, and changes nothing that is written.

mod equal;
mod measured;
