//! Which tasks a worker takes: one by its index, or its share as one of several.
//!
//! The number of a worker among its like comes from the command line or from what the scheduler says:
//!
//! - SLURM job arrays: `SLURM_ARRAY_TASK_ID`, with `_COUNT`, `_MIN`, `_MAX` and `_STEP`;
//! - AWS Batch array jobs: `AWS_BATCH_JOB_ARRAY_INDEX`, with `AWS_BATCH_JOB_ARRAY_SIZE`;
//! - Kubernetes indexed Jobs: `JOB_COMPLETION_INDEX`, which comes without the number of completions.
//!
//! Where the scheduler says how many there are, they share the whole plan: an array of any size does all of it.

use std::fmt;

use zagg_core::{Error, Result};

/// Where a worker stands among its like.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ArrayPlace {
    /// Its number, from 0.
    pub index: u64,
    /// How many there are, where it is known.
    pub of: Option<u64>,
}

impl ArrayPlace {
    /// What the command line says, else what a scheduler has left in the environment; `of` of the command line goes with the
    /// number as the scheduler gives it. `None` when nobody says anything.
    ///
    /// # Errors
    /// When a number cannot be read, or is not below the number of workers.
    pub fn find(
        index: Option<u64>,
        of: Option<u64>,
        variable: impl Fn(&str) -> Option<String>,
    ) -> Result<Option<Self>> {
        let place = match index {
            Some(index) => Some(Self { index, of }),
            None => of_environment(of, &variable)?,
        };
        if let Some(Self { index, of: Some(of) }) = place
            && index >= of
        {
            return Err(Error::input(format!(
                "worker {index} is not one of {of}: workers are counted from 0 to {}",
                of.saturating_sub(1)
            )));
        }
        Ok(place)
    }

    /// The tasks of this worker.
    ///
    /// # Errors
    /// When it is to run one task and there is none of its index.
    pub fn share(self, tasks: u64) -> Result<Share> {
        match self.of {
            Some(of) => Ok(Share { next: self.index, step: of.max(1), tasks }),
            None if self.index < tasks => Ok(Share { next: self.index, step: tasks, tasks }),
            None => Err(Error::input(format!(
                "there is no task {}; the plan has {tasks} tasks, counted from 0",
                self.index
            ))),
        }
    }
}

impl fmt::Display for ArrayPlace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.of {
            Some(of) => write!(f, "worker {} of {of}", self.index),
            None => write!(f, "task {}", self.index),
        }
    }
}

/// Indices of the tasks of one worker, ascending.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Share {
    next: u64,
    step: u64,
    tasks: u64,
}

impl Iterator for Share {
    type Item = u64;

    fn next(&mut self) -> Option<u64> {
        let index = self.next;
        if index >= self.tasks {
            return None;
        }
        self.next = index.saturating_add(self.step);
        Some(index)
    }
}

fn of_environment(of: Option<u64>, variable: &impl Fn(&str) -> Option<String>) -> Result<Option<ArrayPlace>> {
    let number = |name: &str| match variable(name).filter(|text| !text.is_empty()) {
        None => Ok(None),
        Some(text) => match text.parse::<u64>() {
            Ok(number) => Ok(Some(number)),
            Err(_) => {
                Err(Error::input(format!("{name} is {text:?}, which is no number of a worker; give --index")))
            }
        },
    };
    if let Some(id) = number("SLURM_ARRAY_TASK_ID")? {
        if of.is_some() {
            return Ok(Some(ArrayPlace { index: id, of }));
        }
        let found = ["COUNT", "MIN", "MAX", "STEP"].map(|name| number(&format!("SLURM_ARRAY_TASK_{name}")));
        let [count, min, max, step] = found;
        return Ok(Some(slurm(id, [count?, min?, max?, step?])));
    }
    if let Some(index) = number("AWS_BATCH_JOB_ARRAY_INDEX")? {
        return Ok(Some(ArrayPlace { index, of: of.or(number("AWS_BATCH_JOB_ARRAY_SIZE")?) }));
    }
    Ok(number("JOB_COMPLETION_INDEX")?.map(|index| ArrayPlace { index, of }))
}

/// The place in a job array. An array of evenly spaced ids shares the plan; of any other, and of one id alone, which is a part of
/// an array that is submitted again, the id stands for itself.
fn slurm(id: u64, [count, min, max, step]: [Option<u64>; 4]) -> ArrayPlace {
    let alone = ArrayPlace { index: id, of: None };
    let (Some(count), Some(min), Some(max)) = (count, min, max) else { return alone };
    let step = step.unwrap_or(1);
    let spread = max.checked_sub(min).zip(id.checked_sub(min)).filter(|_| step > 0 && id <= max);
    match spread {
        Some((span, from))
            if count > 1 && span / step == count - 1 && span % step == 0 && from % step == 0 =>
        {
            ArrayPlace { index: from / step, of: Some(count) }
        }
        _ => alone,
    }
}

#[cfg(test)]
mod tests;
