//! Whoever looks before acting arrives at the same end, whichever calls fail and however.

use std::collections::BTreeMap;
use std::sync::Arc;

use meshwright::change::Forge;
use meshwright::change::forge::{Ends, ForgeError, Pull, PullState, Verdict};
use meshwright::repo::CommitId;
use proptest::prelude::*;

use crate::faulty::{Fault, Faulty};
use crate::promises::{alice, review, text};
use crate::stage::{Plain, Stage};

/// What shall become of a branch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum End {
    Open,
    Closed,
    Merged,
}

/// A branch, the commits it shall have one after the other, and its end.
struct Plan {
    branch: String,
    heads: Vec<CommitId>,
    end: End,
}

/// What is there in the end.
type Outcome = (Vec<Pull>, BTreeMap<String, CommitId>);

fn plans(stage: &Plain, main: CommitId, ends: &[End]) -> Vec<Plan> {
    let plan = |(n, end): (usize, &End)| {
        let first = stage.commit(Some(main), &format!("f{n}"), "1");
        let heads = vec![first, stage.commit(Some(first), &format!("f{n}"), "2")];
        Plan { branch: format!("meshwright/{n}"), heads, end: *end }
    };
    ends.iter().enumerate().map(plan).collect()
}

/// One step towards the end of a plan, decided by what there is; whether there is nothing left to do.
async fn step(forge: &dyn Forge, plan: &Plan, stage: usize) -> Result<bool, ForgeError> {
    let (branch, last) = (plan.branch.as_str(), plan.heads[stage]);
    let now = forge.branch(branch).await?;
    let pull = forge.find_pull(branch).await?;
    let said = text(&format!("{branch} {stage}"));
    let Some(pull) = pull else {
        if now != Some(last) {
            forge.push(branch, now, last).await?;
        }
        forge.open_pull(branch, &said).await?;
        return Ok(false);
    };
    if pull.state != PullState::Open {
        // Who is done tidies up.
        return match now {
            Some(head) => forge.remove(branch, head).await.map(|()| false),
            None => Ok(true),
        };
    }
    if now != Some(last) {
        forge.push(branch, now, last).await?;
    } else if (&pull.title, &pull.body) != (&said.title, &said.body) {
        forge.edit_pull(pull.number, &said).await?;
    } else if pull.reviews.iter().all(|review| review.head != last) {
        forge.review(pull.number, &review(last, Verdict::Approve, "fine")).await?;
    } else if stage + 1 < plan.heads.len() {
        return Ok(true);
    } else {
        match plan.end {
            End::Open => return Ok(true),
            End::Closed => forge.close_pull(pull.number, Some(&alice()), "no").await?,
            End::Merged => {
                let main = forge.refresh_all().await?;
                forge.merge(pull.number, Ends { main, head: last }, "Merge\n").await?;
            }
        }
    }
    Ok(false)
}

async fn drive(forge: &dyn Forge, plans: &[Plan]) {
    for stage in 0..2 {
        for plan in plans {
            let mut patience = 200;
            loop {
                match step(forge, plan, stage).await {
                    Ok(true) => break,
                    Ok(false) | Err(ForgeError::Unavailable(_)) => {}
                    Err(error) => panic!("{}: {error}", plan.branch),
                }
                patience -= 1;
                assert!(patience > 0, "{} does not come to an end", plan.branch);
            }
        }
    }
}

