//! Who is there: the answer to a ping, beyond what every answer says.

use serde_json::{Value, json};
use zagg_core::registry::{Origin, Registry};

use crate::machine::Machine;

/// What the function can do: its plugins, and the machine.
pub(crate) fn describe(registry: &Registry, machine: &Machine) -> Value {
    let mut plugins: Vec<String> = registry
        .entries()
        .map(|found| match found.origin {
            Origin::Linked => format!("{} {}", found.plugin, found.version),
            Origin::Library(path) => format!("{} {} ({path})", found.plugin, found.version),
        })
        .collect();
    plugins.sort_unstable();
    plugins.dedup();
    json!({
        "plugins": plugins,
        "memoryMib": machine.memory_mib,
        "workers": machine.workers(),
        "features": ["file", "https", "s3"],
    })
}
