//! The notebooks, run from top to bottom.

use crate::Result;
use crate::process::{cargo, command, run, target};
use crate::python::environment;
use crate::steps::Outcome;

/// Runs every notebook beside the program.
pub(crate) fn check() -> Result<Outcome> {
    run(&mut cargo(&["build", "--locked", "--bin", "zagg"]))?;
    let python = environment("notebooks-venv", "notebooks/requirements.txt")?;
    let mut notebooks = command(python);
    notebooks.arg("notebooks/execute.py").arg("--zagg").arg(target().join("debug/zagg"));
    run(notebooks.arg("--folder").arg(target().join("notebooks")))?;
    Ok(Outcome::Passed)
}
