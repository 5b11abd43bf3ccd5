//! What is asked, as messages of `proto/meshwright/plugin/v1`: written straight from the questions, since a mesh is asked
//! about in tens of megabytes that would be built and copied for nothing.

use std::marker::PhantomData;
use std::sync::Arc;

use prost::bytes::{Buf as _, BufMut as _};
use prost::encoding::{WireType, encode_varint, encoded_len_varint};
use tonic::Status;
use tonic::codec::{Codec, DecodeBuf, Decoder, EncodeBuf, Encoder};

use super::pieces::{self, Answered, Room};
use crate::render::{AskedCluster, AskedIntent, Asking, Question, Subject};

/// Some of the questions of one call: a `RenderAllRequest`.
pub(super) struct Group(Message);

/// The most units that are asked about in one message of a stream, and how many bytes they may have unless one alone has more:
/// by default, servers of gRPC take 4 MiB.
const MOST: usize = 16;
const MOST_BYTES: usize = 1 << 20;

impl Group {
    /// All questions in groups, each of which is put together when it is sent: the plugin begins with the first.
    pub(super) fn all(questions: Arc<[Question]>) -> impl Iterator<Item = Self> {
        let mut next = 0;
        std::iter::from_fn(move || {
            let (mut group, first) = (Message::default(), next);
            for question in questions.get(first..)?.iter().take(MOST) {
                let before = group.0.len();
                group.nested(1, question);
                if before > 0 && group.0.len() > MOST_BYTES {
                    group.0.truncate(before);
                    break;
                }
                next += 1;
            }
            (next > first).then_some(Self(group))
        })
    }
}

/// The most bytes of all answers to one call.
const LONGEST_ANSWERS: usize = 128 << 20;

/// Writes what is asked as `T`, and reads what is answered as `R`.
pub(super) struct Wire<T, R> {
    /// How many bytes were answered.
    taken: usize,
    messages: PhantomData<(T, R)>,
}

impl<T, R> Default for Wire<T, R> {
    fn default() -> Self {
        Self { taken: 0, messages: PhantomData }
    }
}

impl<T: Into<Message> + Send + 'static, R: Answered + Send + 'static> Codec for Wire<T, R> {
    type Encode = T;
    type Decode = R;
    type Encoder = Self;
    type Decoder = Self;

    fn encoder(&mut self) -> Self {
        Self::default()
    }

    fn decoder(&mut self) -> Self {
        Self::default()
    }
}

impl<T: Into<Message> + Send + 'static, R> Encoder for Wire<T, R> {
    type Item = T;
    type Error = Status;

    fn encode(&mut self, message: T, to: &mut EncodeBuf<'_>) -> Result<(), Status> {
        to.put_slice(&message.into().0);
        Ok(())
    }
}

impl<T, R: Answered> Decoder for Wire<T, R> {
    type Item = R;
    type Error = Status;

    fn decode(&mut self, from: &mut DecodeBuf<'_>) -> Result<Option<R>, Status> {
        let message = from.copy_to_bytes(from.remaining());
        self.taken = self.taken.saturating_add(message.len());
        if self.taken > LONGEST_ANSWERS {
            return Err(Status::out_of_range(format!("answers more than {LONGEST_ANSWERS} bytes at once")));
        }
        pieces::fit(&message, &R::LISTS, &mut Room::default())?;
        R::decode(message).map(Some).map_err(pieces::unread)
    }
}

/// What is written as a message of Protocol Buffers.
trait ToWire {
    fn write(&self, to: &mut Message);
}

/// A message of Protocol Buffers, as it is written. As in every message of proto3, texts that are empty and flags that are not
/// set are left out, but for the items of lists.
#[derive(Default)]
pub(super) struct Message(Vec<u8>);

impl Message {
    fn varint(&mut self, value: u64) {
        encode_varint(value, &mut self.0);
    }

    fn key(&mut self, tag: u32, wire_type: WireType) {
        self.varint(u64::from(tag << 3 | wire_type as u32));
    }

