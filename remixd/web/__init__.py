"""The way in over HTTP: the protos' JSON, health, metrics, and the module for browsers."""
