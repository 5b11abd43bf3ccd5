//! The server's configuration, one small struct per subsystem.