    /// A text that is put together of `pieces`.
    fn item(&mut self, tag: u32, pieces: &[&[u8]]) {
        self.key(tag, WireType::LengthDelimited);
        self.varint(pieces.iter().map(|piece| piece.len() as u64).sum());
        pieces.iter().for_each(|piece| self.0.extend_from_slice(piece));
    }

    fn text(&mut self, tag: u32, text: &str) {
        if !text.is_empty() {
            self.item(tag, &[text.as_bytes()]);
        }
    }

    fn flag(&mut self, tag: u32, is_set: bool) {
        if is_set {
            self.key(tag, WireType::Varint);
            self.varint(1);
        }
    }

    fn nested(&mut self, tag: u32, message: &impl ToWire) {
        self.key(tag, WireType::LengthDelimited);
        let start = self.0.len();
        message.write(self);
        // Its length stands before it, and is known by now.
        let length = (self.0.len() - start) as u64;
        self.varint(length);
        self.0[start..].rotate_right(encoded_len_varint(length));
    }
}

impl From<Group> for Message {
    fn from(group: Group) -> Self {
        group.0
    }
}

impl From<Question> for Message {
    fn from(question: Question) -> Self {
        let mut message = Self::default();
        question.write(&mut message);
        message
    }
}

/// A `RenderRequest`.
impl ToWire for Question {
    fn write(&self, to: &mut Message) {
        to.item(1, &[&self.input.digest.digits()]);
        to.nested(2, &*self.about);
    }
}

/// A `Unit`.
impl ToWire for Asking {
    fn write(&self, to: &mut Message) {
        let Self { namespace, subject, intents, clusters } = self;
        to.text(1, namespace.as_str());
        match subject {
            Subject::Service(service) => to.item(2, &[service.as_bytes()]),
            Subject::Workload(label) => to.item(3, &[label.as_bytes()]),
        }
        intents.iter().for_each(|intent| to.nested(4, intent));
        clusters.iter().for_each(|cluster| to.nested(5, &**cluster));
    }
}

/// An `Intent`.
impl ToWire for AskedIntent {
    fn write(&self, to: &mut Message) {
        let Self { anchor, body, namespace, clusters, closed, protocol } = self;
        to.text(1, anchor.as_str());
        to.text(2, anchor.kind().entry().collection);
        to.text(3, body);
        to.text(4, namespace.as_str());
        clusters.iter().for_each(|id| to.item(5, &[id.provider.as_bytes(), b"/", id.cluster.as_bytes()]));
        to.flag(6, *closed);
        to.text(7, protocol);
    }
}

