//! What the life of a change needs of outside plugins.

use async_trait::async_trait;

use super::times::Times;
use crate::intent::{Settings, Tree};
use crate::render::{Answers, Question};
use crate::review::words::many;

/// How an outside plugin is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PluginReport {
    /// What it is called.
    pub name: String,
    /// Why it does not work, in words for every caller to read; none where it does.
    pub fault: Option<String>,
    /// How long calls took, whatever came of them.
    pub calls: Times,
    /// How many questions were not answered as they have to be, by the reason in one word.
    pub failures: Vec<(&'static str, u64)>,
}

/// The outside plugins: they are asked in the background, so that none of them holds up what does not need it.
#[async_trait]
pub trait Plugins: Send + Sync {
    /// What main says by now: which plugins are listed, and where some are registered.
    fn follow(&self, tree: &Tree, settings: &Settings);

    /// What was answered.
    fn answers(&self) -> &Answers;

    /// Has questions asked, and comes back at once. What is being asked already is not asked twice, and what failed is asked
    /// again when it is time. While one plugin answers, those that come after it wait to be asked by another call.
    fn ask(&self, questions: &[Question]);

    /// Why questions were not answered the last time, once each, in words for people; none of those that are asked for the
    /// first time.
    fn faults(&self, questions: &[Question]) -> Vec<String>;

    /// Resolves when something that was not answered may be by now, or can be asked again.
    async fn answered(&self);

    /// Has questions asked, of one plugin after the other, and waits until each is answered or failed.
    async fn settle(&self, questions: &[Question]);

    /// How the plugins are that main lists.
    fn reports(&self) -> Vec<PluginReport>;
}

/// How many faults are said of many.
const MOST_SAID: usize = 10;

/// The first of many faults, and how many more there are.
pub(super) fn first(faults: &[String]) -> Vec<String> {
    let more = faults.len().saturating_sub(MOST_SAID);
    let more = (more > 0).then(|| format!("{} of plugins", many(more, "more fault")));
    faults.iter().take(MOST_SAID).cloned().chain(more).collect()
}

/// No outside plugins: whoever is listed cannot be reached.
#[derive(Debug, Default)]
pub struct NoPlugins(Answers);

#[async_trait]
impl Plugins for NoPlugins {
    fn follow(&self, _: &Tree, _: &Settings) {}

    fn answers(&self) -> &Answers {
        &self.0
    }

    fn ask(&self, _: &[Question]) {}

    fn faults(&self, questions: &[Question]) -> Vec<String> {
        let mut plugins: Vec<&str> = questions.iter().map(|question| &*question.input.plugin).collect();
        plugins.sort_unstable();
        plugins.dedup();
        plugins.into_iter().map(|plugin| format!("the plugin {plugin} is not connected to this server")).collect()
    }

    async fn answered(&self) {
        std::future::pending().await
    }

    async fn settle(&self, _: &[Question]) {}

    fn reports(&self) -> Vec<PluginReport> {
        vec![]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_many_faults_ten_are_said() {
        let faults = |count: usize| (0..count).map(|number| number.to_string()).collect::<Vec<_>>();
        assert_eq!(first(&faults(10)), faults(10));
        assert_eq!(first(&faults(1010))[9..], ["9", "1000 more faults of plugins"]);
    }
}
