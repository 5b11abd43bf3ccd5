//! Rendering: the intents of a scope are resolved and handed to the plugins, and what these answer is put together.

use super::asked::Asked;
use super::assembly::Assembly;
use super::dns::Dns;
use super::load_balancer::LoadBalancer;
use super::output::{Output, Rendered};
use super::outside::{self, Answers, Outside, PluginFiles};
use super::plugin::Plugin;
use super::question::Question;
use super::scope::Scope;
use super::sm_config::SmConfig;
use crate::intent::{Settings, Tree};

/// The plugins that are built in.
const BUILT_IN: [&dyn Plugin; 3] = [&SmConfig, &LoadBalancer, &Dns];

/// Renders the services of `scope` as `tree` has them, with what is known of outside plugins.
#[must_use]
pub fn render(tree: &Tree, settings: &Settings, scope: &Scope, outside: Outside<'_>) -> Rendered {
    rendered(tree, settings, scope, outside, |_| {}, |_| {})
}

/// Who has outside plugins asked.
pub trait Ask {
    /// What was answered.
    fn answers(&self) -> &Answers;
    /// Has these answered, and comes back at once.
    fn begin(&self, questions: &[Question]);
    /// Waits until each of these is answered or has failed, after which it may have been asked once more.
    fn wait(&self, questions: &[Question]);
}

/// Renders the services of `scope`, with the files of outside plugins as they should be. Plugins are asked for those that main
/// does not have; they answer while what is built in is rendered.
#[must_use]
pub fn render_asking(
    tree: &Tree,
    settings: &Settings,
    scope: &Scope,
    files: &PluginFiles,
    plugins: &impl Ask,
) -> Rendered {
    let outside = Outside::Fresh { files, before: None, answers: plugins.answers() };
    rendered(tree, settings, scope, outside, |questions| plugins.begin(questions), |questions| plugins.wait(questions))
}

/// Puts together what all plugins answer. Those outside come first: `begin` has them asked what they did not answer yet, while
/// the rest is rendered, and `wait` waits for it.
fn rendered(
    tree: &Tree,
    settings: &Settings,
    scope: &Scope,
    outside: Outside<'_>,
    begin: impl FnOnce(&[Question]),
    wait: impl FnOnce(&[Question]),
) -> Rendered {
    let mut out = Output::default();
    let asked = Asked::resolve(tree, settings, scope, &mut out);
    let listed = outside::listed(&settings.plugins, tree, outside);
    listed.iter().for_each(|plugin| out.extend(answer(plugin, &asked)));
    begin(&out.unanswered);
    BUILT_IN.into_iter().for_each(|plugin| out.extend(answer(plugin, &asked)));
    let questions = std::mem::take(&mut out.unanswered);
    // All that can be done without the answers is done before them.
    let mut assembly = Assembly::default();
    assembly.add(out);
    wait(&questions);
    assembly.add(outside::answered(questions, outside, settings.gitops));
    assembly.finish()
}

/// Everything that outside plugins can be asked about the services of `scope`.
#[must_use]
pub fn questions(tree: &Tree, settings: &Settings, scope: &Scope) -> Vec<Question> {
    let (files, answers) = (PluginFiles::default(), Answers::default());
    let outside = Outside::Fresh { files: &files, before: None, answers: &answers };
    let asked = Asked::resolve(tree, settings, scope, &mut Output::default());
    let listed = outside::listed(&settings.plugins, tree, outside);
    listed.iter().flat_map(|plugin| plugin.render(&asked).unanswered).collect()
}

/// What a plugin answers.
fn answer(plugin: &dyn Plugin, asked: &Asked<'_>) -> Output {
    let mut answer = plugin.render(asked);
    answer.manifests.iter_mut().for_each(|manifest| manifest.plugin = plugin.name());
    answer
}
