//! A forge for tests: an HTTP server over a real bare repository that behaves as GitHub or Gitea publish it.
//!
//! Commits travel by `git http-backend`, everything else is one state behind two faces. What people do is a method;
//! every call can be made to fail before or after its effect.

#![allow(
    dead_code,
    unused_imports,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test program that takes it in uses a part of it"
)]

mod app;
mod call;
mod faults;
mod gitea;
mod github;
mod graph;
mod hooks;
mod lists;
mod merging;
mod people;
mod server;
mod state;
mod transport;

use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard};

use meshwright::repo::Mirror;
use tempfile::TempDir;

pub(crate) use app::App;
pub(crate) use call::Seen;
pub(crate) use faults::{Fault, Match};
pub(crate) use hooks::Delivery;
pub(crate) use people::{Permission, Verdict};
pub(crate) use state::{Pull, Settings, State};

/// Which forge it is taken for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Face {
    GitHub,
    Gitea,
}

/// The repository it serves.
pub(crate) const REPOSITORY: &str = "acme/mesh-config";
/// The user that Meshwright is, by token.
pub(crate) const BOT: &str = "meshwright-bot";
/// The token of that user.
pub(crate) const TOKEN: &str = "pat-0123456789abcdef0123456789abcdef";

/// The double of a forge. It ends when it is dropped.
pub(crate) struct Double {
    pub(crate) face: Face,
    pub(crate) address: String,
    pub(crate) state: Arc<Mutex<State>>,
    directory: TempDir,
    _server: server::Server,
}

impl Double {
    /// One with an empty repository, and with alice and bob, who may write, and carol, who may read.
    pub(crate) fn start(face: Face) -> Self {
        let directory = scratch();
        let bare = directory.path().join(format!("{REPOSITORY}.git"));
        let mirror = Mirror::open_or_init(&bare, "main").unwrap();
        let state = Arc::new(Mutex::new(State::new(face, mirror)));
        let server = server::Server::start(Arc::clone(&state), directory.path().to_owned());
        let address = server.address();
        {
            let mut state = state.lock().unwrap();
            state.address.clone_from(&address);
            for login in ["alice", "bob", "human", BOT] {
                state.people.insert(login.to_owned(), Permission::Write);
            }
            state.people.insert("carol".to_owned(), Permission::Read);
        }
        Self { face, address, state, directory, _server: server }
    }

    pub(crate) fn api_url(&self) -> String {
        let path = if self.face == Face::GitHub { "/api/v3" } else { "/api/v1" };
        format!("{}{path}", self.address)
    }

    pub(crate) fn git_url(&self) -> String {
        format!("{}/{REPOSITORY}.git", self.address)
    }

    /// The bare repository, for who pushes past all of this.
    pub(crate) fn repository(&self) -> PathBuf {
        self.directory.path().join(format!("{REPOSITORY}.git"))
    }

    /// Everything, with what git says by now.
    pub(crate) fn lock(&self) -> MutexGuard<'_, State> {
        let mut state = self.state.lock().unwrap();
        state.follow("human");
        state
    }

    /// Changes how it behaves.
    pub(crate) fn set(&self, edit: impl FnOnce(&mut Settings)) {
        edit(&mut self.lock().settings);
    }

    /// The calls of the API since the last time this was asked.
    pub(crate) fn calls(&self) -> Vec<Seen> {
        std::mem::take(&mut self.lock().calls)
    }

    /// Does that to the calls that match, so many times.
    pub(crate) fn fault(&self, matching: Match, fault: Fault, times: usize) {
        self.lock().faults.add(matching, fault, times);
    }

    /// Does one of these to each call to come, whatever it is.
    pub(crate) fn schedule(&self, faults: impl IntoIterator<Item = Option<Fault>>) {
        self.lock().faults.schedule(faults);
    }

    /// Nothing fails any more.
    pub(crate) fn mend(&self) {
        self.lock().faults.clear();
    }

    pub(crate) fn pulls(&self) -> Vec<Pull> {
        self.lock().pulls.values().cloned().collect()
    }
}

/// Where syncing costs nothing, if there is such a place: these tests pull no plugs.
pub(crate) fn scratch() -> TempDir {
    let memory = std::path::Path::new("/dev/shm");
    if memory.is_dir() { TempDir::new_in(memory).or_else(|_| TempDir::new()) } else { TempDir::new() }.unwrap()
}
