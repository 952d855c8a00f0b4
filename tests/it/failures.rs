//! The failure table of docs/design.md, row by row. Each test runs `handle` and checks the calls,
//! the visibility timeouts and the batch answer.

mod apart;
mod aws;
mod budget;
mod closed;
mod creates;
mod horizon;
mod lagging;
mod last_calls;
mod login;
mod parking;
mod poison;
mod secrets;
mod writes;
