//! Who takes which tasks.

use std::collections::BTreeMap;

use proptest::prelude::*;

use super::*;

fn found(
    index: Option<u64>,
    of: Option<u64>,
    variables: &[(&str, &str)],
) -> Result<Option<ArrayPlace>, String> {
    let variables: BTreeMap<&str, &str> = variables.iter().copied().collect();
    ArrayPlace::find(index, of, |name| variables.get(name).map(ToString::to_string))
        .map_err(|e| e.to_string())
}

fn at(index: u64, of: impl Into<Option<u64>>) -> Result<Option<ArrayPlace>, String> {
    Ok(Some(ArrayPlace { index, of: of.into() }))
}

#[test]
fn schedulers_are_understood_and_the_command_line_goes_first() {
    let slurm = |id, count, min, max| {
        [
            ("SLURM_ARRAY_TASK_ID", id),
            ("SLURM_ARRAY_TASK_COUNT", count),
            ("SLURM_ARRAY_TASK_MIN", min),
            ("SLURM_ARRAY_TASK_MAX", max),
        ]
    };
    assert_eq!(found(None, None, &[]), Ok(None));
    assert_eq!(found(Some(3), None, &slurm("5", "8", "0", "7")), at(3, None));
    assert_eq!(found(None, None, &slurm("5", "8", "0", "7")), at(5, 8));
    assert_eq!(found(None, None, &slurm("8", "8", "1", "8")), at(7, 8));
    // Parts of an array that are submitted again.
    assert_eq!(found(None, None, &slurm("5", "1", "5", "5")), at(5, None));
    assert_eq!(found(None, None, &slurm("17", "2", "5", "17")), at(17, None));
    assert_eq!(found(None, Some(100), &slurm("17", "2", "5", "17")), at(17, 100));
    let mut spaced = slurm("20", "10", "0", "90").to_vec();
    spaced.push(("SLURM_ARRAY_TASK_STEP", "10"));
    assert_eq!(found(None, None, &spaced), at(2, 10));
    assert_eq!(found(None, None, &[("SLURM_ARRAY_TASK_ID", "4")]), at(4, None));
    let batch = [("AWS_BATCH_JOB_ARRAY_INDEX", "4"), ("AWS_BATCH_JOB_ARRAY_SIZE", "9")];
    assert_eq!(found(None, None, &batch), at(4, 9));
    assert_eq!(found(None, Some(5), &batch), at(4, 5));
    assert_eq!(found(None, None, &[("JOB_COMPLETION_INDEX", "4")]), at(4, None));
    assert_eq!(found(None, Some(6), &[("JOB_COMPLETION_INDEX", "4")]), at(4, 6));
    assert!(found(None, Some(4), &[("JOB_COMPLETION_INDEX", "4")]).unwrap_err().contains("from 0 to 3"));
    assert!(found(Some(0), Some(0), &[]).is_err());
    for text in ["-1", "x", "99999999999999999999"] {
        let error = found(None, None, &[("SLURM_ARRAY_TASK_ID", text)]).unwrap_err();
        assert!(error.contains("SLURM_ARRAY_TASK_ID"), "{error}");
    }
}

#[test]
fn a_task_that_is_not_there_is_refused_only_when_it_is_asked_for_by_its_index() {
    assert_eq!(ArrayPlace { index: 7, of: Some(9) }.share(5).unwrap().count(), 0);
    assert!(ArrayPlace { index: 5, of: None }.share(5).unwrap_err().to_string().contains("5 tasks"));
    assert!(ArrayPlace { index: 4, of: None }.share(5).unwrap().eq([4]));
}

proptest! {
    #[test]
    fn workers_of_an_array_share_all_tasks(tasks in 1u64..400, count in 2u64..50, min in 0u64..2000, step in 1u64..20) {
        let mut taken = Vec::new();
        for worker in 0..count {
            let text = |n: u64| Some(n.to_string());
            let variable = |name: &str| match name {
                "SLURM_ARRAY_TASK_ID" => text(min + worker * step),
                "SLURM_ARRAY_TASK_COUNT" => text(count),
                "SLURM_ARRAY_TASK_MIN" => text(min),
                "SLURM_ARRAY_TASK_MAX" => text(min + (count - 1) * step),
                "SLURM_ARRAY_TASK_STEP" => text(step),
                _ => None,
            };
            let place = ArrayPlace::find(None, None, variable).unwrap().unwrap();
            taken.extend(place.share(tasks).unwrap());
        }
        taken.sort_unstable();
        prop_assert!(taken.into_iter().eq(0..tasks));
    }

    #[test]
    fn nothing_that_an_environment_says_makes_a_panic_or_a_task_that_is_not_there(
        numbers in prop::array::uniform5(prop::option::of(any::<u64>())),
        of in prop::option::of(any::<u64>()),
        tasks in 1u64..1000,
    ) {
        let names = ["ID", "COUNT", "MIN", "MAX", "STEP"];
        let variable = |name: &str| {
            let name = name.strip_prefix("SLURM_ARRAY_TASK_")?;
            numbers[names.iter().position(|n| *n == name)?].map(|n| n.to_string())
        };
        if let Ok(Some(place)) = ArrayPlace::find(None, of, variable)
            && let Ok(share) = place.share(tasks)
        {
            prop_assert!(share.take(2000).all(|index| index < tasks));
        }
    }
}
