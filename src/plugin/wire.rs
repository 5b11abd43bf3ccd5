//! What is asked and answered, as messages of `proto/meshwright/plugin/v1`: units are messages already, and written straight to
//! where they are sent from, since a mesh is asked about in tens of megabytes that would be copied for nothing.

use std::marker::PhantomData;
use std::ops::Range;
use std::sync::Arc;

use prost::bytes::{Buf as _, BufMut};
use prost::encoding::{WireType, encode_key, encode_varint, encoded_len_varint, key_len};
use tonic::Status;
use tonic::codec::{Codec, DecodeBuf, Decoder, EncodeBuf, Encoder};

use super::pieces::{self, Answered, Room};
use crate::render::Question;

/// Some of the questions of one call: a `RenderAllRequest`.
pub(super) struct Group {
    questions: Arc<[Question]>,
    places: Range<usize>,
}

/// The most units that are asked about in one message of a stream, and how many bytes they may have unless one alone has more:
/// by default, servers of gRPC take 4 MiB.
const MOST: usize = 16;
const MOST_BYTES: usize = 1 << 20;

impl Group {
    /// All questions in groups, each of which is written when it is sent: the plugin begins with the first.
    pub(super) fn all(questions: Arc<[Question]>) -> impl Iterator<Item = Self> {
        let mut next = 0;
        std::iter::from_fn(move || {
            let (mut bytes, first) = (0, next);
            for question in questions.get(first..)?.iter().take(MOST) {
                bytes += whole(1, question.length());
                if next > first && bytes > MOST_BYTES {
                    break;
                }
                next += 1;
            }
            (next > first).then(|| Self { questions: Arc::clone(&questions), places: first..next })
        })
    }

    fn questions(&self) -> impl Iterator<Item = &Question> {
        self.questions.get(self.places.clone()).into_iter().flatten()
    }
}

/// The most bytes of all answers to one call.
pub(super) const LONGEST_ANSWERS: usize = 128 << 20;

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

impl<T: ToWire + Send + 'static, R: Answered + Send + 'static> Codec for Wire<T, R> {
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

impl<T: ToWire + Send + 'static, R> Encoder for Wire<T, R> {
    type Item = T;
    type Error = Status;

    fn encode(&mut self, message: T, to: &mut EncodeBuf<'_>) -> Result<(), Status> {
        to.reserve(message.length());
        message.write(to);
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
pub(super) trait ToWire {
    /// How many bytes it is.
    fn length(&self) -> usize;

    fn write(&self, to: &mut impl BufMut);
}

/// The number of a field whose bytes stand behind their length, and that length.
fn begin(tag: u32, length: usize, to: &mut impl BufMut) {
    encode_key(tag, WireType::LengthDelimited, to);
    encode_varint(length as u64, to);
}

/// How many bytes such a field is in all.
fn whole(tag: u32, length: usize) -> usize {
    key_len(tag) + encoded_len_varint(length as u64) + length
}

/// A `RenderRequest`.
impl ToWire for Question {
    fn length(&self) -> usize {
        whole(1, self.input.digest.digits().len()) + whole(2, self.unit().len())
    }

    fn write(&self, to: &mut impl BufMut) {
        for (tag, bytes) in [(1, self.input.digest.digits().as_slice()), (2, self.unit())] {
            begin(tag, bytes.len(), to);
            to.put_slice(bytes);
        }
    }
}

impl ToWire for Group {
    fn length(&self) -> usize {
        self.questions().map(|question| whole(1, question.length())).sum()
    }

    fn write(&self, to: &mut impl BufMut) {
        for question in self.questions() {
            begin(1, question.length(), to);
            question.write(to);
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
    use crate::render::{AskedCluster, AskedIntent, Asking, Digest, Subject};

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
        Question::new("np".into(), "1".into(), about)
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

    /// A message as it is written, in as many bytes as were announced.
    fn written(message: &impl ToWire) -> Vec<u8> {
        let mut bytes = vec![];
        message.write(&mut bytes);
        assert_eq!(bytes.len(), message.length());
        bytes
    }

    /// What each group of these asks, as the types that are generated read it.
    fn groups(questions: &[Question]) -> Vec<Vec<v1::RenderRequest>> {
        let read = |group: Group| v1::RenderAllRequest::decode(&*written(&group)).unwrap().requests;
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
            let request = generated(question);
            assert_eq!(written(question), request.encode_to_vec());
            // Whoever is asked can see that.
            let unit = request.unit.unwrap().encode_to_vec();
            assert_eq!(request.input_digest, Digest::of(&unit).to_string());
        }
        let group: Vec<Vec<u8>> = Group::all(questions.as_slice().into()).map(|group| written(&group)).collect();
        let requests = questions.iter().map(generated).collect();
        assert_eq!(group, [v1::RenderAllRequest { requests }.encode_to_vec()]);
    }
}
