//! What a run costs: an estimate before it, the bill after it.
//!
//! The estimate follows a model, [`Model`], of which every number says where it comes from. None was measured on AWS itself; the
//! bill of a run says what its model would have said, so that the next estimate can be corrected with it.

use serde_json::{Value, json};

use crate::tally::Tally;

/// Processor that the function runs on; it sets the price.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Architecture {
    /// Graviton.
    #[default]
    Arm64,
    /// Intel or AMD.
    X86_64,
}

impl Architecture {
    /// The name that Lambda gives it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Arm64 => "arm64",
            Self::X86_64 => "x86_64",
        }
    }

    /// Dollars for one GB-second in the first tier of most regions, us-west-2 among them (AWS's price list, November 2025).
    pub fn dollars_per_gb_second(self) -> f64 {
        match self {
            Self::Arm64 => 0.000_013_333_4,
            Self::X86_64 => 0.000_016_666_7,
        }
    }
}

/// Dollars for one request.
pub const DOLLARS_PER_REQUEST: f64 = 0.20 / 1e6;

/// Memory with which a function has one processor, in MB.
const MB_PER_CPU: f64 = 1_769.0;
/// Most processors that a function has.
const MOST_CPUS: f64 = 6.0;

/// What one shard takes: `start + granules × (transfer + wait + compute / processors)` seconds.
#[derive(Debug, Clone, PartialEq, serde::Serialize)]
pub struct Model {
    /// Seconds of a shard beside its granules: the start of an environment, the plan, the writes. Here a shard took 0.08 s of
    /// processor beside its granules, and a store in a bucket answers a handful of dependent requests in 50 ms each.
    pub start: f64,
    /// Bytes that one granule's share of a shard is read for. Measured: 10.7 MB of ATL06 granules of 27 MB with six beams,
    /// without granule indexes.
    pub bytes: f64,
    /// Bytes a second that reach one environment: 75 MB, as many have measured of Lambda.
    pub bytes_per_second: f64,
    /// Seconds of waiting for answers: 10 dependent steps of 50 ms, with 16 granules side by side.
    pub wait: f64,
    /// Seconds of one processor. Measured: 0.046 s on a core of a server of 2.x GHz, release build.
    pub compute: f64,
    /// Seconds of a granule in all, when the user knows them from an earlier run; then nothing but `start` is added.
    pub seconds_per_granule: Option<f64>,
}

impl Default for Model {
    fn default() -> Self {
        Self {
            start: 0.5,
            bytes: 10.7e6,
            bytes_per_second: 75e6,
            wait: 10.0 * 0.05 / 16.0,
            compute: 0.046,
            seconds_per_granule: None,
        }
    }
}

impl Model {
    /// Seconds of one granule of a shard, in a function with so much memory.
    pub fn per_granule(&self, memory_mb: u64) -> f64 {
        let cpus = (memory_mb as f64 / MB_PER_CPU).clamp(0.05, MOST_CPUS);
        let modelled = self.bytes / self.bytes_per_second + self.wait + self.compute / cpus;
        self.seconds_per_granule.unwrap_or(modelled)
    }

    /// For people: the model in one line.
    pub fn said(&self, memory_mb: u64) -> String {
        let per_granule = self.per_granule(memory_mb);
        match self.seconds_per_granule {
            Some(_) => format!("{:.1} s + {per_granule:.3} s per granule, as given", self.start),
            None => format!(
                "{:.1} s + {per_granule:.3} s per granule: {:.1} MB at {:.0} MB/s, {:.0} ms of waiting, {:.0} ms of one processor",
                self.start,
                self.bytes / 1e6,
                self.bytes_per_second / 1e6,
                self.wait * 1e3,
                self.compute * 1e3
            ),
        }
    }
}

/// The function whose time is paid.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Sized {
    /// Its memory, in MB.
    pub memory_mb: u64,
    /// Its processor.
    pub architecture: Architecture,
    /// Its time limit, in seconds.
    pub timeout: u64,
}

impl Sized {
    fn gb_seconds(&self, seconds: f64) -> f64 {
        seconds * self.memory_mb as f64 / 1_024.0
    }

    fn dollars(&self, gb_seconds: f64, requests: f64) -> f64 {
        gb_seconds * self.architecture.dollars_per_gb_second() + requests * DOLLARS_PER_REQUEST
    }
}

/// What a run is expected to cost.
#[derive(Debug, Clone, PartialEq)]
pub struct Estimate {
    /// Shards.
    pub shards: u64,
    /// Granules, counted in every shard that lists them.
    pub granules: u64,
    /// Seconds of functions, of all shards together.
    pub seconds: f64,
    /// Seconds of the largest shard.
    pub longest: f64,
    /// GB-seconds.
    pub gb_seconds: f64,
    /// Dollars, requests among them.
    pub dollars: f64,
    /// Dollars if every shard ran once into the time limit: no single pass costs more.
    pub most_dollars: f64,
    /// The model, for people.
    pub model: String,
    function: Sized,
}