/// A `Cluster`.
impl ToWire for AskedCluster {
    fn write(&self, to: &mut Message) {
        let Self { name, trust_domain, root_namespace, ingress_address, east_west_address } = self;
        for (tag, text) in (1..).zip([name, trust_domain, root_namespace, ingress_address, east_west_address]) {
            to.text(tag, text);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use prost::Message as _;

    use super::super::v1;
    use super::*;
    use crate::intent::scalar::DnsLabel;
    use crate::intent::{Anchor, ClusterId};
    use crate::render::Input;

    /// Short texts, or ones whose length takes two bytes.
    fn question(subject: Subject, long: bool) -> Question {
        let text = |text: &str| if long { text.repeat(100) } else { text.to_owned() };
        let namespace = || DnsLabel::parse("shop").unwrap();
        let id = |cluster: &str| ClusterId { provider: text("gke"), cluster: cluster.to_owned() };
        let plain = AskedIntent {
            anchor: Anchor::parse("projects/shop").unwrap(),
            body: text(r#"{"ü":1}"#).into(),
            namespace: namespace(),
            clusters: Arc::new(BTreeSet::from([id("east"), id("west")])),
            closed: true,
            protocol: "HTTP",
        };
        let bare =
            AskedIntent { body: "".into(), clusters: Arc::default(), closed: false, protocol: "", ..plain.clone() };
        let cluster = AskedCluster {
            name: text("gke/east"),
            trust_domain: text("cluster.local"),
            root_namespace: text("istio-system"),
            ingress_address: text("192.0.2.1"),
            east_west_address: String::new(),
        };
        let about =
            Asking { namespace: namespace(), subject, intents: vec![plain, bare], clusters: vec![Arc::new(cluster)] };
        let input = Input { plugin: "np".into(), version: "1".into(), digest: about.digest() };
        Question { input, about: Arc::new(about) }
    }

    /// The same as the types that are generated have it.
    fn generated(question: &Question) -> v1::RenderRequest {
        let about = &question.about;
        let intent = |asked: &AskedIntent| v1::Intent {
            anchor: asked.anchor.to_string(),
            kind: asked.anchor.kind().entry().collection.to_owned(),
            body: asked.body.to_string(),
            namespace: asked.namespace.to_string(),
            clusters: asked.clusters.iter().map(ToString::to_string).collect(),
            closed: asked.closed,
            protocol: asked.protocol.to_owned(),
        };
        let cluster = |asked: &Arc<AskedCluster>| v1::Cluster {
            name: asked.name.clone(),
            trust_domain: asked.trust_domain.clone(),
            root_namespace: asked.root_namespace.clone(),
            ingress_address: asked.ingress_address.clone(),
            east_west_address: asked.east_west_address.clone(),
        };
        let unit = v1::Unit {
            namespace: about.namespace.to_string(),
            subject: Some(match &about.subject {
                Subject::Service(service) => v1::unit::Subject::Service(service.clone()),
                Subject::Workload(label) => v1::unit::Subject::Workload(label.clone()),
            }),
            intents: about.intents.iter().map(intent).collect(),
            clusters: about.clusters.iter().map(cluster).collect(),
        };
        v1::RenderRequest { input_digest: question.input.digest.to_string(), unit: Some(unit) }
    }

    /// What each group of these asks, as the types that are generated read it.
    fn groups(questions: &[Question]) -> Vec<Vec<v1::RenderRequest>> {
        let read = |group: Group| v1::RenderAllRequest::decode(&*Message::from(group).0).unwrap().requests;
        Group::all(questions.into()).map(read).collect()
    }

    #[test]
    fn groups_hold_all_questions_and_neither_many_nor_large_ones_at_once() {
        let counts = |questions: Vec<Question>| -> Vec<usize> {
            let groups = groups(&questions);
            assert_eq!(groups.concat(), questions.iter().map(generated).collect::<Vec<_>>());
            groups.iter().map(Vec::len).collect()
        };
        let small = || question(Subject::Service("cart".into()), false);
        let large = |bytes: usize| question(Subject::Service("x".repeat(bytes)), false);
        assert_eq!(counts(vec![]), [] as [usize; 0]);
        assert_eq!(counts((0..33).map(|_| small()).collect()), [16, 16, 1]);
        let half = MOST_BYTES / 2;
        let mixed = vec![large(2 * MOST_BYTES), small(), large(half), large(half), large(2 * MOST_BYTES)];
        assert_eq!(counts(mixed), [1, 2, 1, 1]);
    }

    #[test]
    fn what_is_written_is_what_the_protocol_generates() {
        let subjects =
            || [Subject::Service("cart".into()), Subject::Workload("app=cart".into()), Subject::Service(String::new())];
        let both = [false, true].into_iter().flat_map(|long| subjects().map(|subject| question(subject, long)));
        let questions: Vec<Question> = both.collect();
        for question in &questions {
            assert_eq!(Message::from(question.clone()).0, generated(question).encode_to_vec());
        }
        let group: Vec<Vec<u8>> = Group::all(questions.as_slice().into()).map(|group| Message::from(group).0).collect();
        let requests = questions.iter().map(generated).collect();
        assert_eq!(group, [v1::RenderAllRequest { requests }.encode_to_vec()]);
    }
}
