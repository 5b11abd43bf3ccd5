use super::*;

fn event(number: u64, subject: &str) -> Arc<Announcement> {
    let (at, document) = (Timestamp(0), "{}".into());
    Arc::new(Announcement { number, at, subject: subject.to_owned(), document })
}

fn queue(events: &[(u64, &str)]) -> Queue {
    let mut queue = Queue::default();
    take_in(&mut queue, 0, events.iter().map(|(number, subject)| event(*number, subject)).collect());
    queue
}

fn take_in(queue: &mut Queue, floor: u64, events: Vec<Arc<Announcement>>) {
    let last = events.last().map_or(queue.last(), |event| event.number);
    queue.take_in(News { events, last, floor });
}

/// What is sent next at a moment.
fn sent(queue: &mut Queue, now: i64) -> Option<Arc<Announcement>> {
    match queue.next(Timestamp(now)) {
        Next::Send(event) => Some(event),
        Next::Wait(_) => None,
    }
}

fn wait(queue: &mut Queue, now: i64) -> Option<i64> {
    match queue.next(Timestamp(now)) {
        Next::Send(event) => panic!("{event:?} is sent"),
        Next::Wait(wait) => wait,
    }
}

fn note(queue: &mut Queue, event: &Announcement, attempt: Attempt, now: i64) {
    queue.note(event, attempt, 0, Timestamp(now));
}

#[test]
fn of_each_change_one_event_is_on_its_way_and_the_next_only_when_it_was_taken() {
    let mut queue = queue(&[(1, "a"), (2, "a"), (3, "b"), (4, "a")]);
    let first = sent(&mut queue, 0).unwrap();
    let other = sent(&mut queue, 0).unwrap();
    assert_eq!((first.number, other.number), (1, 3));
    assert_eq!(wait(&mut queue, 0), None, "all else is behind what is on its way");
    note(&mut queue, &other, Attempt::Taken, 0);
    note(&mut queue, &first, Attempt::Failed, 0);
    assert_eq!(wait(&mut queue, 999), Some(1));
    for number in [1, 2, 4] {
        let next = sent(&mut queue, 1000).unwrap();
        assert_eq!(next.number, number);
        note(&mut queue, &next, Attempt::Taken, 1000);
    }
    assert_eq!(wait(&mut queue, 1000), None);
    assert!(queue.subjects.is_empty() && queue.fresh.is_empty() && queue.failed.is_empty(), "nothing is left behind");
}

#[test]
fn pauses_grow_and_those_after_a_refusal_are_longer() {
    for (attempt, expected) in [
        (Attempt::Failed, vec![1, 2, 4, 8, 16, 32, 64, 128, 256, 300, 300]),
        (Attempt::Refused, vec![30, 60, 120, 240, 480, 960, 1920, 3600, 3600]),
    ] {
        let mut queue = queue(&[(1, "a")]);
        let (mut now, mut pauses) = (0, vec![]);
        for _ in &expected {
            let event = sent(&mut queue, now).unwrap();
            note(&mut queue, &event, attempt, now);
            let pause = wait(&mut queue, now).unwrap();
            pauses.push(pause);
            now += pause;
        }
        // Each is shorter by up to a quarter, so that not all come at once.
        let fits = pauses.iter().zip(&expected).all(|(pause, most)| (most * 750..=most * 1000).contains(pause));
        assert!(fits, "{attempt:?}: {pauses:?}");
    }
}

#[test]
fn what_a_sink_refuses_holds_up_nothing_else() {
    let mut queue = queue(&[(1, "a")]);
    let mut now = 0;
    for number in 2..50 {
        if let Some(event) = sent(&mut queue, now) {
            assert_eq!(event.subject, "a");
            note(&mut queue, &event, Attempt::Refused, now);
        }
        now += 3_600_000;
        take_in(&mut queue, 0, vec![event(number, "b")]);
        let other = sent(&mut queue, now).unwrap();
        assert_eq!((other.number, other.subject.as_str()), (number, "b"), "what never failed comes first");
        note(&mut queue, &other, Attempt::Taken, now);
    }
    // Even while it fails again and again, what is new waits for a second at most.
    for _ in 0..9 {
        now += 3_600_000;
        let event = sent(&mut queue, now).unwrap();
        note(&mut queue, &event, Attempt::Refused, now);
    }
    take_in(&mut queue, 0, vec![event(50, "b")]);
    assert_eq!(wait(&mut queue, now), Some(1000));
    assert_eq!(sent(&mut queue, now + 1000).unwrap().number, 50);
}

