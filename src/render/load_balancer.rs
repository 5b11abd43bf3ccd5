//! `load-balancer`: how callers treat a host on its own clusters, and alias hosts that lead them to others.

use std::borrow::Cow;

use super::asked::Asked;
use super::context::Context;
use super::output::Output;
use super::plugin::Plugin;
use super::server::Server;
use super::{across, leads, remote, traffic};
use crate::intent::spec::Traffic;

/// The plugin.
pub(super) struct LoadBalancer;

impl Plugin for LoadBalancer {
    fn name(&self) -> Cow<'static, str> {
        "load-balancer".into()
    }

    fn render(&self, asked: &Asked<'_>) -> Output {
        asked.each_host(|servers| of_host(servers, &asked.context))
    }
}

fn of_host(servers: &[Server<'_>], context: &Context<'_>) -> Output {
    let mut out = Output::default();
    let live: Vec<&Server<'_>> = servers.iter().filter(|server| server.is_live()).collect();
    if live.iter().all(|server| server.inbound.traffic == Traffic::default()) {
        return out;
    }
    traffic::render(&live, context, &mut out);
    let imports = remote::imports(&live);
    let leads = leads::leads(&live, &imports, context, &mut out.findings);
    across::render(&live, &leads, context, &mut out);
    out
}
