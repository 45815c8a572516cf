"""The demo song: composed in code, rendered by a small numpy synthesiser."""
