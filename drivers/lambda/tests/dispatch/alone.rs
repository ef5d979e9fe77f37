//! Tests in processes of their own.

use std::process::Command;
use std::sync::{Mutex, PoisonError};

/// One at a time, so that they do not measure each other.
static ONE: Mutex<()> = Mutex::new(());

/// Runs an ignored test of this program in a process of its own with these variables, and shows what it prints.
pub(crate) fn alone(name: &str, variables: &[(&str, &str)]) {
    let _one = ONE.lock().unwrap_or_else(PoisonError::into_inner);
    let mut program = Command::new(std::env::current_exe().unwrap());
    program.args(["--exact", name, "--ignored", "--nocapture", "--test-threads=1"]);
    let done = program.envs(variables.iter().copied()).output().unwrap();
    let (said, failed) = (String::from_utf8_lossy(&done.stdout), String::from_utf8_lossy(&done.stderr));
    println!("{}", said.trim());
    assert!(done.status.success() && said.contains("1 passed"), "{name}: {said}\n{failed}");
}
