//! What people do.

use meshwright::repo::CommitId;

use super::Double;
use super::state::State;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Permission {
    Read,
    Write,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Verdict {
    Approve,
    RequestChanges,
    Comment,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Review {
    pub(crate) by: String,
    pub(crate) verdict: Verdict,
    pub(crate) head: CommitId,
    pub(crate) words: String,
    pub(crate) dismissed: bool,
    pub(crate) at: u64,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Comment {
    pub(crate) id: u64,
    pub(crate) pull: u64,
    pub(crate) by: String,
    pub(crate) body: String,
    pub(crate) at: u64,
    pub(crate) edited: u64,
}

impl State {
    pub(crate) fn write_comment(&mut self, pull: u64, by: &str, body: &str) -> Comment {
        let at = self.tick();
        let id = self.comments.last().map_or(1, |last| last.id + 1);
        let comment = Comment { id, pull, by: by.to_owned(), body: body.to_owned(), at, edited: at };
        self.comments.push(comment.clone());
        self.touch(pull);
        self.tell(pull, "issue_comment", "created", by);
        comment
    }
}

impl Double {
    pub(crate) fn add_person(&self, login: &str, permission: Permission) {
        self.lock().people.insert(login.to_owned(), permission);
    }

    pub(crate) fn add_team(&self, slug: &str, members: &[&str]) {
        self.lock().teams.insert(slug.to_owned(), members.iter().map(|member| (*member).to_owned()).collect());
    }

    /// Reviews the present head.
    pub(crate) fn review(&self, number: u64, by: &str, verdict: Verdict, words: &str) {
        let mut state = self.lock();
        let at = state.tick();
        let pull = state.pulls.get_mut(&number).unwrap();
        let head = pull.head;
        let review = Review { by: by.to_owned(), verdict, head, words: words.to_owned(), dismissed: false, at };
        pull.reviewers.retain(|reviewer| reviewer != by);
        pull.reviews.push(review);
        state.touch(number);
        state.tell(number, "pull_request_review", "submitted", by);
    }

    /// Somebody opens a pull request from a branch of their fork, like the one of this number but for that.
    pub(crate) fn open_from_fork(&self, like: u64, by: &str) -> u64 {
        let mut state = self.lock();
        let mut pull = state.pulls[&like].clone();
        pull.number = state.pulls.last_key_value().map_or(1, |(last, _)| last + 1);
        (pull.of, pull.author, pull.updated) = (format!("{by}/mesh-config"), by.to_owned(), state.tick());
        state.pulls.insert(pull.number, pull.clone());
        pull.number
    }

    /// Voids what somebody reviewed.
    pub(crate) fn dismiss(&self, number: u64, of: &str) {
        let mut state = self.lock();
        for review in &mut state.pulls.get_mut(&number).unwrap().reviews {
            review.dismissed |= review.by == of;
        }
        state.touch(number);
        state.tell(number, "pull_request_review", "dismissed", "human");
    }

    pub(crate) fn comment(&self, number: u64, by: &str, body: &str) -> u64 {
        self.lock().write_comment(number, by, body).id
    }

    pub(crate) fn close(&self, number: u64, by: &str) {
        self.lock().close(number, by);
    }

    /// Somebody has it go into another branch, which begins at main where it is not there.
    pub(crate) fn retarget(&self, number: u64, base: &str) {
        let mut state = self.lock();
        if state.branch(base).is_none() {
            let main = state.branch("main");
            state.mirror.set_reference(&format!("refs/heads/{base}"), None, main, "branch").unwrap();
        }
        base.clone_into(&mut state.pulls.get_mut(&number).unwrap().base);
        state.touch(number);
    }

    pub(crate) fn make_draft(&self, number: u64, draft: bool) {
        let mut state = self.lock();
        state.pulls.get_mut(&number).unwrap().draft = draft;
        state.touch(number);
    }

    /// Merges by the button of the page.
    pub(crate) fn merge_by_hand(&self, number: u64, by: &str) -> Result<CommitId, String> {
        let mut state = self.lock();
        let head = state.pulls[&number].head;
        state.merge(number, Some(head), "merge", ("Merge by hand", ""), by).map_err(|(_, why)| why)
    }

    pub(crate) fn set_status(&self, commit: CommitId, context: &str, status: &str) {
        let mut state = self.lock();
        state.statuses.insert((commit.to_string(), context.to_owned()), (status.to_owned(), String::new()));
        let numbers: Vec<u64> =
            state.pulls.values().filter(|pull| pull.head == commit).map(|pull| pull.number).collect();
        for number in numbers {
            state.tell(number, "status", "", "human");
        }
    }

    /// Merges all that waits in the queue.
    pub(crate) fn run_queue(&self) {
        let mut state = self.lock();
        let queued: Vec<u64> = state.pulls.values().filter(|pull| pull.queued).map(|pull| pull.number).collect();
        state.settings.queue = false;
        for number in queued {
            state.pulls.get_mut(&number).unwrap().queued = false;
            let head = state.pulls[&number].head;
            state.merge(number, Some(head), "merge", ("Merge from the queue", ""), "github-merge-queue[bot]").unwrap();
        }
        state.settings.queue = true;
    }
}
