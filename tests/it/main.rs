//! The integration tests, in one binary: what the product does, through its own entry points, on
//! embedded parts or over real sockets on loopback.
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
mod send;
mod source;
mod support;
mod top_up;
