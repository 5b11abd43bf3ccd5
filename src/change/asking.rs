//! Whether somebody may call a service, as main is.

use std::collections::BTreeSet;

use super::Base;
use super::desk::Desk;
use super::submission::{Cause, Refusal};
use crate::intent::Anchor;
use crate::intent::scalar::DnsLabel;
use crate::render::{self, Outside, Scope};
use crate::review::{Answer, Model, Question, Side};

impl Base {
    /// What the workloads behind a service answer to somebody who calls it, as far as this shows: by its intents and the
    /// manifests beside the generated ones. Blocks for as long as rendering the service takes.
    ///
    /// # Errors
    /// When no intent is about that service, cluster or port, or what is there cannot be read.
    pub fn may(&self, question: &Question) -> Result<Vec<Answer>, Refusal> {
        let unknown = |what: String| Refusal::new(Cause::NotFound, "", what);
        let Question { namespace, service, .. } = question;
        let nobody = || unknown(format!("no inbound intent is about the service {namespace}/{service}"));
        let labels = (DnsLabel::parse(namespace), DnsLabel::parse(service));
        let (Ok(namespace), Ok(service)) = labels else { return Err(nobody()) };
        let servers: Vec<Anchor> = self.tree.of_service(&namespace, &service).cloned().collect();
        if let Some(why) = servers.iter().find_map(|server| self.unreadable(server)) {
            return Err(Refusal::new(Cause::Unavailable, "", why));
        }
        if servers.is_empty() {
            let unread = self.problems.values().flatten().next();
            let unread = unread.map(|it| Refusal::new(Cause::Unavailable, "", format!("a file cannot be read, {it}")));
            return Err(unread.unwrap_or_else(nobody));
        }
        let scope = Scope::concerned(&self.tree, &self.tree, &servers);
        let rendered = render::render(&self.tree, &self.settings, &scope, Outside::AsMain(&self.plugin_files));
        let side = Side { rendered: &rendered, strays: &self.strays };
        let model = Model::new(&self.tree, &self.settings.cluster_defaults, side);
        let answers = model.ask(question);
        if answers.is_empty() {
            let anywhere = Question { port: None, cluster: None, ..question.clone() };
            let served: BTreeSet<String> =
                model.ask(&anywhere).iter().map(|at| format!("{} on port {}", at.cluster, at.port)).collect();
            let served = Vec::from_iter(served).join(", ");
            return Err(unknown(match served.is_empty() {
                true => format!("{namespace}/{service} is placed on no cluster"),
                false => format!("{namespace}/{service} is not served there; it is on {served}"),
            }));
        }
        Ok(answers)
    }
}

impl Desk {
    /// The same of main.
    ///
    /// # Errors
    /// As [`Base::may`].
    pub fn may(&self, question: &Question) -> Result<Vec<Answer>, Refusal> {
        self.view().base.may(question)
    }
}
