//! How many messages and items of lists a message holds, counted before it is read: what takes two bytes on its way may take a
//! hundred in memory.

use prost::DecodeError;
use prost::bytes::Buf;
use prost::encoding::{DecodeContext, WireType, decode_key, decode_varint, skip_field};
use tonic::Status;

use super::v1;

/// The most of them in one message, where the answers about ten thousand services, all in one, hold half as many; and the most
/// fields, each of which takes some time.
const MOST: usize = 100_000;
const MOST_FIELDS: usize = 10 * MOST;

/// How much more a message may hold.
pub(super) struct Room {
    items: usize,
    fields: usize,
}

impl Default for Room {
    fn default() -> Self {
        Self { items: MOST, fields: MOST_FIELDS }
    }
}

/// The fields of a message that may stand in it often, with those of what is in each; none for texts.
pub(super) struct Lists(&'static [(u32, Option<Lists>)]);

/// What is answered, with its lists as `plugin.proto` numbers them.
pub(super) trait Answered: prost::Message + Default {
    const LISTS: Lists;
}

impl Answered for v1::RenderResponse {
    const LISTS: Lists = Lists(&[(3, Some(Lists(&[(1, None)]))), (4, Some(Lists(&[])))]);
}

impl Answered for v1::RenderAllResponse {
    const LISTS: Lists = Lists(&[(1, Some(v1::RenderResponse::LISTS))]);
}

/// Takes what `message` holds off the `room` that there is.
///
/// # Errors
/// It is more, or no message: who reads that might make something of more than was counted.
pub(super) fn fit(mut message: &[u8], lists: &Lists, room: &mut Room) -> Result<(), Status> {
    while message.has_remaining() {
        let (tag, wire_type) = decode_key(&mut message).map_err(unread)?;
        room.fields = room
            .fields
            .checked_sub(1)
            .ok_or_else(|| Status::out_of_range(format!("one message holds more than {MOST_FIELDS} fields")))?;
        if matches!(wire_type, WireType::StartGroup | WireType::EndGroup) {
            return Err(Status::internal("a message holds a group, which proto3 does not have"));
        }
        let list = lists.0.iter().find(|(of, _)| *of == tag).filter(|_| wire_type == WireType::LengthDelimited);
        let Some((_, within)) = list else {
            skip_field(wire_type, tag, &mut message, DecodeContext::default()).map_err(unread)?;
            continue;
        };
        let length = usize::try_from(decode_varint(&mut message).map_err(unread)?).unwrap_or(usize::MAX);
        let (item, rest) =
            message.split_at_checked(length).ok_or_else(|| Status::internal("a field is longer than its message"))?;
        room.items = room.items.checked_sub(1).ok_or_else(|| {
            Status::out_of_range(format!(
                "one message holds more than {MOST} answers, manifests, clusters and findings"
            ))
        })?;
        if let Some(within) = within {
            fit(item, within, room)?;
        }
        message = rest;
    }
    Ok(())
}

/// That something is no message.
#[expect(clippy::needless_pass_by_value, reason = "this is for map_err")]
pub(super) fn unread(error: DecodeError) -> Status {
    Status::internal(error.to_string())
}

#[cfg(test)]
mod tests {
    use prost::Message as _;

    use super::*;

    /// What is left of room for so many items; none where they do not fit.
    fn left<R: Answered>(message: &R, items: usize) -> Option<usize> {
        let mut room = Room { items, ..Room::default() };
        fit(&message.encode_to_vec(), &R::LISTS, &mut room).is_ok().then_some(room.items)
    }

    fn response(clusters: usize, findings: usize) -> v1::RenderResponse {
        let manifest = v1::Manifest { clusters: vec!["gke/east".into(); clusters], resource: vec![0xff; 1000] };
        v1::RenderResponse {
            input_digest: "d".into(),
            version: "1".into(),
            manifests: vec![v1::Manifest::default(), manifest],
            findings: vec![v1::Finding::default(); findings],
        }
    }

    #[test]
    fn each_item_of_a_list_counts_and_nothing_else() {
        assert_eq!(left(&v1::RenderResponse::default(), 0), Some(0));
        assert_eq!(left(&response(3, 4), 9), Some(0));
        assert_eq!(left(&response(3, 4), 8), None);
        let all = |count: usize| v1::RenderAllResponse { responses: vec![response(1, 0); count] };
        assert_eq!(left(&all(5), 20), Some(0));
        assert_eq!(left(&all(5), 19), None);
        assert_eq!(left(&v1::RenderAllResponse { responses: vec![v1::RenderResponse::default(); 100] }, 99), None);
    }

    #[test]
    fn what_is_no_message_is_not_read() {
        let mut message = response(1, 1).encode_to_vec();
        message.extend([0x50, 0x01, 0x52, 0x02, 0x00, 0x00]);
        let is_read = |message: &[u8]| fit(message, &v1::RenderResponse::LISTS, &mut Room::default()).is_ok();
        assert!(is_read(&message), "fields that nobody knows");
        for length in 0..message.len() {
            assert!(!is_read(&message[..length]) || v1::RenderResponse::decode(&message[..length]).is_ok(), "{length}");
        }
        // A response of five bytes, whose manifest reaches over its end: the reader would count what follows as more of them.
        let mut longer = vec![0x0a, 0x05, 0x1a, 0x80, 0x80, 0x80, 0x01];
        longer.extend([0x0a, 0x00].repeat(1000));
        assert!(fit(&longer, &v1::RenderAllResponse::LISTS, &mut Room::default()).is_err());
        assert!(!is_read(&[0x53, 0x54]), "a group");
    }

    #[test]
    fn every_field_counts_known_or_not() {
        for field in [[0x50, 0x01], [0x0a, 0x00]] {
            let refused = |count: usize| {
                let mut room = Room { fields: 1000, ..Room::default() };
                fit(&field.repeat(count), &v1::RenderResponse::LISTS, &mut room).is_err()
            };
            assert_eq!((refused(1000), refused(1001)), (false, true), "{field:?}");
        }
    }
}
