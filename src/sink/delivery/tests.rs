use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};

use super::super::double::{Double, status};
use super::*;
use crate::change::journal::{Contents, Entry, JournalError};
use crate::change::{Change, ChangeId, Journal, Ledger, Outbox, State, Timestamp};

/// A journal of which only the last entries matter, and which can be told to fail.
#[derive(Clone, Default)]
struct Paper {
    broken: Arc<AtomicBool>,
    taken: Arc<Mutex<Vec<(String, u64)>>>,
}

impl Journal for Paper {
    fn load(&mut self) -> Result<Contents, JournalError> {
        Ok(Contents::default())
    }

    fn append(&mut self, entries: &[Entry]) -> Result<(), JournalError> {
        if self.broken.load(Ordering::Relaxed) {
            return Err(JournalError { what: "written", cause: "full".into() });
        }
        let taken = entries.iter().filter_map(|entry| match entry {
            Entry::Taken(sink, number) => Some((sink.clone(), *number)),
            _ => None,
        });
        self.taken.lock().unwrap().extend(taken);
        Ok(())
    }

    fn probe(&mut self) -> Result<(), JournalError> {
        self.append(&[])
    }
}

/// A clock that goes a hundred times as fast, so that pauses are short.
struct Fast(std::time::Instant, AtomicI64);

impl Clock for Fast {
    fn now(&self) -> Timestamp {
        Timestamp(self.1.load(Ordering::Relaxed) + i64::try_from(self.0.elapsed().as_millis()).unwrap() * 100)
    }
}

struct House {
    intake: Intake,
    sinks: Sinks,
    paper: Paper,
}

fn sink(name: &str, double: &Double) -> Sink {
    Sink::new(name.into(), &double.url, None).unwrap()
}

impl House {
    async fn over(sinks: Vec<Sink>) -> Self {
        let paper = Paper::default();
        let clock: Arc<dyn Clock> = Arc::new(Fast(std::time::Instant::now(), AtomicI64::new(1)));
        let outbox = Outbox::restore(vec![], 0, "urn:test".into());
        let journal = Box::new(paper.clone());
        let intake = Intake::start(Ledger::default(), (vec![], vec![]), outbox, journal, clock.clone()).unwrap();
        let house = Self { sinks: Sinks::by(agent(Duration::from_secs(3)), intake.clone(), clock), intake, paper };
        house.sinks.reconfigure(sinks).await.unwrap();
        house
    }

    /// Has a change come into a state.
    async fn change(&self, number: u64, state: State) {
        let id = ChangeId::parse(&format!("{number:012x}")).unwrap();
        let change = Change { state, ..Change::new(id, BTreeSet::new(), Timestamp(1)) };
        self.intake.record(move |ledger| vec![ledger.update(change)]).await.unwrap();
    }