#[test]
fn a_sink_that_is_away_is_asked_less_and_less() {
    let subjects: Vec<String> = (1..=500).map(|n| format!("s{n}")).collect();
    let events: Vec<_> = (1..).zip(subjects.iter().map(String::as_str)).collect();
    let mut queue = queue(&events);
    let (mut now, mut times) = (0, vec![]);
    while now < 7_200_000 {
        match queue.next(Timestamp(now)) {
            Next::Send(event) => {
                times.push(now);
                note(&mut queue, &event, Attempt::Failed, now);
            }
            Next::Wait(wait) => now += wait.unwrap().max(1),
        }
    }
    let late = times.iter().filter(|at| **at >= 3_600_000).count();
    assert!((60..=90).contains(&late), "about once a minute in the second hour: {late}");
    // It is back: all is delivered without further pauses than those that were begun.
    let mut taken = 0;
    while let Next::Send(event) = queue.next(Timestamp(now + 600_000)) {
        note(&mut queue, &event, Attempt::Taken, now + 600_000);
        taken += 1;
    }
    assert_eq!(taken, 500);
}

#[test]
fn a_sink_that_wishes_not_to_be_asked_is_not() {
    let mut queue = queue(&[(1, "a"), (2, "b")]);
    let event = sent(&mut queue, 0).unwrap();
    queue.note(&event, Attempt::Failed, 120_000, Timestamp(0));
    assert_eq!(wait(&mut queue, 1), Some(119_999), "neither for this nor for others");
    assert_eq!(sent(&mut queue, 120_000).unwrap().number, 2);
}

#[test]
fn a_wish_is_kept_to_whatever_else_fails_meanwhile() {
    let mut queue = queue(&[(1, "a"), (2, "b"), (3, "c"), (4, "d")]);
    let [a, b, c, d] = [(); 4].map(|()| sent(&mut queue, 1000).unwrap());
    queue.note(&a, Attempt::Failed, 300_000, Timestamp(1000));
    queue.note(&b, Attempt::Failed, 0, Timestamp(2000));
    queue.note(&c, Attempt::Failed, 10_000, Timestamp(3000));
    assert_eq!(wait(&mut queue, 3000), Some(298_000), "what ends sooner cuts nothing short");
    queue.note(&d, Attempt::Failed, 299_000, Timestamp(4000));
    assert_eq!(wait(&mut queue, 4000), Some(299_000), "what ends later holds");
    assert!(sent(&mut queue, 303_000).is_some());
}

#[test]
fn a_wish_is_no_longer_than_it_was_by_a_clock_that_was_set_back() {
    let mut queue = queue(&[(1, "a"), (2, "b")]);
    let [a, b] = [(); 2].map(|()| sent(&mut queue, 1_000_000_000).unwrap());
    queue.note(&a, Attempt::Failed, 120_000, Timestamp(1_000_000_000));
    queue.note(&b, Attempt::Failed, 0, Timestamp(5));
    assert_eq!(wait(&mut queue, 5), Some(120_000));
}

#[test]
fn a_clock_that_was_set_back_has_nobody_wait() {
    let mut queue = queue(&[(1, "a")]);
    let event = sent(&mut queue, 1_000_000_000).unwrap();
    note(&mut queue, &event, Attempt::Refused, 1_000_000_000);
    assert!(sent(&mut queue, 5).is_some());
}

#[test]
fn what_was_dropped_is_not_sent_any_more() {
    let mut queue = queue(&[(1, "a"), (2, "a"), (3, "b"), (4, "c"), (5, "a")]);
    let (a, b) = (sent(&mut queue, 0).unwrap(), sent(&mut queue, 0).unwrap());
    note(&mut queue, &b, Attempt::Failed, 0);
    take_in(&mut queue, 5, vec![]);
    assert_eq!(wait(&mut queue, 60_000), None, "only what is on its way is left");
    note(&mut queue, &a, Attempt::Failed, 60_000);
    let next = sent(&mut queue, 61_000).unwrap();
    assert_eq!(next.number, 5);
    note(&mut queue, &next, Attempt::Taken, 61_000);
    assert!(queue.subjects.is_empty() && queue.fresh.is_empty() && queue.failed.is_empty());
}

#[test]
fn another_address_is_tried_at_once() {
    let mut queue = queue(&[(1, "a"), (2, "b")]);
    for event in [1, 2].map(|_| sent(&mut queue, 0).unwrap()) {
        queue.note(&event, Attempt::Refused, 300_000, Timestamp(0));
    }
    assert!(sent(&mut queue, 1000).is_none());
    queue.forgive();
    assert_eq!([1, 2].map(|_| sent(&mut queue, 1000).unwrap().number), [1, 2]);
}

#[test]
fn a_hundred_thousand_events_are_sorted_out_in_a_moment() {
    let subjects: Vec<String> = (0..50_000).map(|n| format!("s{n}")).collect();
    let events: Vec<_> = (0..100_000).map(|n| (n as u64 + 1, subjects[n % 50_000].as_str())).collect();
    let mut queue = queue(&events);
    let mut seen = HashMap::new();
    for turn in 0..200_000_i64 {
        let now = turn * 60_000;
        let Next::Send(event) = queue.next(Timestamp(now)) else { panic!("{turn}") };
        let failed = event.number % 3 == 0 && seen.insert(event.number, ()).is_none();
        note(&mut queue, &event, if failed { Attempt::Failed } else { Attempt::Taken }, now);
        if queue.subjects.is_empty() {
            assert_eq!(turn + 1, 100_000 + 33_333);
            return;
        }
    }
    panic!("not all were sent");
}
