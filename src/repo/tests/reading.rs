use std::fs;

use crate::repo::testing::{bench, edits, files, git, many};
use crate::repo::{BlobId, Files, LONGEST, RepoError, TooLong, TreeId, WorkingTree};

const CONTENT: [(&str, &str); 5] =
    [("a-b/x", "1"), ("a/größe.yaml", "2"), ("a/sub/日本", "3"), ("a0", "4"), ("top.yaml", "5")];

#[test]
fn a_commit_and_its_checkout_read_the_same() {
    let bench = bench();
    let commit = bench.commit(None, &files(&CONTENT), "files");
    bench.mirror.set_reference("refs/heads/main", None, Some(commit), "test").unwrap();
    let checkout = bench.directory.path().join("checkout");
    git(bench.directory.path(), &["clone", "--quiet", bench.mirror.path().to_str().unwrap(), "checkout"]);
    let committed = bench.mirror.snapshot(commit).unwrap();
    let on_disk = WorkingTree::open(&checkout).unwrap();
    for prefix in ["", "a", "a/", "a/sub", "top.yaml", "a/größe.yaml", "none", "a/none", "top.yaml/x"] {
        let listed = committed.list(prefix).unwrap();
        assert_eq!(on_disk.list(prefix).unwrap(), listed, "{prefix}");
        assert_eq!(on_disk.read_all(prefix).unwrap(), committed.read_all(prefix).unwrap(), "{prefix}");
        assert!(listed.is_sorted());
    }
    assert_eq!(committed.list("").unwrap().len(), CONTENT.len());
    for (path, content) in CONTENT {
        for files in [&committed as &dyn Files, &on_disk] {
            assert_eq!(files.read(path).unwrap().as_deref(), Some(content.as_bytes()));
            assert_eq!(files.blob_id(path).unwrap(), Some(BlobId::of(content.as_bytes())));
            for absent in ["a", "b", "a/b", "top.yaml/x", "", "../checkout/a0", "a//sub", ".git/HEAD", "/etc/passwd"] {
                assert_eq!(files.read(absent).unwrap(), None, "{absent}");
            }
        }
    }
}

#[cfg(unix)]
#[test]
fn a_symbolic_link_is_read_as_its_target_and_not_followed() {
    let bench = bench();
    let outside = bench.directory.path().join("secret");
    fs::create_dir(&outside).unwrap();
    fs::write(outside.join("key"), "hidden").unwrap();
    let root = bench.directory.path().join("checkout");
    fs::create_dir(&root).unwrap();
    std::os::unix::fs::symlink("../secret", root.join("link")).unwrap();
    let tree = WorkingTree::open(&root).unwrap();
    assert_eq!(tree.read("link/key").unwrap(), None);
    assert_eq!(tree.list("link/key").unwrap(), []);
    assert_eq!(tree.list("").unwrap(), [("link".into(), BlobId::of(b"../secret"))]);
    assert_eq!(tree.read("link").unwrap().as_deref(), Some(&b"../secret"[..]));
}

#[cfg(unix)]
#[test]
fn nothing_is_written_through_a_symbolic_link() {
    let bench = bench();
    let outside = bench.directory.path().join("outside");
    fs::create_dir(&outside).unwrap();
    fs::write(outside.join("key"), "kept").unwrap();
    let root = bench.directory.path().join("checkout");
    fs::create_dir(&root).unwrap();
    std::os::unix::fs::symlink("../outside", root.join("folder")).unwrap();
    std::os::unix::fs::symlink("../outside/key", root.join("file")).unwrap();
    let tree = WorkingTree::open(&root).unwrap();
    for path in ["folder/key", "folder/new/file", "../outside/key", ".git/hooks/x", "/a"] {
        for text in [Some("ours"), None] {
            assert!(matches!(tree.write(path, text), Err(RepoError::Path { .. })), "{path}");
        }
    }
    tree.write("file", Some("ours")).unwrap();
    assert_eq!(tree.read("file").unwrap().as_deref(), Some(&b"ours"[..]));
    assert_eq!(fs::read(outside.join("key")).unwrap(), b"kept");
    tree.write("a/b/c", Some("new")).unwrap();
    tree.write("a/b/c", None).unwrap();
    assert_eq!(tree.read("a/b/c").unwrap(), None);
    assert_eq!(fs::read_dir(&outside).unwrap().count(), 1);
}