impl Estimate {
    /// The estimate for shards with so many granules each.
    pub fn of(granules: &[usize], function: Sized, model: &Model) -> Self {
        let per_granule = model.per_granule(function.memory_mb);
        let seconds = |granules: usize| model.start + granules as f64 * per_granule;
        let total: f64 = granules.iter().map(|&granules| seconds(granules)).sum();
        let shards = granules.len() as f64;
        let gb_seconds = function.gb_seconds(total);
        Self {
            shards: granules.len() as u64,
            granules: granules.iter().map(|&granules| granules as u64).sum(),
            seconds: total,
            longest: granules.iter().copied().max().map_or(0.0, seconds),
            gb_seconds,
            dollars: function.dollars(gb_seconds, shards),
            most_dollars: function.dollars(function.gb_seconds(shards * function.timeout as f64), shards),
            model: model.said(function.memory_mb),
            function,
        }
    }

    /// For programs.
    pub fn json(&self) -> Value {
        json!({
            "shards": self.shards,
            "granules": self.granules,
            "seconds": self.seconds,
            "longest_seconds": self.longest,
            "gb_seconds": self.gb_seconds,
            "dollars": self.dollars,
            "most_dollars": self.most_dollars,
            "memory_mb": self.function.memory_mb,
            "architecture": self.function.architecture,
            "dollars_per_gb_second": self.function.architecture.dollars_per_gb_second(),
            "model": self.model,
        })
    }
}

/// What a run has cost.
#[derive(Debug, Clone, PartialEq)]
pub struct Bill {
    /// Seconds billed, as far as they are known.
    pub seconds: f64,
    /// GB-seconds of them.
    pub gb_seconds: f64,
    /// Dollars of them and of all requests.
    pub dollars: f64,
    /// Dollars more at most, of invocations of which nothing was heard.
    pub unheard_dollars: f64,
}

impl Bill {
    /// The bill of a run.
    pub fn of(tally: &Tally, function: Sized) -> Self {
        let seconds = tally.billed_ms / 1e3;
        let gb_seconds = function.gb_seconds(seconds);
        Self {
            seconds,
            gb_seconds,
            dollars: function.dollars(gb_seconds, tally.requests as f64),
            unheard_dollars: function.dollars(function.gb_seconds(tally.unheard_ms / 1e3), 0.0),
        }
    }

    /// For programs, with the counts that it was made from.
    pub fn json(&self, tally: &Tally, function: Sized) -> Value {
        json!({
            "billed_seconds": self.seconds,
            "gb_seconds": self.gb_seconds,
            "dollars": self.dollars,
            "unheard_dollars_at_most": self.unheard_dollars,
            "memory_mb": function.memory_mb,
            "architecture": function.architecture,
            "dollars_per_gb_second": function.architecture.dollars_per_gb_second(),
            "invocations": tally.invocations,
            "billed_by_report": tally.reported,
            "billed_by_measurement": tally.measured,
            "unheard": tally.unheard,
            "cold_starts": tally.cold,
            "calls": tally.calls,
            "requests": tally.requests,
            "event_bytes": tally.event_bytes,
            "backups": tally.backups,
            "faults": tally.faults,
            "repeated": tally.repeated,
            "median_seconds": tally.median_seconds(),
            "most_seconds": tally.most_seconds(),
            "max_memory_mb": tally.max_memory_mb,
            "most_waited": tally.most_waited,
            "most_queued": tally.most_queued,
            "slowest": tally.slowest,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const FUNCTION: Sized = Sized { memory_mb: 2_048, architecture: Architecture::Arm64, timeout: 900 };

    #[test]
    fn the_price_is_that_of_the_documents() {
        // 2 GB × 60 s × 1,872 shards come to three dollars.
        let tally = Tally { billed_ms: 60e3 * 1_872.0, requests: 1_872, ..Tally::default() };
        let bill = Bill::of(&tally, FUNCTION);
        assert_eq!(bill.gb_seconds, 224_640.0);
        assert!((bill.dollars - 2.995_6).abs() < 1e-3, "{}", bill.dollars);
        let other = Bill::of(&tally, Sized { architecture: Architecture::X86_64, ..FUNCTION });
        assert!((other.dollars / bill.dollars - 1.25).abs() < 1e-3);
    }

    #[test]
    fn an_estimate_adds_up_its_shards() {
        let model = Model { seconds_per_granule: Some(2.0), start: 1.0, ..Model::default() };
        let estimate = Estimate::of(&[1, 2, 10], FUNCTION, &model);
        assert_eq!(
            (estimate.shards, estimate.granules, estimate.seconds, estimate.longest),
            (3, 13, 29.0, 21.0)
        );
        assert_eq!(estimate.gb_seconds, 58.0);
        assert!(estimate.most_dollars > estimate.dollars);
        let json = estimate.json();
        assert_eq!((json["architecture"].as_str(), json["memory_mb"].as_u64()), (Some("arm64"), Some(2_048)));
        let none = Estimate::of(&[], FUNCTION, &Model::default());
        assert_eq!((none.dollars, none.longest), (0.0, 0.0));
    }

    #[test]
    fn less_memory_is_less_processor() {
        let model = Model::default();
        assert!(model.per_granule(256) > model.per_granule(1_769));
        assert!((model.per_granule(1_769) - (10.7 / 75.0 + 0.031_25 + 0.046)).abs() < 1e-9);
        assert_eq!(model.per_granule(20_000), model.per_granule(100_000));
    }
}
