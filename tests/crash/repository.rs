//! The repository of a dead server, read with git.

use std::collections::{BTreeMap, BTreeSet};
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use serde_json::Value;

use crate::reviewer::Reviewer;

/// The config repository in the folder of a server.
pub(crate) struct Repository {
    path: PathBuf,
}

/// What the references say.
pub(crate) struct Seen {
    /// Our branches, with the commits they point to.
    pub(crate) branches: BTreeMap<String, String>,
    /// The pull requests, as they are stored.
    pub(crate) pulls: Vec<Value>,
}

impl Repository {
    pub(crate) fn of(data: &Path) -> Self {
        Self { path: data.join("config.git") }
    }

    pub(crate) fn git(&self, arguments: &[&str]) -> String {
        self.fed(arguments, "")
    }

    fn fed(&self, arguments: &[&str], input: &str) -> String {
        let mut child = Command::new("git")
            .arg("--git-dir")
            .arg(&self.path)
            .args(arguments)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("git is installed");
        let mut stdin = child.stdin.take().unwrap();
        let input = input.to_owned();
        let feeding = std::thread::spawn(move || stdin.write_all(input.as_bytes()));
        let output = child.wait_with_output().unwrap();
        feeding.join().unwrap().unwrap();
        let (out, err) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
        assert!(output.status.success() && err.is_empty(), "git {arguments:?}: {}\n{out}\n{err}", output.status);
        out.into_owned()
    }

    /// Every object and reference is whole.
    pub(crate) fn check(&self) {
        let found = self.git(&["fsck", "--strict", "--no-dangling", "--no-progress"]);
        assert_eq!(found, "", "git fsck");
    }

    pub(crate) fn look(&self) -> Seen {
        let references = self.git(&["for-each-ref", "--format=%(refname) %(objectname)"]);
        let references: Vec<(&str, &str)> = references.lines().filter_map(|line| line.split_once(' ')).collect();
        let branch = |(name, at): &(&str, &str)| {
            let branch = name.strip_prefix("refs/heads/").filter(|branch| *branch != "main")?;
            Some((branch.to_owned(), (*at).to_owned()))
        };
        let pulls = references.iter().filter(|(name, _)| name.starts_with("refs/meshwright/pulls/"));
        let pulls: Vec<String> = pulls.map(|(_, at)| format!("{at}:pull.json")).collect();
        let pulls = self.contents(&pulls).into_iter().map(|text| serde_json::from_str(&text).unwrap()).collect();
        Seen { branches: references.iter().filter_map(branch).collect(), pulls }
    }

    /// The content of objects that are text.
    fn contents(&self, names: &[String]) -> Vec<String> {
        let output =
            self.fed(&["cat-file", "--batch"], &names.iter().map(|name| format!("{name}\n")).collect::<String>());
        let (mut rest, mut contents) = (output.as_str(), vec![]);
        for name in names {
            let (head, after) = rest.split_once('\n').unwrap();
            let size = head.rsplit(' ').next().and_then(|size| size.parse::<usize>().ok());
            let size = size.unwrap_or_else(|| panic!("{name}: {head}"));
            contents.push(after[..size].to_owned());
            rest = &after[size + 1..];
        }
        contents
    }

    /// The value of a trailer of a commit.
    pub(crate) fn trailer(&self, commit: &str, name: &str) -> String {
        let format = format!("--format=%(trailers:key={name},valueonly)");
        self.git(&["log", "-1", &format, commit]).trim().to_owned()
    }
}

impl Seen {
    /// No branch and no pull request stands for a change twice, and nothing was reviewed or merged that nobody asked for.
    pub(crate) fn judge(&self, repository: &Repository, reviewer: &Reviewer) {
        let mut owners = BTreeSet::new();
        for (branch, head) in &self.branches {
            let id = change_of(branch);
            assert!(owners.insert(id.to_owned()), "change {id} has two branches: {:?}", self.branches);
            assert_eq!(repository.trailer(head, "Change-Id"), id, "{branch} holds a commit of another change");
        }
        let mut branches = BTreeSet::new();
        let mut words_there = BTreeSet::new();
        for pull in &self.pulls {
            let branch = pull["branch"].as_str().unwrap();
            let id = change_of(branch);
            assert!(branches.insert(id), "change {id} has two pull requests: {:#?}", self.of(branch));
            for review in pull["reviews"].as_array().unwrap() {
                let words = review["words"].as_str().unwrap();
                assert_eq!(reviewer.sent.get(words).map(String::as_str), Some(id), "nobody gave this: {pull:#}");
                assert!(words_there.insert(words), "it was given once: {pull:#}");
            }
            if pull["state"] == "merged" {
                assert!(reviewer.asked.contains(id), "nobody merged it: {pull:#}");
            }
        }
        for words in &reviewer.given {
            assert!(words_there.contains(words.as_str()), "{words:?} of {} is lost", reviewer.sent[words]);
        }
    }

    /// What was merged is what was approved.
    pub(crate) fn judge_merges(&self, repository: &Repository) {
        for pull in self.pulls.iter().filter(|pull| pull["state"] == "merged") {
            let merged = repository.trailer(pull["commit"].as_str().unwrap(), "Plan-Digest");
            let approved = pull["reviews"].as_array().unwrap().iter().any(|review| {
                let head = review["head"].as_str().unwrap();
                review["verdict"] == "approve" && repository.trailer(head, "Plan-Digest") == merged
            });
            assert!(approved, "what was merged is not what was approved: {pull:#}");
        }
    }

    fn of(&self, branch: &str) -> Vec<&Value> {
        self.pulls.iter().filter(|pull| change_of(pull["branch"].as_str().unwrap()) == change_of(branch)).collect()
    }
}

/// The change that a branch is of: its name ends in it.
pub(crate) fn change_of(branch: &str) -> &str {
    branch.rsplit('-').next().unwrap_or_default()
}
