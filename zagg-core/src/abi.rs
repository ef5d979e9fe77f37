//! Plugins in shared libraries: the boundary between a program and code that was built elsewhere.
//!
//! Rust has no stable layout of types and functions, so the native traits do not cross. Each has a twin in `traits` whose
//! layout both sides compare when a library is loaded (`abi_stable` does that); `export` puts native things of a plugin
//! behind twins, `load` makes native things of the twins that a library gives. Authors of plugins see none of
//! it: they implement the native traits and write [`export_plugin!`](crate::export_plugin).
//!
//! What holds at the boundary:
//! - Everything crosses in batches, so that a call costs nothing beside its work. Hot arrays cross as they are: what goes into a
//!   library is lent, what comes out of it is copied once, because each side has its own allocator. The rest has a byte form
//!   (`wire`).
//! - No panic crosses. Those of a plugin become errors that name it and the method; those of the program while a plugin
//!   calls it become errors that the plugin sees. Aborts, endless loops and damaged memory cannot be caught here.
//! - Errors keep their kind and message.
//! - Answers are checked before they are believed: lengths, types, ids, offsets. An answer that breaks the contract of its trait is
//!   an error. A method that cannot fail passes errors on by unwinding with them; [`caught`](crate::caught) gets them back.
//! - A library is never unloaded.

#[cfg(feature = "library")]
mod export;
mod facts;
mod load;
mod root;
mod traits;
mod types;
mod wire;

#[doc(hidden)]
pub use abi_stable::library::LibHeader;
#[cfg(feature = "library")]
#[doc(hidden)]
pub use export::{Exported, header};
pub use load::{Loaded, load, observe};
