//! What a task hears of its granules: rows, and what is to be said of them in the report.

use super::gather::Gathered;
use super::read::{GranuleRows, Heard};
use crate::error::{ErrorKind, Result};
use crate::report::{Hole, TaskReport};
use crate::run::{Run, Task};

/// Gathers the rows of a task's granules, which come one after the other.
pub(super) struct Hearing<'a, 'r> {
    run: &'a Run,
    task: &'a Task,
    report: &'r mut TaskReport,
    rows: Gathered<'a>,
    /// Granules whose end was heard.
    ended: usize,
    /// Rows before the granule that is being heard.
    before: u64,
    part: Option<Part>,
    /// Parts of the granule that do not go with those before.
    refused: Vec<(usize, Hole)>,
}

/// The part that is being heard.
struct Part {
    number: usize,
    /// Rows before it.
    before: u64,
}

impl<'a, 'r> Hearing<'a, 'r> {
    pub(super) fn new(run: &'a Run, task: &'a Task, report: &'r mut TaskReport) -> Self {
        let rows = Gathered::new(run, task.shard);
        Self { run, task, report, rows, ended: 0, before: 0, part: None, refused: Vec::new() }
    }

    /// # Errors
    /// When rows have to be put aside and cannot.
    pub(super) fn hear(&mut self, heard: Heard) -> Result<()> {
        match heard {
            Heard::Rows { part: number, name, rows } => {
                let before = match &self.part {
                    Some(part) if part.number == number => part.before,
                    _ => self.rows.rows(),
                };
                self.part = Some(Part { number, before });
                if self.refused.iter().any(|(refused, _)| *refused == number) {
                    return Ok(());
                }
                if let Some((at, before_it)) = self.rows.other_type(&rows.columns) {
                    let columns = self.run.product.program.columns_of_variables();
                    let column = columns.get(at).map_or("a column", String::as_str);
                    let here = rows.columns[at].values.dtype();
                    let reason = format!("{column} is {here} here but {before_it} in the parts before it");
                    let hole = Hole { granule: self.id(), part: Some(name), reason, temporary: false };
                    self.refused.push((number, hole));
                    return self.rows.rewind(before);
                }
                self.rows.add(rows)
            }
            Heard::Without(number) => {
                self.refused.retain(|(refused, _)| *refused != number);
                match self.part.take() {
                    Some(part) if part.number == number => self.rows.rewind(part.before),
                    part => {
                        self.part = part;
                        Ok(())
                    }
                }
            }
            Heard::Again => {
                self.part = None;
                self.refused.clear();
                self.rows.rewind(self.before)
            }
            Heard::End(rows) => {
                self.end_of_granule(rows);
                Ok(())
            }
        }
    }

    /// Id of the granule that is being heard.
    fn id(&self) -> String {
        let number = self.task.granules.get(self.ended);
        number.map_or_else(String::new, |&number| self.run.granules.granule(number).id.clone())
    }

    fn end_of_granule(&mut self, rows: GranuleRows) {
        let (report, granule) = (&mut *self.report, self.run.granules.granule(rows.granule));
        report.traffic += rows.traffic;
        report.rows_read += rows.rows_read;
        report.parts_absent += rows.parts_absent;
        if let Some(outside) = &mut report.rows_outside_area {
            *outside += rows.rows_outside_area;
        }
        report.objects.push(rows.object);
        report.holes.extend(rows.holes.into_iter().map(|(part, error)| Hole {
            granule: granule.id.clone(),
            part,
            reason: error.to_string(),
            temporary: error.kind() == ErrorKind::Temporary,
        }));
        report.holes.extend(self.refused.drain(..).map(|(_, hole)| hole));
        self.ended += 1;
        self.before = self.rows.rows();
        self.part = None;
        // Nobody else may need it, and its row index takes memory.
        self.run.granules.release(&[rows.granule]);
    }

    /// All rows, when everything was heard.
    ///
    /// # Errors
    /// Those of hearing.
    pub(super) fn end(self, heard: Result<()>) -> Result<Gathered<'a>> {
        heard.map(|()| self.rows)
    }
}
