use std::fs;
use std::sync::Barrier;
use std::thread;

use crate::repo::testing::{bench, edits, files, git};
use crate::repo::{Identity, Mirror, RepoError, Signer, TreeId};

#[test]
fn of_many_threads_with_the_same_expectation_exactly_one_moves_a_branch() {
    let bench = bench();
    let base = bench.commit(None, &files(&[("a", "0")]), "base");
    for (round, expected) in [None, Some(base)].into_iter().cycle().take(20).enumerate() {
        let name = format!("refs/heads/race-{round}");
        bench.mirror.set_reference(&name, None, expected, "start").unwrap();
        let rivals: Vec<_> =
            (0..4).map(|n| bench.commit(Some(base), &files(&[("a", &n.to_string())]), "rival")).collect();
        let start = Barrier::new(rivals.len());
        let results: Vec<_> = thread::scope(|scope| {
            let tries: Vec<_> = rivals
                .iter()
                .map(|rival| {
                    let (mirror, start, name) = (bench.mirror.clone(), &start, &name);
                    scope.spawn(move || {
                        start.wait();
                        mirror.set_reference(name, expected, Some(*rival), "race")
                    })
                })
                .collect();
            tries.into_iter().map(|rival| rival.join().unwrap()).collect()
        });
        let winners: Vec<_> = rivals.iter().zip(&results).filter(|(_, result)| result.is_ok()).collect();
        assert_eq!(winners.len(), 1, "{results:?}");
        assert_eq!(bench.mirror.reference(&name).unwrap(), Some(*winners[0].0));
        for lost in results.iter().filter_map(|result| result.as_ref().err()) {
            assert!(matches!(lost, RepoError::Moved { actual, .. } if *actual == Some(*winners[0].0)), "{lost:?}");
        }
    }
}

#[test]
fn a_branch_is_created_moved_and_deleted_only_from_the_expected_value() {
    let bench = bench();
    let one = bench.commit(None, &files(&[("a", "1")]), "one");
    let two = bench.commit(Some(one), &files(&[("a", "2")]), "two");
    let set = |expected, new| bench.mirror.set_reference("refs/heads/x", expected, new, "test");
    let moved = |result| assert!(matches!(result, Err(RepoError::Moved { .. })), "{result:?}");
    moved(set(Some(one), Some(two)));
    moved(set(Some(one), None));
    set(None, None).unwrap();
    set(None, Some(one)).unwrap();
    moved(set(None, Some(two)));
    moved(set(None, None));
    set(Some(one), Some(two)).unwrap();
    moved(set(Some(one), None));
    set(Some(two), None).unwrap();
    assert_eq!(bench.mirror.branch("x").unwrap(), None);
}

#[test]
fn a_packed_branch_is_compared_too() {
    let bench = bench();
    let one = bench.commit(None, &files(&[("a", "1")]), "one");
    let two = bench.commit(Some(one), &files(&[("a", "2")]), "two");
    bench.mirror.set_reference("refs/heads/x", None, Some(one), "test").unwrap();
    git(bench.mirror.path(), &["pack-refs", "--all"]);
    assert!(bench.mirror.set_reference("refs/heads/x", None, Some(two), "test").is_err());
    bench.mirror.set_reference("refs/heads/x", Some(one), Some(two), "test").unwrap();
    assert!(bench.mirror.set_reference("refs/heads/x/y", None, Some(two), "in the way").is_err());
    bench.mirror.set_reference("refs/heads/x", Some(two), None, "test").unwrap();
    assert_eq!(bench.mirror.branches("").unwrap(), []);
}

#[test]
fn a_lock_in_the_way_is_named_with_what_to_do() {
    let bench = bench();
    let first = bench.commit(None, &files(&[("a", "1")]), "one");
    let second = bench.commit(Some(first), &files(&[("a", "2")]), "two");
    bench.mirror.set_reference("refs/heads/main", None, Some(first), "test").unwrap();
    git(bench.mirror.path(), &["pack-refs", "--all"]);
    for (lock, new) in [("refs/heads/main.lock", Some(second)), ("packed-refs.lock", None)] {
        let path = bench.mirror.path().join(lock);
        fs::write(&path, "").unwrap();
        let error = bench.mirror.set_reference("refs/heads/main", Some(first), new, "test").expect_err(lock);
        let words = error.to_string();
        assert!(
            words.starts_with(&format!("refs/heads/main cannot be moved: {lock} of the config repository")),
            "{words}"
        );
        assert!(words.ends_with("remove that file if none runs"), "{words}");
        let made = fs::metadata(&path).unwrap().modified().unwrap().duration_since(std::time::UNIX_EPOCH).unwrap();
        let made = i64::try_from(made.as_secs()).unwrap();
        bench.mirror.no_lock_left_before(made).unwrap();
        let left = bench.mirror.no_lock_left_before(made + 1).unwrap_err().to_string();
        assert!(left.starts_with(&format!("references cannot be moved: {lock} of")), "{left}");
        fs::remove_file(&path).unwrap();
        bench.mirror.no_lock_left_before(i64::MAX).unwrap();
    }
    assert_eq!(bench.mirror.branch("main").unwrap(), Some(first));
    bench.mirror.set_reference("refs/heads/main", Some(first), None, "test").unwrap();
    assert_eq!(git(bench.mirror.path(), &["for-each-ref"]), "");
}

