"""Ingest workers: decode, resample, analyse. Run as `python -m remixd.analysis`."""
