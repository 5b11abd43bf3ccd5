//! Talking to a server.

use std::time::Duration;

use serde_json::Value;
use ureq::http::{Request, Response, StatusCode};
use ureq::{Agent, Body};

use super::{Failure, output};
use crate::intent::secrets::holds_private_key;
use crate::repo::{host, is_this_machine};

/// Which server, and as whom.
#[derive(clap::Args, Clone)]
pub(super) struct Client {
    /// The server's address; without http:// or https:// it is taken for http where it names this machine
    #[arg(long, value_name = "URL", env = "MESHWRIGHT_SERVER", default_value = "http://127.0.0.1:8470", value_parser = address)]
    server: String,
    /// A file with the bearer token; else the environment variable MESHWRIGHT_TOKEN is used
    #[arg(long, value_name = "FILE")]
    token_file: Option<std::path::PathBuf>,
}

/// The address of a server; a token never goes over plain http to another machine because a scheme was forgotten.
fn address(text: &str) -> Result<String, String> {
    // Where the API begins is known, so that its address does as well as the server's.
    let text = text.trim_end_matches('/');
    let text = text.strip_suffix("/v2").unwrap_or(text).trim_end_matches('/');
    if let Some((scheme, _)) = text.split_once("://") {
        let known = scheme.eq_ignore_ascii_case("http") || scheme.eq_ignore_ascii_case("https");
        return if known {
            Ok(text.to_owned())
        } else {
            Err(format!("`{scheme}` is not spoken; write http:// or https://"))
        };
    }
    if is_this_machine(host(text)) {
        Ok(format!("http://{text}"))
    } else {
        Err(format!("write it with its scheme: https://{text} or http://{text}"))
    }
}

/// Why a body may not be sent to a server: a private key goes over https, or stays on this machine.
fn exposed(server: &str, body: &str) -> Option<String> {
    let (scheme, rest) = server.split_once("://")?;
    if scheme.eq_ignore_ascii_case("https") || is_this_machine(host(rest)) || !holds_private_key(body) {
        return None;
    }
    Some(format!("{server}: a private key is not sent over plain http to another machine; use https://"))
}

/// The longest answer that is read, in bytes.
const LONGEST: u64 = 256 << 20;

impl Client {
    /// Gets JSON.
    pub(super) fn get(&self, path: &str) -> Result<Value, Failure> {
        self.json("GET", path, "application/json", String::new())
    }

    /// Gets text.
    pub(super) fn text(&self, path: &str) -> Result<String, Failure> {
        let mut response = self.send("GET", path, "application/json", String::new())?;
        read(&mut response)
    }

    /// Posts a body and gets JSON.
    pub(super) fn post(&self, path: &str, kind: &str, body: String) -> Result<Value, Failure> {
        self.json("POST", path, kind, body)
    }

    fn json(&self, method: &str, path: &str, kind: &str, body: String) -> Result<Value, Failure> {
        let mut response = self.send(method, path, kind, body)?;
        serde_json::from_str(&read(&mut response)?)
            .map_err(|error| Failure::Failed(format!("{}{path}: the answer is not JSON: {error}", self.server)))
    }

    fn send(&self, method: &str, path: &str, kind: &str, body: String) -> Result<Response<Body>, Failure> {
        let agent = Agent::config_builder()
            .http_status_as_error(false)
            .timeout_connect(Some(Duration::from_secs(10)))
            .timeout_global(Some(Duration::from_secs(120)))
            .max_redirects(0);
        // What is for this machine passes by no other.
        let here = self.server.split_once("://").is_some_and(|(_, rest)| is_this_machine(host(rest)));
        let agent: Agent = if here { agent.proxy(None) } else { agent }.build().into();
        if let Some(why) = exposed(&self.server, &body) {
            return Err(Failure::Usage(why));
        }
        let url = format!("{}{path}", self.server);
        let mut request = Request::builder().method(method).uri(&url);
        let token = self.token()?;
        if let Some(token) = &token {
            request = request.header("Authorization", format!("Bearer {token}"));
        }
        let unreachable = |error: &dyn std::fmt::Display| {
            Failure::Failed(format!(
                "{}: {error}; is the server running there? Start one with `meshwright serve`",
                self.server
            ))
        };
        let response = if method == "GET" {
            request
                .body(())
                .map_err(|error| unreachable(&error))
                .and_then(|r| agent.run(r).map_err(|error| unreachable(&error)))
        } else {
            let request = request.header("Content-Type", kind).body(body);
            request.map_err(|error| unreachable(&error)).and_then(|r| agent.run(r).map_err(|error| unreachable(&error)))
        };
        let mut response = response?;
        if response.status().is_success() {
            return Ok(response);
        }
        let mut why = problem(&mut response)?;
        if response.status() == StatusCode::UNAUTHORIZED {
            why.push_str(&self.about_the_token(token.is_some()));
        }
        Err(Failure::Failed(why))
    }

