//! The promises of campaign-sync, one module for each promise or part.
//!
//! The tests use the product through its own entry points, on the emulated services in this process
//! or over real sockets on loopback. They share one binary, so that it links once. A stranger may
//! read them as a specification:
//!
//! | to learn | read |
//! |---|---|
//! | what a change does to a contact | [`apply_basics`], [`both_apis`], [`absent`], [`leave`], [`contact_lists`], [`rank_ahead`] |
//! | who may be called | [`consent`], [`channels`], [`dnc`], [`listed`] |
//! | what happens on each failure | [`failures`], [`batch_answer`], [`top_up`] |
//! | what a sender is answered | [`ingest_webhooks`], [`ingest_auth`], [`ingest_order`], [`ingest_park`], [`ingest_route`], [`ingest_secrets`] |
//! | what an attacker gets | [`ingest_strangers`], [`hostile`], [`privacy`], [`ingest_fuzz`], [`apply_fuzz`] |
//! | how lost webhooks are repaired | [`reconcile`], [`crm`] |
//! | what an operator can do | [`check`], [`probe`], [`dlq`], [`dlq_ingest`], [`dlq_unmapped`], [`schedule`], [`send`], [`source`], [`feed_test`], [`adopt`], [`reset_rank`], [`console`], [`cli`] |
//! | that the emulator is right | [`emulator_fifo`], [`emulator_sqs`], [`emulator_genesys`], [`emulator_lists`], [`over_aws`], [`over_http`] |
//!
//! `support` holds what they share. docs/design.md says which test holds each promise, and [`docs`]
//! checks that it exists.
#![allow(clippy::unwrap_used, reason = "a test may")]

mod absent;
mod adopt;
mod apply_basics;
mod apply_fuzz;
mod batch_answer;
mod both_apis;
mod channels;
mod check;
mod cli;
mod consent;
mod console;
mod contact_lists;
mod crm;
mod dlq;
mod dlq_ingest;
mod dlq_unmapped;
mod dnc;
mod docs;
mod emulator_fifo;
mod emulator_genesys;
mod emulator_lists;
mod emulator_sqs;
mod failures;
mod feed_test;
mod hostile;
mod ingest_auth;
mod ingest_fuzz;
mod ingest_order;
mod ingest_park;
mod ingest_route;
mod ingest_secrets;
mod ingest_strangers;
mod ingest_webhooks;
mod leave;
mod listed;
mod over_aws;
mod over_http;
mod privacy;
mod probe;
mod rank_ahead;
mod reconcile;
mod reset_rank;
mod schedule;
mod send;
mod source;
mod support;
mod top_up;
