"""A small synthesiser in numpy: what the demo song and the groove layer are made of."""