#[test]
fn locks_left_by_a_killed_process_are_removed_when_the_mirror_is_opened() {
    let bench = bench();
    let path = bench.mirror.path().to_owned();
    let one = bench.commit(None, &files(&[("a", "1")]), "one");
    let set = |mirror: &Mirror, name| mirror.set_reference(name, None, Some(one), "test");
    fs::create_dir_all(path.join("refs/heads/meshwright")).unwrap();
    for lock in ["refs/heads/meshwright/x.lock", "refs/heads/main.lock", "packed-refs.lock", "HEAD.lock", "config.lock"]
    {
        fs::write(path.join(lock), "").unwrap();
    }
    assert!(set(&bench.mirror, "refs/heads/main").is_err());
    let mirror = Mirror::open_or_init(&path, "main").unwrap();
    set(&mirror, "refs/heads/main").unwrap();
    set(&mirror, "refs/heads/meshwright/x").unwrap();
    git(&path, &["pack-refs", "--all"]);
}

#[test]
fn files_emptied_by_a_power_failure_are_written_again() {
    let bench = bench();
    let path = bench.mirror.path().to_owned();
    let id = bench.commit(None, &files(&[("a", "1")]), "one").to_string();
    let object = path.join("objects").join(&id[..2]).join(&id[2..]);
    fs::remove_file(&object).unwrap();
    fs::write(&object, "").unwrap();
    fs::write(path.join("refs/heads/main"), "").unwrap();
    let mirror = Mirror::open_or_init(&path, "main").unwrap();
    assert_eq!(mirror.branch("main").unwrap(), None);
    let again = bench.commit(None, &files(&[("a", "1")]), "one");
    mirror.set_reference("refs/heads/main", None, Some(again), "again").unwrap();
    git(&path, &["fsck", "--strict"]);
}

#[test]
fn opening_a_mirror_again_keeps_what_is_in_it() {
    let bench = bench();
    let one = bench.commit(None, &files(&[("a", "1")]), "one");
    bench.mirror.set_reference("refs/heads/main", None, Some(one), "test").unwrap();
    bench.mirror.sync().unwrap();
    let again = Mirror::open_or_init(bench.mirror.path(), "trunk").unwrap();
    assert_eq!(again.branch("main").unwrap(), Some(one));
    assert_eq!(git(again.path(), &["symbolic-ref", "HEAD"]), "refs/heads/trunk");
    assert_eq!(git(again.path(), &["rev-parse", "--is-bare-repository"]), "true");
}

#[test]
fn malformed_reference_names_are_refused() {
    let bench = bench();
    for name in ["main", "refs/heads/a..b", "refs/heads/a b", "refs/../config", "refs/heads/x.lock", ""] {
        let result = bench.mirror.set_reference(name, None, None, "test");
        assert!(matches!(result, Err(RepoError::Refused { .. })), "{name}: {result:?}");
    }
}

#[test]
fn history_is_told_newest_first_and_without_what_the_other_branch_has() {
    let bench = bench();
    let one = bench.commit(None, &files(&[("a", "1")]), "one");
    let two = bench.commit(Some(one), &files(&[("a", "2")]), "two\n\nChange-Id: c2\n");
    let three = bench.commit(Some(two), &edits(&[("a", None), ("b", Some("3"))]), "three");
    let side = bench.commit(Some(one), &files(&[("c", "1")]), "side");
    let other = bench.commit(None, &files(&[("z", "1")]), "unrelated");
    let mirror = &bench.mirror;
    let subjects = |from, not, limit| {
        let log = mirror.log(from, not, limit, true).unwrap();
        log.iter().map(|commit| commit.subject().to_owned()).collect::<Vec<_>>()
    };
    assert_eq!(subjects(three, None, 10), ["three", "two", "one"]);
    assert_eq!(subjects(three, Some(side), 10), ["three", "two"]);
    assert_eq!(subjects(three, None, 1), ["three"]);
    assert!(mirror.is_ancestor(one, three).unwrap() && mirror.is_ancestor(one, one).unwrap());
    assert!(!mirror.is_ancestor(side, three).unwrap());
    assert_eq!(mirror.merge_base(three, side).unwrap(), Some(one));
    assert_eq!(mirror.merge_base(three, other).unwrap(), None);
    let info = mirror.commit_info(two).unwrap();
    assert_eq!(
        (info.parents.as_slice(), info.time, info.email.as_str()),
        (&[one][..], 1_700_000_000, "bot@example.com")
    );
    assert_eq!(info.trailer("change-id").as_deref(), Some("c2"));
}

#[test]
fn a_signed_commit_is_verified_by_git() {
    let bench = bench();
    let key = bench.directory.path().join("key");
    let made = std::process::Command::new("ssh-keygen")
        .args(["-q", "-t", "ed25519", "-N", "", "-f"])
        .arg(&key)
        .status()
        .expect("ssh-keygen is needed for this test");
    assert!(made.success());
    let allowed = bench.directory.path().join("allowed");
    fs::write(&allowed, format!("bot@example.com {}", fs::read_to_string(key.with_extension("pub")).unwrap())).unwrap();
    let author = Identity { name: "Meshwright".into(), email: "bot@example.com".into() };
    let sign =
        |key| bench.mirror.commit_tree(bench.tree(&[("a", "1")]), &[], &author, 1, "signed", Some(&Signer::new(key)));
    let commit = sign(key.clone()).unwrap().to_string();
    let allowed = format!("gpg.ssh.allowedSignersFile={}", allowed.display());
    git(bench.mirror.path(), &["-c", &allowed, "verify-commit", &commit]);
    git(bench.mirror.path(), &["fsck", "--strict"]);
    assert!(matches!(sign(key.with_extension("none")), Err(RepoError::Remote { .. })));
    assert!(matches!(
        bench.mirror.commit_tree(TreeId::EMPTY, &[], &Identity { name: "a\nb".into(), ..author.clone() }, 1, "x", None),
        Err(RepoError::Refused { .. })
    ));
}
