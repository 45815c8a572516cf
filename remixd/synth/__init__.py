"""A small synthesiser in numpy: drums, bass, stingers; what the demo song and the groove layer are made of."""
