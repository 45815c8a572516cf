"""Benches: one `bench_<thing>.py` a question, one runner, one result format. `remixd bench` runs them."""