/// Carries the plans out behind a line with these faults, on a forge of its own.
async fn carry_out(ends: &[End], faults: &[Fault], restart: bool) -> Outcome {
    let stage = Plain::alone();
    let main = stage.human_commit("main", "README", "hello");
    let plans = plans(&stage, main, ends);
    let faulty = Faulty::new(stage.forge(), faults.iter().copied());
    drive(&faulty, &plans).await;
    let forge = if restart { stage.restarted() } else { stage.forge() };
    let mut pulls = vec![];
    for plan in &plans {
        pulls.extend(forge.find_pull(&plan.branch).await.unwrap());
        let end = forge.branch("main").await.unwrap().unwrap();
        let merges = stage.mirror().log(end, Some(main), 100, true).unwrap();
        let merges = merges.iter().filter(|commit| commit.parents.contains(plan.heads.last().unwrap())).count();
        assert_eq!(merges, usize::from(plan.end == End::Merged), "{:#?}", faulty.calls());
    }
    pulls.sort_by_key(|pull| pull.number);
    let numbers: Vec<_> = pulls.iter().map(|pull| pull.number).collect();
    // Each branch has one, and none was opened in between.
    assert_eq!(numbers, (1..=ends.len() as u64).collect::<Vec<_>>(), "{:#?}", faulty.calls());
    let branches = stage.mirror().branches("").unwrap().into_iter().collect();
    (pulls, branches)
}

fn fault() -> impl Strategy<Value = Fault> {
    prop_oneof![2 => Just(Fault::None), 1 => Just(Fault::Before), 2 => Just(Fault::After)]
}

fn run<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_multi_thread().worker_threads(1).build().unwrap().block_on(future)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn with_faults_or_without_the_end_is_the_same(
        ends in prop::collection::vec(prop_oneof![Just(End::Open), Just(End::Closed), Just(End::Merged)], 1..4),
        faults in prop::collection::vec(fault(), 0..60),
        restart: bool,
    ) {
        let (with, without) = run(async {
            (carry_out(&ends, &faults, restart).await, carry_out(&ends, &[], false).await)
        });
        prop_assert_eq!(with, without);
    }
}

/// Every single fault at every single call, on a forge that is asked by nobody else.
#[test]
fn one_fault_anywhere_changes_nothing() {
    run(async {
        let ends = [End::Merged, End::Closed, End::Open];
        let expected = carry_out(&ends, &[], false).await;
        for fault in [Fault::Before, Fault::After] {
            for call in 0..70 {
                let mut faults = vec![Fault::None; call];
                faults.push(fault);
                assert_eq!(carry_out(&ends, &faults, true).await, expected, "{fault:?} at call {call}");
            }
        }
    });
}

/// Two workers that do not know of each other, as during a failover.
#[test]
fn two_workers_at_once_arrive_at_one_end() {
    run(async {
        for seed in 0..10_usize {
            let ends = [End::Merged, End::Merged, End::Closed];
            let stage = Plain::alone();
            let main = stage.human_commit("main", "README", "hello");
            let plans = Arc::new(plans(&stage, main, &ends));
            let workers = [stage.forge(), stage.restarted()].map(|forge| {
                let plans = Arc::clone(&plans);
                let faults = (0..40).map(move |call| match (call * 7 + seed) % 5 {
                    0 => Fault::After,
                    1 => Fault::Before,
                    _ => Fault::None,
                });
                tokio::spawn(async move { race(&Faulty::new(forge, faults), &plans).await })
            });
            for worker in workers {
                worker.await.unwrap();
            }
            let pulls = stage.restarted().open_pulls().await.unwrap();
            // Who looked before the other was done may open what is done once more; what is merged stays merged once.
            for plan in plans.iter() {
                let open = pulls.iter().filter(|pull| pull.branch == plan.branch && pull.state == PullState::Open);
                assert_eq!(open.count(), 0, "{pulls:#?}");
            }
            let end = stage.forge().branch("main").await.unwrap().unwrap();
            assert_eq!(stage.mirror().log(end, Some(main), 100, true).unwrap().len(), 2);
        }
    });
}

/// Like `drive`, but a lost race is no surprise: it looks again.
async fn race(forge: &dyn Forge, plans: &[Plan]) {
    for plan in plans {
        let mut patience = 500;
        loop {
            if matches!(step(forge, plan, 1).await, Ok(true)) {
                break;
            }
            patience -= 1;
            assert!(patience > 0, "{} does not come to an end", plan.branch);
        }
    }
}