    /// Where the token that was refused is from, or where one may be put.
    fn about_the_token(&self, sent: bool) -> String {
        match (&self.token_file, sent) {
            (Some(path), true) => format!("\n  the token is the one in {} (--token-file)", path.display()),
            (Some(path), false) => format!("\n  {} (--token-file) holds no token", path.display()),
            (None, true) => "\n  the token is the one in the environment variable MESHWRIGHT_TOKEN".to_owned(),
            (None, false) => {
                "\n  no token was sent: name a file that holds one by --token-file, or put it into MESHWRIGHT_TOKEN"
                    .to_owned()
            }
        }
    }

    fn token(&self) -> Result<Option<String>, Failure> {
        let token = match &self.token_file {
            Some(path) => Some(
                std::fs::read_to_string(path)
                    .map_err(|error| Failure::Usage(format!("{}: {error}", output::path(path))))?,
            ),
            None => std::env::var("MESHWRIGHT_TOKEN").ok(),
        };
        Ok(token.map(|token| token.trim().to_owned()).filter(|token| !token.is_empty()))
    }
}

fn read(response: &mut Response<Body>) -> Result<String, Failure> {
    response.body_mut().with_config().limit(LONGEST).read_to_string().map_err(Failure::failed)
}

/// An error answer (RFC 9457) in words.
fn problem(response: &mut Response<Body>) -> Result<String, Failure> {
    let status = response.status();
    let text = read(response)?;
    let Ok(problem) = serde_json::from_str::<Value>(&text) else { return Ok(format!("the server answered {status}")) };
    Ok(words(status.as_u16(), &problem))
}

/// The same of its JSON; each fault has a line.
fn words(status: u16, problem: &Value) -> String {
    let word = |field: &str| output::line(problem.get(field).and_then(Value::as_str).unwrap_or_default());
    let mut lines = vec![format!("{} ({}): {}", word("title"), status, word("detail"))];
    for error in problem.get("errors").and_then(Value::as_array).into_iter().flatten() {
        let field = |name: &str| error.get(name).and_then(Value::as_str).unwrap_or_default();
        let place: Vec<_> = [field("document"), field("pointer")].into_iter().filter(|part| !part.is_empty()).collect();
        let said = |part: &&str| lines[0].to_lowercase().contains(&part.to_lowercase());
        if place.iter().chain([&field("message")]).all(said) {
            continue;
        }
        lines.push(format!(
            "  {}: {}",
            if place.is_empty() { "/".to_owned() } else { output::line(&place.join(" ")) },
            output::line(field("message"))
        ));
    }
    // What is read here has a command for it.
    lines.join("\n").replace("GET /v2/changes lists", "`meshwright change list` lists")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_fault_of_a_problem_has_one_line() {
        let fault = serde_json::json!({"pointer": "/a\nb", "document": "x\ny", "message": "is wrong\n  /c: is right"});
        let problem = serde_json::json!({"title": "No\nYes", "detail": "It is\nnot.", "errors": [fault]});
        let expected = "No\\nYes (400): It is\\nnot.\n  x\\ny /a\\nb: is wrong\\n  /c: is right";
        assert_eq!(words(400, &problem), expected);
    }

    #[test]
    fn a_private_key_is_not_sent_over_plain_http_to_another_machine() {
        let key = format!("servicePrivateKey: |\n  -----BEGIN PRIVATE KEY-----\n  {}\n", "A".repeat(64));
        for (server, refused) in [
            ("http://mesh.example:8470", true),
            ("HTTP://10.0.0.1", true),
            ("http://localhost.mesh.example", true),
            ("http://127.0.0.1@mesh.example", true),
            ("http://127.0.0.1:80@mesh.example", true),
            ("https://mesh.example", false),
            ("http://127.0.0.1:8470", false),
            ("http://[::1]:8470/prefix", false),
        ] {
            assert_eq!(exposed(server, &key).is_some(), refused, "{server}");
            assert_eq!(exposed(server, "anchor: projects\n"), None);
        }
    }

    #[test]
    fn a_scheme_may_be_left_out_of_an_address_of_this_machine_only() {
        for here in ["localhost:8470", "127.0.0.1", "[::1]:80", "LOCALHOST/prefix"] {
            assert_eq!(address(here).unwrap(), format!("http://{here}"));
        }
        for whole in ["http://mesh.example", "HTTPS://mesh.example:8470", "https://mesh.example/prefix"] {
            for end in ["", "/", "/v2", "/v2/"] {
                assert_eq!(address(&format!("{whole}{end}")).unwrap(), whole);
            }
        }
        assert_eq!(address("localhost:8470/v2/").unwrap(), "http://localhost:8470");
        let refused = address("mesh.example:8470").unwrap_err();
        assert!(refused.contains("https://mesh.example:8470"), "{refused}");
        assert!(address("ftp://localhost").is_err());
    }
}