#[test]
fn a_file_that_is_too_long_is_named_and_not_read() {
    let bench = bench();
    let long = " ".repeat(usize::try_from(LONGEST).unwrap() + 1);
    let commit = bench.commit(None, &files(&[("a/long", &long), ("a/short", "1")]), "files");
    let checkout = bench.directory.path().join("checkout");
    fs::create_dir_all(checkout.join("a")).unwrap();
    fs::write(checkout.join("a/long"), &long).unwrap();
    fs::write(checkout.join("a/short"), "1").unwrap();
    let (committed, on_disk) = (bench.mirror.snapshot(commit).unwrap(), WorkingTree::open(&checkout).unwrap());
    let [listed, of_git] = [on_disk.list("a").unwrap(), committed.list("a").unwrap()];
    assert!(listed.iter().map(|(path, _)| path).eq(of_git.iter().map(|(path, _)| path)));
    assert_eq!([listed[0].1 == of_git[0].1, listed[1].1 == of_git[1].1], [false, true]);
    for files in [&committed as &dyn Files, &on_disk] {
        let read = files.read_all("a").unwrap();
        assert_eq!(
            read,
            [("a/long".into(), Err(TooLong { bytes: LONGEST + 1 })), ("a/short".into(), Ok(b"1".to_vec()))]
        );
        let error = files.read("a/long").unwrap_err();
        assert!(error.to_string().starts_with("a/long has 16777217 bytes"), "{error}");
    }
}

#[test]
fn a_file_that_is_longer_than_anything_is_passed_over_at_once() {
    let folder = tempfile::tempdir().unwrap();
    let on_disk = WorkingTree::open(folder.path()).unwrap();
    let ids = [1 << 40, 1 << 41].map(|bytes| {
        fs::File::create(folder.path().join("huge")).unwrap().set_len(bytes).unwrap();
        assert_eq!(on_disk.read_all("").unwrap(), [("huge".into(), Err(TooLong { bytes }))]);
        on_disk.blob_id("huge").unwrap().unwrap()
    });
    assert_ne!(ids[0], ids[1]);
}

#[cfg(unix)]
#[test]
fn a_pipe_or_a_directory_in_the_place_of_a_file_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let made = std::process::Command::new("mkfifo").arg(folder.path().join("pipe")).status().unwrap();
    assert!(made.success());
    fs::create_dir(folder.path().join("directory")).unwrap();
    let tree = WorkingTree::open(folder.path()).unwrap();
    for path in ["pipe", "directory"] {
        assert!(matches!(tree.write(path, Some("ours")), Err(RepoError::Path { .. })), "{path}");
        assert_eq!(tree.read(path).unwrap(), None, "{path}");
    }
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 2);
}

#[cfg(unix)]
#[test]
fn a_file_is_replaced_and_not_written_into() {
    use std::os::unix::fs::PermissionsExt as _;
    let folder = tempfile::tempdir().unwrap();
    let (outside, root) = (folder.path().join("kept"), folder.path().join("checkout"));
    fs::create_dir(&root).unwrap();
    fs::write(&outside, "kept").unwrap();
    fs::set_permissions(&outside, fs::Permissions::from_mode(0o750)).unwrap();
    fs::hard_link(&outside, root.join("file")).unwrap();
    fs::write(root.join(".meshwright-0"), "left by a run that was killed").unwrap();
    let tree = WorkingTree::open(&root).unwrap();
    tree.write("file", Some("ours")).unwrap();
    assert_eq!(fs::read_to_string(&outside).unwrap(), "kept");
    assert_eq!(tree.read("file").unwrap().as_deref(), Some(&b"ours"[..]));
    assert_eq!(fs::metadata(root.join("file")).unwrap().permissions().mode() & 0o777, 0o750);
    assert_eq!(fs::read_dir(&root).unwrap().count(), 2);
}

#[test]
fn many_files_are_read_in_path_order() {
    let bench = bench();
    let edits = many(1_500);
    let tree = bench.mirror.tree_with(TreeId::EMPTY, &edits).unwrap();
    let snapshot = bench.mirror.tree_snapshot(tree).unwrap();
    let read = snapshot.read_all("").unwrap();
    assert_eq!(read.len(), 1_500);
    assert!(read.is_sorted_by_key(|(path, _)| path));
    assert_eq!(snapshot.read_all("d1").unwrap().len(), 500);
    assert_eq!(snapshot.blob(BlobId::of(b"number: 7\n")).unwrap(), b"number: 7\n");
}

#[test]
fn a_snapshot_stays_as_it_was_while_the_branch_moves() {
    let bench = bench();
    let one = bench.commit(None, &files(&CONTENT), "one");
    let before = bench.mirror.snapshot(one).unwrap();
    bench.commit(Some(one), &edits(&[("a0", None)]), "two");
    assert!(before.read("a0").unwrap().is_some());
    assert!(matches!(bench.mirror.snapshot([7; 20].into()), Err(RepoError::NotFound { .. })));
}