    async fn until(&self, holds: impl Fn(&Self) -> bool) {
        for _ in 0..3000 {
            if holds(self) {
                return;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        panic!("{:?}", self.intake.outbox().tallies());
    }

    fn waiting(&self, sink: &str) -> usize {
        self.intake.outbox().tallies().sinks[sink].waiting
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sink_that_hangs_holds_up_no_other_and_nobody_who_writes() {
    let (hangs, takes) = (Double::new(|_| None), Double::new(|_| status(200)));
    let house = House::over(vec![sink("hangs", &hangs), sink("takes", &takes)]).await;
    let begin = std::time::Instant::now();
    for number in 0..50 {
        house.change(number, State::Proposed).await;
    }
    let mut numbers = takes.numbers(50);
    assert!(begin.elapsed() < Duration::from_secs(10), "{:?}", begin.elapsed());
    numbers.sort_unstable();
    assert_eq!(numbers, (1..=50).collect::<Vec<_>>());
    house.until(|house| house.waiting("takes") == 0).await;
    assert_eq!(house.waiting("hangs"), 50);
}

#[tokio::test(flavor = "multi_thread")]
async fn events_of_a_change_come_in_their_order_and_others_go_on() {
    let refuses = Arc::new(AtomicBool::new(true));
    let refusing = refuses.clone();
    let double = Double::new(move |seen| {
        status(if seen.event().1 == "000000000001" && refusing.load(Ordering::Relaxed) { 500 } else { 200 })
    });
    let house = House::over(vec![sink("bus", &double)]).await;
    for state in [State::Journaled, State::Planned, State::Proposed, State::Approved] {
        for number in 1..4 {
            house.change(number, state).await;
        }
    }
    house.until(|house| house.waiting("bus") == 4).await;
    tokio::time::sleep(Duration::from_millis(200)).await;
    refuses.store(false, Ordering::Relaxed);
    house.until(|house| house.waiting("bus") == 0).await;
    let seen: Vec<_> = double.seen.try_iter().map(|seen| (seen.event(), seen.body)).collect();
    let of = |change: &str| -> Vec<u64> {
        seen.iter().filter(|((_, subject), _)| subject == change).map(|((number, _), _)| *number).collect()
    };
    assert_eq!((of("000000000002"), of("000000000003")), (vec![2, 5, 8, 11], vec![3, 6, 9, 12]));
    let mut first = of("000000000001");
    assert!(first.len() > 4 && first.is_sorted(), "{first:?}");
    first.dedup();
    assert_eq!(first, [1, 4, 7, 10], "each again and again until it was taken, and none before the one before");
    let retried: BTreeSet<_> = seen.iter().filter(|((number, _), _)| *number == 1).map(|(_, body)| body).collect();
    assert_eq!(retried.len(), 1, "an event is the same to the byte however often it is sent");
    let taken = house.paper.taken.lock().unwrap().clone();
    assert_eq!(taken.len(), 12, "{taken:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn while_it_cannot_be_remembered_that_an_event_was_taken_the_next_one_waits() {
    let double = Double::new(|_| status(200));
    let house = House::over(vec![sink("bus", &double)]).await;
    house.change(1, State::Proposed).await;
    house.until(|house| house.waiting("bus") == 0).await;
    let broken = house.paper.broken.clone();
    let hold = Double::new(move |_| {
        broken.store(true, Ordering::Relaxed);
        status(200)
    });
    house.sinks.reconfigure(vec![sink("bus", &hold)]).await.unwrap();
    house.change(1, State::Approved).await;
    assert_eq!(hold.numbers(1), [2]);
    tokio::time::sleep(Duration::from_millis(300)).await;
    assert_eq!(house.waiting("bus"), 1);
    assert!(hold.seen.try_recv().is_err(), "it is not sent again either");
    house.paper.broken.store(false, Ordering::Relaxed);
    house.until(|house| house.waiting("bus") == 0).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn sinks_are_exchanged_while_it_runs() {
    let (down, up, new) = (Double::new(|_| status(503)), Double::new(|_| status(200)), Double::new(|_| status(200)));
    let house = House::over(vec![sink("bus", &down), sink("gone", &down)]).await;
    house.change(1, State::Proposed).await;
    house.until(|house| house.intake.outbox().tallies().sinks["bus"].attempts.contains_key(&Attempt::Failed)).await;
    house.sinks.reconfigure(vec![sink("bus", &up), sink("new", &new)]).await.unwrap();
    assert_eq!(up.numbers(1), [1], "what waits goes to where the sink is by now");
    house.change(1, State::Approved).await;
    assert_eq!((up.numbers(1), new.numbers(1)), (vec![2], vec![2]), "a new sink hears what is new");
    house.until(|house| house.waiting("bus") + house.waiting("new") == 0).await;
    assert!(!house.intake.outbox().tallies().sinks.contains_key("gone"));
    house.sinks.reconfigure(vec![]).await.unwrap();
    house.change(1, State::Merged).await;
    tokio::time::sleep(Duration::from_millis(100)).await;
    assert!(up.seen.try_recv().is_err() && new.seen.try_recv().is_err());
}
