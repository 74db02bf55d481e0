//! Requests, answers and streams by data.
