//! Who may call, and how often, as a configuration says.

use std::net::{SocketAddr, ToSocketAddrs};

use super::error::BootError;
use super::{engines, forges};
use crate::config::{self, Config, MayActFor};
use crate::http::{self, ActsFor, Auth, Right, Terms};

/// Requests per second that the holder of a token may send in the long run, unless configured otherwise: more than an
/// orchestrator needs that posts intents one by one, and a small part of what the journal takes.
const RATE: f64 = 100.0;

/// Requests that a caller may send at once, unless configured otherwise.
const BURST: f64 = 1000.0;

/// On which terms callers come in; reads the files with secrets of webhooks.
pub(super) fn terms(config: &Config) -> Result<Terms, BootError> {
    let (rate, burst) = limits(config)?;
    let (webhooks, engines) = (forges::webhooks(&config.forge)?, engines::engines(&config.engines)?);
    Ok(Terms { auth: auth(&config.tokens)?, rate, burst, webhooks, engines })
}

/// Without credentials only this machine may call.
pub(super) fn address(listen: &str, open: bool) -> Result<SocketAddr, BootError> {
    let resolved = listen.to_socket_addrs().map(Iterator::collect::<Vec<_>>).unwrap_or_default();
    let Some(address) = resolved.first() else {
        return Err(BootError::config("listen", format!("`{listen}` is not an address; write it as 127.0.0.1:8470")));
    };
    if open && !resolved.iter().all(|address| address.ip().is_loopback()) {
        let message = format!(
            "{listen} can be reached from other machines, and no tokens are configured: anybody could change the mesh. \
             Configure tokens, or listen on 127.0.0.1"
        );
        return Err(BootError::config("listen", message));
    }
    Ok(*address)
}

/// Callers with tokens are others' programs, which may run wild; without them it is one's own machine.
fn limits(config: &Config) -> Result<(f64, f64), BootError> {
    let rate = config.limits.rate.unwrap_or(if config.tokens.is_empty() { 0.0 } else { RATE });
    let burst = config.limits.burst.unwrap_or(BURST);
    if !rate.is_finite() || rate < 0.0 {
        return Err(BootError::config("limits.rate", "say how many requests a second, or 0 for no limit"));
    }
    if !burst.is_finite() || burst < 1.0 {
        return Err(BootError::config("limits.burst", "say how many requests at once, 1 at least"));
    }
    Ok((rate, burst))
}

fn auth(tokens: &[config::Token]) -> Result<Auth, BootError> {
    if tokens.is_empty() {
        return Ok(Auth::open());
    }
    let wrong = |message: String| BootError::config("tokens", message);
    let tokens = tokens.iter().map(token).collect::<Result<Vec<_>, _>>().map_err(wrong)?;
    Auth::tokens(tokens).map_err(wrong)
}

fn token(configured: &config::Token) -> Result<http::Token, String> {
    let mut token = http::Token::new(&configured.name, &configured.sha256)?.logins(configured.logins.clone());
    for (project, words) in &configured.rights {
        let right = |word: &String| {
            Right::parse(word)
                .ok_or_else(|| format!("{}: `{word}` is no right; known: propose, approve, operate", configured.name))
        };
        token = token.grant(project, &words.iter().map(right).collect::<Result<Vec<_>, _>>()?);
    }
    Ok(token.acts_for(match &configured.may_act_for {
        MayActFor::Anybody(true) => ActsFor::Anybody,
        MayActFor::Anybody(false) => ActsFor::Nobody,
        MayActFor::These(actors) => ActsFor::These(actors.clone()),
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn callers_with_tokens_have_a_rate_unless_it_is_configured() {
        let of = |text: &str| limits(&Config::read(text).unwrap());
        let limits = |text: &str| of(text).unwrap();
        let tokens = "tokens:\n- {name: ci, sha256: ab}\n";
        assert_eq!(limits(""), (0.0, 1000.0), "nobody is told apart");
        assert_eq!(limits(tokens), (100.0, 1000.0));
        assert_eq!(limits(&format!("{tokens}limits: {{rate: 0}}\n")), (0.0, 1000.0));
        assert_eq!(limits(&format!("{tokens}limits: {{rate: 5, burst: 7}}\n")), (5.0, 7.0));
        assert_eq!(limits("limits: {rate: 5}\n"), (5.0, 1000.0));
        for (field, value) in [
            ("rate", "-1"),
            ("rate", ".nan"),
            ("rate", ".inf"),
            ("burst", "0"),
            ("burst", "0.5"),
            ("burst", "-1"),
            ("burst", ".nan"),
        ] {
            let refused = of(&format!("limits: {{{field}: {value}}}\n")).unwrap_err().to_string();
            assert!(refused.starts_with(&format!("limits.{field}: say how many")), "{field} {value}: {refused}");
        }
    }
}
