use proptest::prelude::*;

use crate::repo::testing::{bench, edits, files, git, git_with, many};
use crate::repo::{BlobId, ChangedPath, Edit, Edits, Files, RepoError, TreeId, WorkingTree};

#[test]
fn deleting_the_last_file_removes_the_directories_above_it() {
    let bench = bench();
    let base = bench.tree(&[("a/b/c", "1"), ("d", "2")]);
    let after = bench.mirror.tree_with(base, &edits(&[("a/b/c", None)])).unwrap();
    assert_eq!(after, bench.tree(&[("d", "2")]));
    let empty = bench.mirror.tree_with(after, &edits(&[("d", None)])).unwrap();
    assert_eq!(empty, TreeId::EMPTY);
    git(bench.mirror.path(), &["cat-file", "-e", &empty.to_string()]);
}

#[test]
fn edits_that_change_nothing_give_the_same_tree() {
    let bench = bench();
    let base = bench.tree(&[("a/b", "1")]);
    for nothing in [Edits::new(), files(&[("a/b", "1")]), edits(&[("x/y", None), ("a/b/c", None)])] {
        assert_eq!(bench.mirror.tree_with(base, &nothing).unwrap(), base, "{nothing:?}");
    }
}

#[test]
fn hostile_and_impossible_paths_are_refused_by_name() {
    let bench = bench();
    let base = bench.tree(&[("file", "1"), ("dir/x", "2")]);
    for (changes, path) in [
        (files(&[("file/x", "1")]), "file/x"),
        (files(&[("dir", "1")]), "dir"),
        (files(&[("new", "1"), ("new/x", "2")]), "new/x"),
        (edits(&[("dir", None)]), "dir"),
        (files(&[("../x", "1")]), "../x"),
        (files(&[("dir/.git/config", "1")]), "dir/.git/config"),
        (files(&[("dir//x", "1")]), "dir//x"),
    ] {
        for bulk in [0, 1_000] {
            match bench.mirror.tree_with_packing(base, &changes, bulk) {
                Err(RepoError::Path { path: named, .. }) => assert_eq!(named, path),
                other => panic!("{changes:?}: {other:?}"),
            }
        }
    }
}

#[test]
fn a_file_becomes_a_directory_and_back_when_the_edits_say_both() {
    let bench = bench();
    let base = bench.tree(&[("a", "1")]);
    let directory = bench.mirror.tree_with(base, &edits(&[("a", None), ("a/b", Some("2"))])).unwrap();
    assert_eq!(bench.contents(directory), [("a/b".into(), "2".into())]);
    let back = bench.mirror.tree_with(directory, &edits(&[("a", Some("1")), ("a/b", None)])).unwrap();
    assert_eq!(back, base);
}

#[test]
fn an_executable_file_stays_executable() {
    let bench = bench();
    let blob = git_with(bench.mirror.path(), &["hash-object", "-w", "--stdin"], &[], "#!/bin/sh\n");
    let tree = git_with(bench.mirror.path(), &["mktree"], &[], &format!("100755 blob {blob}\trun\n"));
    let after = bench.mirror.tree_with(tree.parse().unwrap(), &files(&[("run", "#!/bin/bash\n")])).unwrap();
    assert!(git(bench.mirror.path(), &["ls-tree", &after.to_string()]).starts_with("100755 blob"));
}

#[test]
fn a_bulk_commit_gives_the_same_tree_as_loose_objects_and_passes_fsck() {
    let bench = bench();
    let edits = many(2_500);
    let packed = bench.mirror.tree_with_packing(TreeId::EMPTY, &edits, 1_000).unwrap();
    let packs = std::fs::read_dir(bench.mirror.path().join("objects/pack")).unwrap().count();
    assert!(packs >= 2, "{packs}");
    let commit = bench.commit(None, &edits, "bulk");
    bench.mirror.set_reference("refs/heads/main", None, Some(commit), "bulk").unwrap();
    assert_eq!(git(bench.mirror.path(), &["fsck", "--strict", "--no-dangling"]), "");
    assert_eq!(bench.paths(packed).len(), 2_500);
    let loose = crate::repo::testing::bench();
    assert_eq!(loose.mirror.tree_with_packing(TreeId::EMPTY, &edits, usize::MAX).unwrap(), packed);
}

