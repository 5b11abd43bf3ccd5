//! Whether somebody may call a service, as main is.

use super::Base;
use super::desk::Desk;
use super::submission::{Cause, Refusal};
use crate::intent::Anchor;
use crate::intent::scalar::DnsLabel;
use crate::render::{self, Scope};
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
        let rendered = render::render(&self.tree, &self.settings, &scope);
        let side = Side { rendered: &rendered, strays: &self.strays };
        let answers = Model::new(&self.tree, &self.settings.cluster_defaults, side).ask(question);
        if answers.is_empty() {
            let port = question.port.map(|port| format!(" on port {port}")).unwrap_or_default();
            let cluster = question.cluster.as_ref().map(|cluster| format!(" on {cluster}")).unwrap_or_default();
            return Err(unknown(format!("{namespace}/{service} is placed nowhere{cluster}, or not served{port}")));
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
