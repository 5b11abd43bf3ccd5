//! Outside plugins, where a command reaches them.

use std::collections::BTreeMap;
use std::io::IsTerminal as _;
use std::path::PathBuf;
use std::sync::Arc;

use tokio::runtime::Runtime;

use super::{Failure, output};
use crate::boot::{SystemClock, plugin_directory};
use crate::change::Plugins as _;
use crate::config::Config;
use crate::intent::{Settings, Tree};
use crate::plugin::{Directory, Pool};
use crate::render::{Answers, Ask, Question};
use crate::review::words::many;

/// So many questions are worth saying that they are asked.
const MANY: usize = 100;

#[derive(clap::Args)]
pub(super) struct Reach {
    /// Ask the outside plugins that meshwright.yaml lists. Where they are reached is read from FILE, a server's
    /// configuration (its plugins, pluginDirectory and registeredPlugins), and from the controllers of the checkout
    #[arg(long, value_name = "FILE", num_args = 0..=1)]
    plugins: Option<Option<PathBuf>>,
}

impl Reach {
    /// Whether plugins are to be asked.
    pub(super) fn is_asked(&self) -> bool {
        self.plugins.is_some()
    }

    /// A way to the plugins that are listed, if they are to be asked.
    pub(super) fn way(&self, tree: &Tree, settings: &Settings) -> Result<Option<Way>, Failure> {
        let Some(file) = &self.plugins else { return Ok(None) };
        // Also where nobody is asked: a file that is not there is no reason to call all well.
        let directory = directory(file.as_ref())?;
        // One thread sends and takes in; what is much to read is read on others.
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build();
        let runtime = runtime.map_err(Failure::failed)?;
        let pool = Pool::new(directory, Arc::new(SystemClock), runtime.handle().clone());
        pool.follow(tree, settings);
        Ok(Some(Way { runtime, pool }))
    }
}

/// A way to plugins.
pub(super) struct Way {
    runtime: Runtime,
    pool: Pool,
}

impl Ask for Way {
    fn answers(&self) -> &Answers {
        self.pool.answers()
    }

    fn begin(&self, questions: &[Question]) {
        if questions.len() >= MANY && std::io::stderr().is_terminal() {
            output::note(&format!("asking plugins about {}…", many(questions.len(), "unit")));
        }
        self.pool.ask(questions);
    }

    fn wait(&self, questions: &[Question]) {
        self.runtime.block_on(self.pool.settle(questions));
    }
}

/// What plugins answered, and why others did not.
pub(super) struct Answered {
    pub(super) answers: Answers,
    pub(super) faults: Vec<String>,
}

impl Way {
    /// What is wrong with plugins that are listed, by their names, whether anything is to be asked of them or not.
    pub(super) fn look(&self) -> BTreeMap<String, String> {
        self.runtime.block_on(self.pool.faults_of_looks())
    }

    /// Has plugins asked.
    pub(super) fn ask(self, questions: &[Question]) -> Answered {
        self.begin(questions);
        self.wait(questions);
        Answered { answers: self.answers().clone(), faults: self.end(questions) }
    }

    /// Why some of these were not answered; nobody is asked any more.
    pub(super) fn end(self, questions: &[Question]) -> Vec<String> {
        let faults = self.pool.faults(questions);
        // A plugin that hangs holds nobody up.
        self.runtime.shutdown_background();
        faults
    }
}

fn directory(file: Option<&PathBuf>) -> Result<Directory, Failure> {
    let Some(path) = file else { return Ok(Directory::default()) };
    let wrong = |why: String| Failure::Usage(format!("{}: {why}", output::path(path)));
    let text = std::fs::read_to_string(path).map_err(|error| wrong(error.to_string()))?;
    let config = Config::read(&text).map_err(wrong)?;
    plugin_directory(&config).map_err(|error| wrong(error.to_string()))
}
