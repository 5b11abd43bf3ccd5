use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::time::{Duration, Instant};

use crate::repo::testing::{bench, files, git, many};
use crate::repo::{Credential, Push, Remote, RepoError};

#[test]
fn a_branch_is_pushed_moved_and_deleted_only_from_the_expected_value() {
    let bench = bench();
    let path = bench.elsewhere();
    let remote = bench.remote(&path);
    let one = bench.commit(None, &files(&[("a", "1")]), "one");
    let two = bench.commit(Some(one), &files(&[("a", "2")]), "two");
    let other = bench.commit(None, &files(&[("a", "3")]), "other");
    remote.push("meshwright/x", None, Some(one)).unwrap();
    let lost = remote.push("meshwright/x", None, Some(two));
    assert!(matches!(lost, Err(RepoError::Moved { expected: None, actual: Some(id), .. }) if id == one), "{lost:?}");
    remote.push("meshwright/x", Some(one), Some(other)).unwrap();
    let lost = remote.push("meshwright/x", Some(one), Some(two));
    assert!(matches!(lost, Err(RepoError::Moved { actual: Some(id), .. }) if id == other), "{lost:?}");
    let lost = remote.push("meshwright/x", Some(one), None);
    assert!(matches!(lost, Err(RepoError::Moved { .. })), "{lost:?}");
    assert_eq!(remote.references(&["refs/heads/*"]).unwrap(), [("refs/heads/meshwright/x".into(), other)]);
    remote.push("meshwright/x", Some(other), None).unwrap();
    assert_eq!(remote.references(&[]).unwrap(), []);
}

#[test]
fn a_push_that_was_carried_out_already_succeeds_again() {
    let bench = bench();
    let remote = bench.remote(&bench.elsewhere());
    let one = bench.commit(None, &files(&[("a", "1")]), "one");
    let two = bench.commit(Some(one), &files(&[("a", "2")]), "two");
    remote.push("x", None, Some(one)).unwrap();
    remote.push("x", None, Some(one)).unwrap();
    remote.push("x", Some(one), Some(two)).unwrap();
    remote.push("x", Some(one), Some(two)).unwrap();
    remote.push("x", Some(two), None).unwrap();
    remote.push("x", Some(two), None).unwrap();
}

#[test]
fn of_several_branches_all_move_or_none() {
    let bench = bench();
    let path = bench.elsewhere();
    let remote = bench.remote(&path);
    let one = bench.commit(None, &files(&[("a", "1")]), "one");
    let push = |branch: &str, expected| Push { branch: branch.into(), expected, new: Some(one) };
    let lost = remote.push_all(&[push("a", None), push("b", Some(one))]);
    assert!(matches!(&lost, Err(RepoError::Moved { reference, .. }) if reference == "refs/heads/b"), "{lost:?}");
    assert_eq!(remote.references(&[]).unwrap(), []);
    remote.push_all(&[push("a", None), push("b", None)]).unwrap();
}

#[test]
fn a_lock_held_in_the_remote_is_a_lost_race() {
    let bench = bench();
    let path = bench.elsewhere();
    let remote = bench.remote(&path);
    let one = bench.commit(None, &files(&[("a", "1")]), "one");
    fs::write(path.join("refs/heads/x.lock"), "").unwrap();
    let lost = remote.push("x", None, Some(one));
    assert!(matches!(lost, Err(RepoError::Moved { .. })), "{lost:?}");
}

#[test]
fn a_remote_that_refuses_is_quoted() {
    let bench = bench();
    let path = bench.elsewhere();
    let hook = path.join("hooks/pre-receive");
    fs::create_dir_all(path.join("hooks")).unwrap();
    fs::write(&hook, "#!/bin/sh\necho protected by policy >&2\nexit 1\n").unwrap();
    fs::set_permissions(&hook, fs::Permissions::from_mode(0o755)).unwrap();
    let one = bench.commit(None, &files(&[("a", "1")]), "one");
    let refused = bench.remote(&path).push("x", None, Some(one));
    assert!(
        matches!(&refused, Err(RepoError::Remote { detail, .. }) if detail.contains("protected by policy")),
        "{refused:?}"
    );
}

