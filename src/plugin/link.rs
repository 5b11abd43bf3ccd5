//! The connection to one plugin: what it is, and calls of it within bounds.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::time::timeout;
use tokio_stream::Stream;
use tonic::client::Grpc;
use tonic::codegen::http::uri::PathAndQuery;
use tonic::transport::Channel;
use tonic::{Request, Response, Status, Streaming};
use tonic_health::pb::HealthCheckRequest;
use tonic_health::pb::health_check_response::ServingStatus;
use tonic_health::pb::health_client::HealthClient;

use super::described::Described;
use super::dialer::Dialer;
use super::fault::{Fault, Reason};
use super::intake::{Intake, Outcomes};
use super::quota::{Call, EXCEEDED, Quota};
use super::target::Target;
use super::v1;
use super::v1::plugin_client::PluginClient;
use super::wire::{Group, LONGEST_ANSWERS, Wire};
use crate::intent::plugins::ListedPlugin;
use crate::render::Question;

/// The most bytes of what it says of itself, and of one message of answers.
const LONGEST_DESCRIPTION: usize = 64 << 10;
const LONGEST_MESSAGE: usize = 8 << 20;

/// Of how many questions of a call the answers are asked for once more, to be compared.
const ASKED_AGAIN: usize = 16;

/// How many answers may come for each whole deadline, beside the one that each may take.
const PACE: usize = 100;

/// Where the methods are called that are asked questions.
const RENDER: &str = "/meshwright.plugin.v1.Plugin/Render";
const RENDER_ALL: &str = "/meshwright.plugin.v1.Plugin/RenderAll";

/// The way to one plugin. Cloning shares it.
#[derive(Debug, Clone)]
pub(super) struct Link {
    line: Arc<Mutex<Arc<Line>>>,
}

/// A connection to a plugin, which is made when it is first used.
#[derive(Debug)]
struct Line {
    dialer: Dialer,
    deadline: Duration,
    channel: Channel,
    quota: Quota,
    /// What the plugin said that it is, until something fails. Each answer says its version again.
    described: Mutex<Option<Arc<Described>>>,
    /// Whether it ever said so.
    worked: AtomicBool,
}

impl Link {
    /// A way to a plugin; nothing is connected yet.
    pub(super) fn new(target: &Target) -> Result<Self, Fault> {
        let line = Line::new(target.dialer()?, target.deadline);
        Ok(Self { line: Arc::new(Mutex::new(line)) })
    }

    fn line(&self) -> MutexGuard<'_, Arc<Line>> {
        self.line.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes notice of what failed on a connection: whoever listens there by now may be another. One that worked before, and
    /// may be dead or flooded, is let go of; one that is still being made is not, or a slow one would never be.
    fn failed_on<'a>(&self, failed: &Arc<Line>, mut faults: impl Iterator<Item = &'a Fault>) {
        *failed.described() = None;
        let may_help =
            failed.worked.load(Ordering::Relaxed) && faults.any(|it| it.reason.may_end_with_the_connection());
        let mut line = self.line();
        if may_help && Arc::ptr_eq(&line, failed) {
            *line = Line::new(failed.dialer.clone(), failed.deadline);
        }
    }

    /// Whether it serves, and is the plugin that is listed.
    pub(super) async fn probe(&self, listed: &ListedPlugin) -> Result<(), Fault> {
        let line = Arc::clone(&self.line());
        let looked = line.look(listed).await;
        if let Err(fault) = &looked {
            self.failed_on(&line, std::iter::once(fault));
        }
        looked
    }

    /// Asks questions that are all of the version that is listed. Some are asked twice: equal questions must have equal
    /// answers.
    pub(super) async fn ask(&self, listed: &ListedPlugin, questions: Vec<Question>) -> Outcomes {
        let line = Arc::clone(&self.line());
        let known = line.described().clone();
        let described = match known {
            Some(described) => described,
            None => match line.describe(listed).await {
                Ok(described) => described,
                Err(fault) => {
                    self.failed_on(&line, std::iter::once(&fault));
                    return Self::failed(questions, &fault);
                }
            },
        };
        let step = questions.len().div_ceil(ASKED_AGAIN).max(1);
        let some: Arc<[Question]> = questions.iter().step_by(step).cloned().collect();
        let questions: Arc<[Question]> = questions.into();
        let (mut outcomes, again) = tokio::join!(line.ask(&described, questions), line.ask(&described, some));
        for ((question, answer), (_, again)) in outcomes.iter_mut().step_by(step).zip(again) {
            let fault = match (&*answer, again) {
                (Ok(one), Ok(other)) if *one != other => {
                    let unit = question.about.name();
                    let words =
                        format!("answers differently for equal input: asked twice for {unit}, it gave two answers");
                    Fault::new(Reason::Differs, words)
                }
                (Ok(_), Err(fault)) => fault,
                _ => continue,
            };
            *answer = Err(fault);
        }
        let mut faults = outcomes.iter().filter_map(|(_, outcome)| outcome.as_ref().err()).peekable();
        if faults.peek().is_some() {
            self.failed_on(&line, faults);
        }
        outcomes
    }

    /// The same fault of all.
    pub(super) fn failed(questions: Vec<Question>, fault: &Fault) -> Outcomes {
        questions.into_iter().map(|question| (question, Err(fault.clone()))).collect()
    }
}

