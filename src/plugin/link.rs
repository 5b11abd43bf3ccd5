//! The connection to one plugin: what it is, and calls of it within bounds.

use std::collections::{BTreeSet, HashMap, HashSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use rayon::prelude::*;
use tokio::time::timeout;
use tonic::Request;
use tonic::transport::Channel;
use tonic_health::pb::HealthCheckRequest;
use tonic_health::pb::health_check_response::ServingStatus;
use tonic_health::pb::health_client::HealthClient;

use super::fault::{Fault, Reason, short};
use super::kind::OwnedKind;
use super::reading;
use super::target::Target;
use super::v1::plugin_client::PluginClient;
use super::{v1, wire};
use crate::intent::plugins::ListedPlugin;
use crate::render::{Answer, Question};

/// The most bytes of one message, and of all answers to one call.
const LONGEST_MESSAGE: usize = 8 << 20;
const LONGEST_ANSWERS: usize = 128 << 20;

/// The most kinds that a plugin may say it wants or owns.
const MOST_KINDS: usize = 256;

/// Of how many questions of a call the answers are asked for once more, to be compared.
const ASKED_AGAIN: usize = 16;

/// How many answers may come for each whole deadline, beside the one that each may take.
const PACE: usize = 100;

/// How many units are asked about in one message of a stream.
const GROUP: usize = 64;

/// The connection to one plugin.
#[derive(Debug, Clone)]
pub(super) struct Link {
    target: Target,
    channel: Channel,
    /// What it said that it is, until something fails. Each answer says its version again.
    described: Arc<Mutex<Option<Arc<Described>>>>,
}

/// What each question came to.
pub(super) type Outcomes = Vec<(Question, Result<Answer, Fault>)>;

/// What a plugin says it is.
#[derive(Debug, Clone)]
struct Described {
    version: String,
    owned: BTreeSet<OwnedKind>,
}

impl Link {
    /// Connects when it is first used.
    pub(super) fn new(target: Target) -> Result<Self, Fault> {
        let channel = target.endpoint()?.connect_lazy();
        Ok(Self { target, channel, described: Arc::default() })
    }

    fn client(&self) -> PluginClient<Channel> {
        PluginClient::new(self.channel.clone()).max_decoding_message_size(LONGEST_MESSAGE)
    }

    /// Whether it serves, and is the plugin that is listed.
    pub(super) async fn probe(&self, listed: &ListedPlugin) -> Result<(), Fault> {
        let mut health = HealthClient::new(self.channel.clone()).max_decoding_message_size(LONGEST_MESSAGE);
        let check = health.check(HealthCheckRequest::default());
        let answer = within(self.target.deadline, check).await?;
        match answer.status() {
            ServingStatus::Serving => {
                let described = self.describe(listed).await;
                *self.known() = described.as_ref().ok().map(|described| Arc::new(described.clone()));
                described.map(drop)
            }
            status => {
                Err(Fault::new(Reason::Unhealthy, format!("says that it does not serve ({})", status.as_str_name())))
            }
        }
    }

    fn known(&self) -> MutexGuard<'_, Option<Arc<Described>>> {
        self.described.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What it says it is, as far as that is what is listed.
    async fn describe(&self, listed: &ListedPlugin) -> Result<Described, Fault> {
        let described = within(self.target.deadline, self.client().describe(v1::DescribeRequest {})).await?;
        let v1::DescribeResponse { name, version, intent_kinds, resource_kinds } = described;
        let other = |what: String| Err(Fault::new(Reason::Version, what));
        if name != listed.name.as_str() {
            return other(format!("says that it is `{}`: another plugin listens there", short(&name)));
        }
        if version != listed.version {
            return other(format!(
                "is of version `{}`, and meshwright.yaml lists {}; list that, or run this",
                short(&version),
                listed.version
            ));
        }
        if intent_kinds.len() + resource_kinds.len() > MOST_KINDS {
            return Err(Fault::new(Reason::TooMuch, format!("names more than {MOST_KINDS} kinds")));
        }
        let wanted: BTreeSet<&str> = intent_kinds.iter().map(String::as_str).collect();
        let shown: BTreeSet<&str> = listed.kinds.iter().map(|kind| kind.entry().collection).collect();
        if wanted != shown {
            let list = |kinds: BTreeSet<&str>| kinds.into_iter().map(short).collect::<Vec<_>>().join(", ");
            return other(format!(
                "wants to see {}, and meshwright.yaml lists {}; let both say the same",
                list(wanted),
                list(shown)
            ));
        }
        let owned = resource_kinds.into_iter().map(|it| OwnedKind { api_version: it.api_version, kind: it.kind });
        let owned: BTreeSet<OwnedKind> = owned.collect();
        if let Some((kind, why)) = owned.iter().find_map(|kind| Some((kind, kind.refused()?))) {
            return Err(Fault::new(Reason::Wrong, format!("says that it owns {kind}, which {why}")));
        }
        Ok(Described { version, owned })
    }

    /// Asks questions that are all of the version that is listed. Some are asked twice: equal questions must have equal
    /// answers.
    pub(super) async fn ask(&self, listed: &ListedPlugin, questions: Vec<Question>) -> Outcomes {
        let known = self.known().clone();
        let described = match known {
            Some(described) => described,
            None => match self.describe(listed).await {
                Ok(described) => Arc::clone(self.known().insert(Arc::new(described))),
                Err(fault) => return Self::failed(questions, &fault),
            },
        };
        let step = questions.len().div_ceil(ASKED_AGAIN).max(1);
        let some: Vec<Question> = questions.iter().step_by(step).cloned().collect();
        let (first, again) = tokio::join!(self.ask_once(&described, questions), self.ask_once(&described, some));
        let mut again: HashMap<String, Result<Answer, Fault>> =
            again.into_iter().map(|(question, answer)| (question.digest, answer)).collect();
        let compared = |(question, answer): (Question, Result<Answer, Fault>)| {
            let answer = match (answer, again.remove(&question.digest)) {
                (Ok(one), Some(Ok(other))) if one != other => {
                    let unit = question.about.name();
                    let words =
                        format!("answers differently for equal input: asked twice for {unit}, it gave two answers");
                    Err(Fault::new(Reason::Differs, words))
                }
                (Ok(_), Some(Err(fault))) => Err(fault),
                (answer, _) => answer,
            };
            (question, answer)
        };
        let outcomes: Outcomes = first.into_iter().map(compared).collect();
        if outcomes.iter().any(|(_, outcome)| outcome.is_err()) {
            // Whoever listens there by now may be another.
            *self.known() = None;
        }
        outcomes
    }

    /// The same fault of all.
    pub(super) fn failed(questions: Vec<Question>, fault: &Fault) -> Outcomes {
        questions.into_iter().map(|question| (question, Err(fault.clone()))).collect()
    }

    async fn ask_once(&self, described: &Described, questions: Vec<Question>) -> Outcomes {
        let (responses, fault) = match questions.as_slice() {
            [question] => match within(self.target.deadline, self.client().render(wire::request(question))).await {
                Ok(response) => (vec![response], None),
                Err(fault) => (vec![], Some(fault)),
            },
            questions => self.stream(questions).await,
        };
        let (Described { version, owned }, asked) = (described.clone(), questions.clone());
        let read = tokio::task::spawn_blocking(move || read(questions, responses, &version, &owned, fault));
        let unread = |error: tokio::task::JoinError| {
            tracing::error!(%error, "what a plugin answered could not be read");
            Self::failed(asked, &Fault::new(Reason::Failed, "answers what cannot be read; the log says why"))
        };
        read.await.unwrap_or_else(unread)
    }

    /// Asks many questions in one call. What came before something went wrong counts.
    async fn stream(&self, questions: &[Question]) -> (Vec<v1::RenderResponse>, Option<Fault>) {
        let deadline = self.target.deadline;
        // Each group is put into words when it is sent: the plugin begins with the first.
        let groups: Vec<Vec<Question>> = questions.chunks(GROUP).map(<[Question]>::to_vec).collect();
        let words = |group: Vec<Question>| v1::RenderAllRequest { requests: group.iter().map(wire::request).collect() };
        let requests = groups.into_iter().map(words);
        let mut wanted: HashSet<String> = questions.iter().map(|question| question.digest.clone()).collect();
        let mut responses = vec![];
        let mut client = self.client();
        let asked = client.render_all(Request::new(tokio_stream::iter(requests)));
        let mut bytes = 0;
        let whole = deadline.saturating_mul(1 + u32::try_from(questions.len() / PACE).unwrap_or(u32::MAX - 1));
        let answers = async {
            let mut stream = timeout(deadline, asked).await.map_err(|_| Fault::late(deadline))?;
            let stream = stream.as_mut().map_err(|status| Fault::of(status))?.get_mut();
            while !wanted.is_empty() {
                let next = timeout(deadline, stream.message()).await.map_err(|_| Fault::late(deadline))?;
                let Some(group) = next.map_err(|status| Fault::of(&status))? else {
                    let words = format!("ended with {} of {} questions unanswered", wanted.len(), questions.len());
                    return Err(Fault::new(Reason::Failed, words));
                };
                bytes += prost::Message::encoded_len(&group);
                if bytes > LONGEST_ANSWERS {
                    return Err(Fault::new(
                        Reason::TooMuch,
                        format!("answers more than {LONGEST_ANSWERS} bytes at once"),
                    ));
                }
                for response in group.responses {
                    if !wanted.remove(&response.input_digest) {
                        return Err(Fault::new(Reason::TooMuch, "answers what it was not asked, or the same twice"));
                    }
                    responses.push(response);
                }
            }
            Ok(())
        };
        let fault = timeout(whole, answers).await.unwrap_or_else(|_| Err(Fault::late(whole))).err();
        (responses, fault)
    }
}

/// What a call ends with, within `deadline`.
async fn within<T>(
    deadline: Duration,
    call: impl Future<Output = Result<tonic::Response<T>, tonic::Status>>,
) -> Result<T, Fault> {
    let answered = timeout(deadline, call).await.map_err(|_| Fault::late(deadline))?;
    answered.map(tonic::Response::into_inner).map_err(|status| Fault::of(&status))
}

/// Reads responses; questions without one have the `fault`.
fn read(
    questions: Vec<Question>,
    responses: Vec<v1::RenderResponse>,
    version: &str,
    owned: &BTreeSet<OwnedKind>,
    fault: Option<Fault>,
) -> Outcomes {
    let mut responses: HashMap<String, v1::RenderResponse> =
        responses.into_iter().map(|response| (response.input_digest.clone(), response)).collect();
    let answered: Vec<_> = questions
        .into_iter()
        .map(|question| {
            let response = responses.remove(&question.digest);
            (question, response)
        })
        .collect();
    let unasked = || Fault::new(Reason::Failed, "answers for other input than it was asked".to_owned());
    let fault = fault.unwrap_or_else(unasked);
    let read = |(question, response): (Question, Option<v1::RenderResponse>)| {
        let answer = match response {
            None => Err(fault.clone()),
            Some(response) if response.version != version => {
                let says = short(&response.version);
                let words = format!("says that it is {version}, and answers as version `{says}`");
                Err(Fault::new(Reason::Version, words))
            }
            Some(response) => reading::answer(&question.plugin, owned, &question.about, response),
        };
        (question, answer)
    };
    answered.into_par_iter().map(read).collect()
}
