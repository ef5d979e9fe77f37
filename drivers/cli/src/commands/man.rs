//! `zagg man`: pages for `man`.

use clap::CommandFactory;
use clap_mangen::Man;
use zagg_core::Error;

use crate::args::Arguments;
use crate::args::texts::ManArgs;
use crate::failure::Failure;
use crate::output;

pub(crate) fn run(args: &ManArgs) -> Result<u8, Failure> {
    let program = Arguments::command();
    match &args.output {
        None => {
            let mut page = Vec::new();
            let rendered = Man::new(program).render(&mut page);
            rendered.map_err(|error| Error::from_io(&error, "the manual page"))?;
            output::data(String::from_utf8_lossy(&page).trim_end())?;
        }
        Some(folder) => {
            std::fs::create_dir_all(folder)
                .and_then(|()| clap_mangen::generate_to(program, folder))
                .map_err(|error| Error::from_io(&error, folder.display()))?;
        }
    }
    Ok(0)
}
