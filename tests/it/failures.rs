//! docs/design.md "Failure table": each row through `handle`, with the calls made, the visibility
//! set and the batch answer.

mod aws;
mod begun;
mod budget;
mod closed;
mod creates;
mod horizon;
mod lagging;
mod login;
mod parking;
mod poison;
mod secrets;
mod writes;
