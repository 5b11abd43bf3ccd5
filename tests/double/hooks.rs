//! Webhooks: signed as the forges document it, in an order and number that tests choose.

use hmac::{Hmac, Mac as _};
use serde_json::{Value, json};
use sha2::Sha256;

use super::github::account;
use super::state::State;
use super::{Double, Face, REPOSITORY};

/// A delivery that is on its way.
#[derive(Debug, Clone)]
pub(crate) struct Delivery {
    pub(crate) id: String,
    pub(crate) event: String,
    pub(crate) body: String,
}

#[derive(Debug, Default)]
pub(crate) struct Hooks {
    /// Whether anybody wants them.
    pub(crate) wanted: bool,
    pub(crate) waiting: Vec<Delivery>,
    sent: u64,
}

impl State {
    /// Somebody did something to a pull request that a webhook tells.
    pub(crate) fn tell(&mut self, number: u64, event: &str, action: &str, by: &str) {
        if !self.hooks.wanted {
            return;
        }
        self.hooks.sent += 1;
        let sender = account(by);
        let repository = json!({ "full_name": REPOSITORY });
        let body: Value = json!({
            "action": action, "number": number, "pull_request": { "number": number },
            "issue": { "number": number }, "repository": repository, "sender": sender,
        });
        let id = format!("72d3162e-cc78-11e3-81ab-{:012}", self.hooks.sent);
        self.hooks.waiting.push(Delivery { id, event: event.to_owned(), body: body.to_string() });
    }
}

impl Double {
    /// Keeps deliveries from now on, until they are taken.
    pub(crate) fn want_hooks(&self) {
        self.lock().hooks.wanted = true;
    }

    /// Takes the deliveries that wait.
    pub(crate) fn take_hooks(&self) -> Vec<Delivery> {
        std::mem::take(&mut self.lock().hooks.waiting)
    }

    /// Sends a delivery to a receiver, signed by a secret; gives the answer.
    pub(crate) fn deliver(&self, to: &str, secret: &str, delivery: &Delivery) -> (u16, String) {
        let mut mac = Hmac::<Sha256>::new_from_slice(secret.as_bytes()).unwrap();
        mac.update(delivery.body.as_bytes());
        let digest: String = mac.finalize().into_bytes().iter().map(|byte| format!("{byte:02x}")).collect();
        let request = ureq::post(to).config().http_status_as_error(false).build();
        let request = request.header("Content-Type", "application/json");
        let request = match self.face {
            Face::GitHub => request
                .header("X-GitHub-Event", &delivery.event)
                .header("X-GitHub-Delivery", &delivery.id)
                .header("X-Hub-Signature-256", format!("sha256={digest}")),
            Face::Gitea => request
                .header("X-Gitea-Event", &delivery.event)
                .header("X-Gitea-Delivery", &delivery.id)
                .header("X-Gitea-Signature", digest),
        };
        let mut response = request.send(&delivery.body).unwrap();
        (response.status().as_u16(), response.body_mut().read_to_string().unwrap())
    }
}