#[test]
fn fetch_brings_branches_and_prunes_those_that_are_gone() {
    let bench = bench();
    let path = bench.elsewhere();
    let other = crate::repo::Mirror::open(&path).unwrap();
    let remote = bench.remote(&path);
    let one = bench.commit(None, &files(&[("a", "1")]), "one");
    remote
        .push_all(&["main", "old"].map(|branch| Push { branch: branch.into(), expected: None, new: Some(one) }))
        .unwrap();
    let fetch = |prune| remote.fetch(&["+refs/heads/*:refs/remotes/origin/*"], prune).unwrap();
    fetch(false);
    assert_eq!(bench.mirror.references("refs/remotes/origin/").unwrap().len(), 2);
    other.set_reference("refs/heads/old", Some(one), None, "gone").unwrap();
    fetch(true);
    assert_eq!(bench.mirror.references("refs/remotes/").unwrap(), [("refs/remotes/origin/main".into(), one)]);
    let missing = remote.fetch(&["refs/heads/none:refs/remotes/origin/none"], false);
    assert!(matches!(missing, Err(RepoError::NotFound { .. })), "{missing:?}");
}

#[test]
fn a_bulk_commit_is_pushed_whole() {
    let bench = bench();
    let path = bench.elsewhere();
    let commit = bench.commit(None, &many(1_200), "bulk");
    bench.remote(&path).push("main", None, Some(commit)).unwrap();
    assert_eq!(git(&path, &["fsck", "--strict"]), "");
    assert_eq!(git(&path, &["ls-tree", "-r", "--name-only", "main"]).lines().count(), 1_200);
}

#[test]
fn dangerous_addresses_refspecs_and_branches_are_refused() {
    let bench = bench();
    let refused = |address: &str, credential| {
        let result = Remote::new(&bench.mirror, address, credential);
        assert!(matches!(result, Err(RepoError::Refused { .. })), "{address}: {result:?}");
    };
    for address in [
        "",
        "--upload-pack=touch x",
        "-x",
        "ext::sh -c touch% x",
        "fd::7",
        "ftp://host/x",
        "https://me:pw@host/x",
        "https://token@host/x",
        "a\nb",
    ] {
        refused(address, None);
    }
    refused("ssh://git@host/x", Some(Credential::Bearer("t".into())));
    refused("https://host/x", Some(Credential::Bearer("t\nInjected: 1".into())));
    for address in ["https://host/x", "ssh://git@host/x", "git@host:x", "/srv/x", "ssh://git@[::1]/x"] {
        Remote::new(&bench.mirror, address, None).unwrap();
    }
    let remote = bench.remote(&bench.elsewhere());
    assert!(matches!(remote.fetch(&["--upload-pack=x"], false), Err(RepoError::Refused { .. })));
    for branch in ["-x", "a..b", "", "a b", "x:y", "HEAD"] {
        assert!(matches!(remote.push(branch, None, None), Err(RepoError::Refused { .. })), "{branch}");
    }
}

#[test]
fn a_remote_that_does_not_answer_is_given_up() {
    let bench = bench();
    let silent = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = format!("http://{}/x", silent.local_addr().unwrap());
    let credential = Credential::Basic { user: "me".into(), secret: "s3cret".into() };
    let remote = Remote::new(&bench.mirror, &address, Some(credential)).unwrap();
    assert!(!format!("{remote:?}").contains("s3cret"));
    let start = Instant::now();
    let result = remote.with_timeout(Duration::from_millis(300)).references(&[]);
    assert!(
        matches!(&result, Err(RepoError::Remote { detail, .. }) if detail.contains("did not finish")),
        "{result:?}"
    );
    assert!(start.elapsed() < Duration::from_secs(5));
}

#[test]
fn the_credential_reaches_the_remote_by_header_only() {
    use std::io::{Read as _, Write as _};
    let bench = bench();
    let server = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = format!("http://{}/x", server.local_addr().unwrap());
    let request = std::thread::spawn(move || {
        let (mut stream, _) = server.accept().unwrap();
        let mut bytes = [0; 4096];
        let length = stream.read(&mut bytes).unwrap();
        let body = "no s3cret here";
        write!(stream, "HTTP/1.1 403 Forbidden\r\nContent-Length: {}\r\n\r\n{body}", body.len()).unwrap();
        String::from_utf8_lossy(&bytes[..length]).into_owned()
    });
    let remote = Remote::new(&bench.mirror, &address, Some(Credential::Bearer("s3cret".into()))).unwrap();
    let error = remote.references(&[]).unwrap_err();
    assert!(request.join().unwrap().contains("Authorization: Bearer s3cret"));
    assert!(!format!("{error} {error:?}").contains("s3cret"), "{error:?}");
}
