"""MidSync over HTTP: the client, its answers and its words. Plain Python, no Django.

`client` asks, `reader` and `models_reader` understand what comes back, `types` is what comes
out, `errors` is what can go wrong, `signature` checks who sent a callback.
"""
