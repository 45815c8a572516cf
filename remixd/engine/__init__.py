"""The engine process: sessions rendered in time. Imports nothing above `remixd.units`."""