impl Line {
    fn new(dialer: Dialer, deadline: Duration) -> Arc<Self> {
        let quota = Quota::default();
        let channel = dialer.channel(quota.clone());
        Arc::new(Self { dialer, deadline, channel, quota, described: Mutex::default(), worked: AtomicBool::new(false) })
    }

    fn described(&self) -> MutexGuard<'_, Option<Arc<Described>>> {
        self.described.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn look(&self, listed: &ListedPlugin) -> Result<(), Fault> {
        if self.quota.was_exceeded_unasked() {
            return Err(flooded());
        }
        let mut health = HealthClient::new(self.channel.clone()).max_decoding_message_size(LONGEST_DESCRIPTION);
        let check = health.check(HealthCheckRequest::default());
        let answer = self.within(LONGEST_DESCRIPTION, check).await?;
        match answer.status() {
            ServingStatus::Serving => self.describe(listed).await.map(drop),
            status => {
                Err(Fault::new(Reason::Unhealthy, format!("says that it does not serve ({})", status.as_str_name())))
            }
        }
    }

    /// What it says it is, as far as that is what is listed.
    async fn describe(&self, listed: &ListedPlugin) -> Result<Arc<Described>, Fault> {
        let mut client = PluginClient::new(self.channel.clone()).max_decoding_message_size(LONGEST_DESCRIPTION);
        let says = self.within(LONGEST_DESCRIPTION, client.describe(v1::DescribeRequest {})).await?;
        let described = Arc::new(Described::of(says, listed)?);
        *self.described() = Some(Arc::clone(&described));
        self.worked.store(true, Ordering::Relaxed);
        Ok(described)
    }

    async fn ask(&self, described: &Arc<Described>, questions: Arc<[Question]>) -> Outcomes {
        let mut intake = Intake::new(Arc::clone(described), Arc::clone(&questions));
        let asked = match &*questions {
            [question] => match self.within(LONGEST_MESSAGE, self.render(question.clone())).await {
                Ok(response) => intake.take(vec![response]).await,
                Err(fault) => Err(fault),
            },
            _ => self.stream(questions, &mut intake).await,
        };
        intake.end(asked.err()).await
    }

    /// The method `Render`, as the client that is generated calls it, but for who writes the message.
    async fn render(&self, question: Question) -> Result<Response<v1::RenderResponse>, Status> {
        self.grpc().await?.unary(Request::new(question), PathAndQuery::from_static(RENDER), Wire::default()).await
    }

    /// The method `RenderAll`.
    async fn render_all(
        &self,
        groups: impl Stream<Item = Group> + Send + 'static,
    ) -> Result<Response<Streaming<v1::RenderAllResponse>>, Status> {
        self.grpc().await?.streaming(Request::new(groups), PathAndQuery::from_static(RENDER_ALL), Wire::default()).await
    }

    async fn grpc(&self) -> Result<Grpc<Channel>, Status> {
        let mut grpc = Grpc::new(self.channel.clone()).max_decoding_message_size(LONGEST_MESSAGE);
        grpc.ready().await.map_err(|error| Status::from_error(error.into()))?;
        Ok(grpc)
    }

    /// Asks many questions in one call. What came before something went wrong counts.
    async fn stream(&self, questions: Arc<[Question]>, intake: &mut Intake) -> Result<(), Fault> {
        let (deadline, at) = (self.deadline, self.dialer.address());
        let count = questions.len();
        let asked = self.render_all(tokio_stream::iter(Group::all(questions)));
        let whole = deadline.saturating_mul(1 + u32::try_from(count / PACE).unwrap_or(u32::MAX - 1));
        let answers = async {
            let mut stream = timeout(deadline, asked).await.map_err(|_| Fault::late(deadline))?;
            let stream = stream.as_mut().map_err(|status| Fault::of(status, at))?.get_mut();
            while intake.lacks() > 0 {
                let next = timeout(deadline, stream.message()).await.map_err(|_| Fault::late(deadline))?;
                let Some(group) = next.map_err(|status| Fault::of(&status, at))? else {
                    let words = format!("ended with {} of {count} questions unanswered", intake.lacks());
                    return Err(Fault::new(Reason::Failed, words));
                };
                intake.take(group.responses).await?;
            }
            Ok(())
        };
        let call = self.quota.call(LONGEST_ANSWERS.min(count.saturating_mul(LONGEST_MESSAGE)));
        let answered = timeout(whole, answers).await.unwrap_or_else(|_| Err(Fault::late(whole)));
        answered.map_err(|fault| cause(&call, fault))
    }

    /// What a call ends with that is answered by no more than so many bytes, and in time.
    async fn within<T>(
        &self,
        bytes: usize,
        asked: impl Future<Output = Result<Response<T>, Status>>,
    ) -> Result<T, Fault> {
        let call = self.quota.call(bytes);
        let answered = timeout(self.deadline, asked).await.map_err(|_| Fault::late(self.deadline));
        let answered =
            answered.and_then(|answered| answered.map_err(|status| Fault::of(&status, self.dialer.address())));
        answered.map(Response::into_inner).map_err(|fault| cause(&call, fault))
    }
}

/// What a call ended with, or the flood that it ended by.
fn cause(call: &Call, fault: Fault) -> Fault {
    if call.exceeded() { flooded() } else { fault }
}

fn flooded() -> Fault {
    Fault::new(Reason::TooMuch, EXCEEDED)
}
