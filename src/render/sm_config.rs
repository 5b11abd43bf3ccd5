//! `sm-config`, the Istio renderer: who may call, what gateways open, and how hosts of other clusters are found.

use std::borrow::Cow;

use super::asked::Asked;
use super::context::Context;
use super::output::Output;
use super::plugin::Plugin;
use super::server::Server;
use super::{east_west, exposure, leads, notice, outbound, pods, remote};

/// The plugin.
pub(super) struct SmConfig;

impl Plugin for SmConfig {
    fn name(&self) -> Cow<'static, str> {
        "sm-config".into()
    }

    fn render(&self, asked: &Asked<'_>) -> Output {
        let context = &asked.context;
        let mut out = asked.each_workload(|servers| pods::render(servers, context));
        out.extend(asked.each_host(|servers| of_host(servers, context)));
        outbound::render(asked, &mut out);
        out
    }
}

fn of_host(servers: &[Server<'_>], context: &Context<'_>) -> Output {
    let mut out = Output::default();
    for server in servers {
        notice::of_server(server, context, &mut out.findings);
        if servers.len() > 1 || server.inbound.exposed {
            notice::of_conflicts(server, context, &mut out.findings);
        }
    }
    let live: Vec<&Server<'_>> = servers.iter().filter(|server| server.is_live()).collect();
    let imports = remote::imports(&live);
    exposure::render(&live, context, &mut out);
    remote::render(&live, &imports, context, &mut out);
    // What keeps a lead from being rendered is told by whom it is of.
    let leads = leads::leads(&live, &imports, context, &mut vec![]);
    east_west::render(&live, &leads, &imports, context, &mut out);
    out
}
