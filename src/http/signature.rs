//! What senders of webhooks show to be themselves.

use axum::http::HeaderMap;

use crate::signature::Secret;

/// The bytes of a signature.
pub(super) const LENGTH: usize = 32;

/// The forge that webhooks are taken from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Source {
    /// GitHub: `X-Hub-Signature-256`.
    GitHub,
    /// Gitea and Forgejo: `X-Gitea-Signature`.
    Gitea,
}

impl Source {
    /// The last segment of its path.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::GitHub => "github",
            Self::Gitea => "gitea",
        }
    }

    /// The names of the headers of its signature, its delivery and its event.
    pub(super) fn headers(self) -> [&'static str; 3] {
        match self {
            Self::GitHub => ["x-hub-signature-256", "x-github-delivery", "x-github-event"],
            Self::Gitea => ["x-gitea-signature", "x-gitea-delivery", "x-gitea-event"],
        }
    }
}

/// Whose webhooks are taken, and how they are signed.
#[derive(Debug, Clone)]
pub struct Webhooks {
    /// The forge.
    pub source: Source,
    /// One secret, or two while one takes the place of the other.
    pub secrets: Vec<Secret>,
}

impl Webhooks {
    /// Whether there is anything that could be a signature: who sends none is not read.
    pub(super) fn is_claimed(&self, headers: &HeaderMap) -> bool {
        claim(headers, self.source.headers()[0]).len() == LENGTH
    }

    /// Whether one of the secrets signed `body`; all of them are tried in any case.
    pub(super) fn signed(&self, body: &[u8], headers: &HeaderMap) -> bool {
        let signature = claim(headers, self.source.headers()[0]);
        self.secrets.iter().fold(false, |good, secret| good | secret.signed(body, &signature))
    }
}

/// What the engines whose webhooks are taken show to be themselves.
#[derive(Debug, Clone, Default)]
pub struct Engines {
    /// The bearer token of Argo CD.
    pub argocd: Option<Secret>,
    /// What Flux signs with.
    pub flux: Option<Secret>,
}

/// The signature that a header of that name holds; nothing where it holds none.
pub(super) fn claim(headers: &HeaderMap, name: &str) -> Vec<u8> {
    let text = headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default();
    hexadecimal(text.strip_prefix("sha256=").unwrap_or(text))
}

/// The bytes that hexadecimal digits stand for; none of what is no such text.
fn hexadecimal(text: &str) -> Vec<u8> {
    let digit = |b: u8| char::from(b).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
    let bytes = text.as_bytes();
    let pairs = bytes.chunks(2).map(|pair| Some(digit(*pair.first()?)? << 4 | digit(*pair.get(1)?)?));
    pairs.collect::<Option<Vec<u8>>>().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn webhooks(secrets: &[&str]) -> Webhooks {
        Webhooks { source: Source::GitHub, secrets: secrets.iter().map(|it| Secret::new(it).unwrap()).collect() }
    }

    fn signed(webhooks: &Webhooks, body: &str, signature: &str) -> bool {
        let mut headers = HeaderMap::new();
        headers.insert(webhooks.source.headers()[0], signature.parse().unwrap());
        webhooks.signed(body.as_bytes(), &headers)
    }

    #[test]
    fn signatures_are_those_of_the_forges_documentation() {
        // GitHub Docs, "Validating webhook deliveries".
        let (secret, body) = ("It's a Secret to Everybody", "Hello, World!");
        let (other, more) = ("another, that is no shorter", "yet another, longer than that");
        let signature = "757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17";
        for hooks in [webhooks(&[secret]), webhooks(&[other, secret]), webhooks(&[secret, other])] {
            for form in [format!("sha256={signature}"), signature.to_owned(), signature.to_uppercase()] {
                assert!(signed(&hooks, body, &form), "{form}");
            }
            for wrong in ["", "sha256=", &signature[..63], &signature[..62], &format!("{signature}00"), "sha256=zz"] {
                assert!(!signed(&hooks, body, wrong), "{wrong}");
            }
            assert!(!signed(&hooks, &format!("{body} "), signature));
        }
        for hooks in [webhooks(&[other]), webhooks(&[other, more]), webhooks(&[])] {
            assert!(!signed(&hooks, body, signature));
        }
    }
}
