mod answers;
mod requests;
mod round_trips;