/// Whoever nests thousands of directories wants the walk through them to run out of stack.
#[test]
fn what_is_nested_too_deeply_is_refused_and_not_walked_through() {
    let bench = bench();
    let deep = format!("clusters/{}x", "d/".repeat(100));
    let tree = bench.tree(&[(&deep, "1")]);
    let commit = bench.commit(None, &edits(&[(&deep, Some("1"))]), "deep");
    let refused = |result: Result<(), RepoError>| match result {
        Err(RepoError::Path { path, why }) => path.len() < 110 && why.contains("64 directories"),
        _ => false,
    };
    assert!(refused(bench.mirror.changed_paths(TreeId::EMPTY, tree, "").map(drop)));
    assert!(refused(bench.mirror.snapshot(commit).unwrap().list("clusters").map(drop)));
    let folder = tempfile::tempdir().unwrap();
    std::fs::create_dir_all(folder.path().join(&deep)).unwrap();
    assert!(refused(WorkingTree::open(folder.path()).unwrap().list("").map(drop)));
}

#[test]
fn changed_paths_names_what_differs_below_a_prefix() {
    let bench = bench();
    let from = bench.tree(&[("a/x", "1"), ("a/y", "1"), ("b", "1"), ("c/d", "1"), ("ab", "1")]);
    let to = bench.tree(&[("a/x", "2"), ("a/y", "1"), ("b/e", "1"), ("c/d", "1"), ("ab", "2")]);
    let id = |content: &str| Some(BlobId::of(content.as_bytes()));
    let change = |path: &str, old, new| ChangedPath { path: path.into(), old, new };
    let all = [
        change("a/x", id("1"), id("2")),
        change("ab", id("1"), id("2")),
        change("b", id("1"), None),
        change("b/e", None, id("1")),
    ];
    let changed = |prefix| bench.mirror.changed_paths(from, to, prefix).unwrap();
    assert_eq!(changed(""), all);
    assert_eq!(changed("a"), all[..1]);
    assert_eq!(changed("a/x"), all[..1]);
    assert_eq!(changed("b/"), all[2..]);
    assert_eq!(changed("c"), []);
    assert_eq!(bench.mirror.changed_paths(TreeId::EMPTY, from, "").unwrap().len(), 5);
}

#[test]
fn a_merge_takes_each_sides_changes() {
    let bench = bench();
    let base = bench.tree(&[("a/1", "1"), ("a/2", "1"), ("b/1", "1"), ("c", "1")]);
    let ours = bench.tree(&[("a/1", "ours"), ("a/2", "1"), ("c", "1"), ("same", "x")]);
    let theirs = bench.tree(&[("a/1", "1"), ("a/2", "theirs"), ("b/1", "1"), ("same", "x"), ("n/m", "new")]);
    let merged = bench.mirror.merge_trees(base, ours, theirs).unwrap();
    assert_eq!(merged, bench.tree(&[("a/1", "ours"), ("a/2", "theirs"), ("same", "x"), ("n/m", "new")]));
    assert_eq!(bench.mirror.merge_trees(base, theirs, ours).unwrap(), merged);
}

