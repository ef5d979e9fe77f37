use super::*;

/// What a Lambda says.
#[derive(Clone)]
struct Lambda {
    sized: Answered<Sized>,
    reserved: Answered<Option<u64>>,
    retries: Answered<u64>,
    account: Answered<AccountInfo>,
}

impl Lambda {
    fn new(reserved: Option<u64>, account: Answered<AccountInfo>) -> Self {
        let (sized, reserved) = (Answered::Told(ASSUMED), Answered::Told(reserved));
        Self { sized, reserved, retries: Answered::Told(0), account }
    }

    fn look(&self, names: &[&str]) -> Result<Preflight> {
        let names: Vec<Arc<str>> = names.iter().map(|name| Arc::from(*name)).collect();
        look(self, &names, 1_700, ASSUMED)
    }
}

impl Control for Lambda {
    fn function(&self, name: &str) -> Result<Answered<Sized>> {
        Ok(match &self.sized {
            Answered::Told(sized) if name == "other" => Answered::Told(Sized { memory_mb: 128, ..*sized }),
            answered => answered.clone(),
        })
    }

    fn reserved(&self, _: &str) -> Result<Answered<Option<u64>>> {
        Ok(self.reserved.clone())
    }

    fn event_retries(&self, _: &str) -> Result<Answered<u64>> {
        Ok(self.retries.clone())
    }

    fn account(&self) -> Result<Answered<AccountInfo>> {
        Ok(self.account.clone())
    }
}

fn account(limit: u64, unreserved: u64) -> Answered<AccountInfo> {
    Answered::Told(AccountInfo { limit, unreserved })
}

#[test]
fn concurrency_that_is_left_bounds_the_workers() {
    let workers = |reserved, account, names: &[&str]| {
        Lambda::new(reserved, account).look(names).map(|found| (found.workers, found.concurrency))
    };
    assert_eq!(workers(None, Answered::Silent, &["f"]).unwrap(), (1_700, None));
    assert_eq!(workers(None, account(1_000, 1_000), &["f"]).unwrap(), (900, Some(900)));
    assert_eq!(workers(None, account(10_000, 9_000), &["f"]).unwrap(), (1_700, Some(8_500)));
    assert_eq!(workers(None, account(10, 10), &["f"]).unwrap(), (1, Some(1)));
    assert_eq!(workers(Some(300), account(1_000, 700), &["f"]).unwrap(), (300, Some(300)));
    assert_eq!(workers(Some(300), Answered::Silent, &["f", "g"]).unwrap(), (600, Some(600)));
    let error = workers(Some(0), Answered::Silent, &["f"]).unwrap_err();
    assert!(error.message().contains("switched off"));
    let error = workers(None, Answered::Silent, &["f", "other"]).unwrap_err();
    assert!(error.message().contains("alike"));
}

#[test]
fn an_emulator_says_nothing_and_that_is_said() {
    let silent = Lambda {
        sized: Answered::Silent,
        reserved: Answered::Silent,
        retries: Answered::Silent,
        account: Answered::Silent,
    };
    let found = silent.look(&["f"]).unwrap();
    assert_eq!((found.workers, found.sized, found.told, found.no_queue), (1_700, ASSUMED, false, None));
    assert!(found.warnings.len() == 1 && found.warnings[0].contains("says nothing"), "{:?}", found.warnings);
}

#[test]
fn a_denied_question_is_a_warning_and_the_ping_says_the_rest() {
    fn no<T>() -> Answered<T> {
        Answered::Denied("AccessDeniedException: you may not".into())
    }
    let found = Lambda { sized: no(), reserved: no(), retries: no(), account: no() }.look(&["f"]).unwrap();
    assert_eq!((found.workers, found.sized, found.told, &found.no_queue), (1_700, ASSUMED, false, &None));
    for (warning, right) in found.warnings.iter().zip([
        "GetFunctionConfiguration",
        "GetFunctionConcurrency",
        "GetFunctionEventInvokeConfig",
        "GetAccountSettings",
    ]) {
        assert!(
            warning.contains(&format!("allow lambda:{right}")) && warning.contains("you may not"),
            "{warning}"
        );
    }
    assert!(
        found.warnings.len() == 5 && found.warnings[4].contains("taken as 2048 MB"),
        "{:?}",
        found.warnings
    );

    let mut response = Response::new(0, Vec::new(), crate::event::WorkerInfo::default());
    response.worker.architecture = "x86_64".into();
    let pinged = Pinged::of(&response, br#"{"ping": {"memoryMib": 3008, "plugins": []}}"#);
    let sized = Sized { memory_mb: 3_008, architecture: Architecture::X86_64, ..ASSUMED };
    assert_eq!(pinged.correct(ASSUMED), sized);
    for odd in ["{}", "", r#"{"ping": {"memoryMib": -1}}"#, r#"{"ping": {"memoryMib": 0}}"#] {
        assert_eq!(Pinged::of(&response, odd.as_bytes()).memory_mb, None, "{odd}");
    }
}

#[test]
fn events_that_lambda_repeats_itself_are_not_queued() {
    let lambda = |retries| Lambda { retries, ..Lambda::new(None, Answered::Silent) };
    assert_eq!(lambda(Answered::Told(0)).look(&["f"]).unwrap().no_queue, None);
    let why = lambda(Answered::Told(2)).look(&["f"]).unwrap().no_queue.unwrap();
    assert!(why.contains("MaximumRetryAttempts is 2") && why.contains("--maximum-retry-attempts 0"), "{why}");
}
