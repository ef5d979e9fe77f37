//! Steps: run one after the other, timed, summed up in a table.

use std::time::{Duration, Instant};

use crate::Result;

/// How a step ended when it did not fail.
pub(crate) enum Outcome {
    /// Everything was checked.
    Passed,
    /// Something was not checked, and why.
    Skipped(String),
}

/// A named step.
pub(crate) struct Step {
    pub(crate) name: &'static str,
    pub(crate) about: &'static str,
    pub(crate) run: fn() -> Result<Outcome>,
}

/// A paragraph of the help: the steps of a command.
pub(crate) fn list(command: &str, steps: &[Step]) -> String {
    let lines = steps.iter().map(|step| format!("  {:<15} {}\n", step.name, step.about));
    format!("\nsteps of {command}:\n{}", lines.collect::<String>())
}

/// Runs the steps that the arguments leave over, all of them even after a failure.
pub(crate) fn run(steps: &[Step], arguments: &[String]) -> Result<()> {
    let chosen = choose(steps, arguments)?;
    let start = Instant::now();
    let mut lines = Vec::new();
    let mut failed = Vec::new();
    for step in chosen {
        println!("\n=== {}: {}", step.name, step.about);
        let start = Instant::now();
        let (word, note) = match (step.run)() {
            Ok(Outcome::Passed) => ("passed", String::new()),
            Ok(Outcome::Skipped(why)) => ("SKIPPED", why),
            Err(error) => {
                failed.push(step.name);
                ("FAILED", error)
            }
        };
        let line = format!("{:<12} {word:<8} {:>7}  {note}", step.name, seconds(start.elapsed()));
        println!("--- {}", line.trim_end());
        lines.push(line);
    }
    println!("\n=== summary");
    for line in lines {
        println!("{}", line.trim_end());
    }
    println!("{:<12} {:<8} {:>7}", "all", "", seconds(start.elapsed()));
    if failed.is_empty() { Ok(()) } else { Err(format!("failed: {}", failed.join(", "))) }
}

fn seconds(time: Duration) -> String {
    format!("{:.1} s", time.as_secs_f64())
}

/// The steps named by `--only`, without those named by `--skip`.
fn choose<'a>(steps: &'a [Step], arguments: &[String]) -> Result<Vec<&'a Step>> {
    let (mut only, mut skip): (Option<Vec<&str>>, Vec<&str>) = (None, Vec::new());
    let mut rest = arguments.iter();
    while let Some(option) = rest.next() {
        let names =
            rest.next().ok_or_else(|| format!("{option} needs names of steps, such as fmt,clippy"))?;
        let names: Vec<&str> = names.split(',').collect();
        if let Some(unknown) = names.iter().find(|name| !steps.iter().any(|step| step.name == **name)) {
            let known: Vec<&str> = steps.iter().map(|step| step.name).collect();
            return Err(format!("there is no step {unknown:?}: use {}", known.join(", ")));
        }
        match option.as_str() {
            "--only" => only.get_or_insert_default().extend(names),
            "--skip" => skip.extend(names),
            other => return Err(format!("there is no option {other:?}: use --only or --skip")),
        }
    }
    let wanted = |step: &&Step| only.as_ref().is_none_or(|only| only.contains(&step.name));
    Ok(steps.iter().filter(wanted).filter(|step| !skip.contains(&step.name)).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn passes() -> Result<Outcome> {
        Ok(Outcome::Passed)
    }

    fn fails() -> Result<Outcome> {
        Err("broken".to_owned())
    }

    const STEPS: [Step; 3] = [
        Step { name: "a", about: "", run: passes },
        Step { name: "b", about: "", run: fails },
        Step { name: "c", about: "", run: passes },
    ];

    fn names(arguments: &[&str]) -> Result<Vec<&'static str>> {
        let arguments: Vec<String> = arguments.iter().map(ToString::to_string).collect();
        choose(&STEPS, &arguments).map(|steps| steps.iter().map(|step| step.name).collect())
    }

    #[test]
    fn steps_are_chosen_in_their_own_order() {
        assert_eq!(names(&[]).unwrap(), ["a", "b", "c"]);
        assert_eq!(names(&["--only", "c,a"]).unwrap(), ["a", "c"]);
        assert_eq!(names(&["--skip", "b"]).unwrap(), ["a", "c"]);
        assert!(names(&["--only", "d"]).unwrap_err().contains("no step \"d\""));
        assert!(names(&["--all", "a"]).unwrap_err().contains("no option"));
        assert!(names(&["--only"]).unwrap_err().contains("needs names"));
    }

    #[test]
    fn a_failed_step_is_named() {
        assert_eq!(run(&STEPS, &[]).unwrap_err(), "failed: b");
        assert!(run(&STEPS, &["--skip".to_owned(), "b".to_owned()]).is_ok());
    }
}
