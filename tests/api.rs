//! The API over a real socket: what clients rely on.

#[cfg(test)]
#[path = "api/client.rs"]
mod client;
#[cfg(test)]
#[path = "api/documented.rs"]
mod documented;
#[cfg(test)]
#[path = "api/edge.rs"]
mod edge;
#[cfg(test)]
#[path = "api/resources.rs"]
mod resources;
#[cfg(test)]
#[path = "api/reviewing.rs"]
mod reviewing;
#[cfg(test)]
#[path = "api/schema.rs"]
mod schema;
#[cfg(test)]
#[path = "api/server.rs"]
mod server;
