//! `zagg config`: the pipelines that ship with zagg, and what pipelines may say.

use zagg_core::registry::Make;

use crate::args::{ConfigArgs, ConfigCommand};
use crate::failure::Failure;
use crate::{builtin, output, schema};

pub(crate) fn run(args: &ConfigArgs) -> Result<u8, Failure> {
    let registry = builtin::registry()?;
    match &args.command {
        ConfigCommand::List => {
            let mut table = output::table(&["name", "description"]);
            for registered in registry.entries() {
                if matches!(registered.entry.make, Make::Preset(_)) {
                    table.add_row([registered.entry.name, registered.entry.description]);
                }
            }
            output::data(&table.to_string())?;
        }
        ConfigCommand::Schema { layer } => output::data(&schema::text(*layer)?)?,
        ConfigCommand::Show { name } => output::data(registry.preset(name)?.trim_end())?,
    }
    Ok(0)
}