#[test]
fn a_merge_refuses_paths_changed_differently() {
    let bench = bench();
    let base = bench.tree(&[("a/1", "1"), ("b/1", "1"), ("c", "1"), ("d/1", "1")]);
    let ours = bench.tree(&[("a/1", "ours"), ("c", "1"), ("new", "1"), ("e", "file"), ("d/1", "1")]);
    let theirs = bench.tree(&[("a/1", "theirs"), ("b/1", "2"), ("c", "1"), ("new", "2"), ("e/f", "1"), ("d/1", "1")]);
    match bench.mirror.merge_trees(base, ours, theirs) {
        Err(RepoError::Conflict { paths }) => assert_eq!(paths, ["a/1", "b/1", "e", "new"]),
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_merge_lets_one_side_turn_a_file_into_a_directory_but_not_two_sides_disagree() {
    let bench = bench();
    let base = bench.tree(&[("a", "1"), ("b", "1")]);
    let turned = bench.tree(&[("a/x", "1"), ("b", "1")]);
    let other = bench.tree(&[("a", "1"), ("b", "2")]);
    let merged = bench.mirror.merge_trees(base, turned, other).unwrap();
    assert_eq!(merged, bench.tree(&[("a/x", "1"), ("b", "2")]));
    let changed = bench.tree(&[("a", "2"), ("b", "1")]);
    let conflict = bench.mirror.merge_trees(base, turned, changed);
    assert!(matches!(&conflict, Err(RepoError::Conflict { paths }) if paths == &["a"]), "{conflict:?}");
    let gone = bench.tree(&[("b", "1")]);
    assert_eq!(bench.mirror.merge_trees(base, turned, gone).unwrap(), turned);
}

/// Names that sort differently as files and as directories.
fn path() -> impl Strategy<Value = String> {
    let name = prop::sample::select(vec!["a", "a-b", "a.b", "a0", "ab", "b", "ü", "日本", "B"]);
    prop::collection::vec(name, 1..4).prop_map(|names| names.join("/"))
}

/// Edits whose paths do not lead through each other.
fn changes() -> impl Strategy<Value = Edits> {
    prop::collection::btree_map(path(), prop::option::weighted(0.7, "[a-c]{0,3}"), 1..25).prop_map(|changes| {
        let mut edits = Edits::new();
        for (path, content) in changes {
            // A suffix that directories do not have keeps files and directories apart.
            match content {
                Some(content) => edits.write(format!("{path}.f"), content),
                None => edits.delete(format!("{path}.f")),
            }
        }
        edits
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(12))]

    #[test]
    fn loose_objects_packs_and_the_git_program_agree(rounds in prop::collection::vec(changes(), 1..4)) {
        let bench = bench();
        let index = bench.directory.path().join("index");
        let env = [("GIT_INDEX_FILE", index.to_str().unwrap())];
        let (mut loose, mut packed) = (TreeId::EMPTY, TreeId::EMPTY);
        for edits in rounds {
            loose = bench.mirror.tree_with_packing(loose, &edits, usize::MAX).unwrap();
            packed = bench.mirror.tree_with_packing(packed, &edits, 0).unwrap();
            prop_assert_eq!(loose, packed);
            let mut input = String::new();
            for (path, edit) in edits.iter() {
                input += &match edit {
                    Edit::Write(content) => format!("100644 {}\t{path}\0", BlobId::of(content)),
                    Edit::Delete => format!("0 {}\t{path}\0", "0".repeat(40)),
                };
            }
            git_with(bench.mirror.path(), &["update-index", "-z", "--index-info"], &env, &input);
            prop_assert_eq!(git_with(bench.mirror.path(), &["write-tree"], &env, ""), loose.to_string());
            let listed = git(bench.mirror.path(), &["ls-tree", "-r", "-z", "--name-only", &loose.to_string()]);
            let expected: Vec<_> = listed.split('\0').filter(|path| !path.is_empty()).map(str::to_owned).collect();
            prop_assert_eq!(bench.paths(loose), expected);
        }
        let changed = bench.mirror.changed_paths(TreeId::EMPTY, loose, "").unwrap();
        prop_assert_eq!(changed.len(), bench.paths(loose).len());
    }

    #[test]
    fn a_merge_of_disjoint_edits_is_both_applied(ours in changes(), theirs in changes(), start in changes()) {
        let bench = bench();
        let base = bench.mirror.tree_with(TreeId::EMPTY, &start).unwrap();
        let theirs: Edits = theirs.into_iter().filter(|(path, _)| ours.get(path).is_none()).collect();
        let one = bench.mirror.tree_with(base, &ours).unwrap();
        let two = bench.mirror.tree_with(base, &theirs).unwrap();
        let merged = bench.mirror.merge_trees(base, one, two).unwrap();
        prop_assert_eq!(merged, bench.mirror.tree_with(one, &theirs).unwrap());
    }
}
