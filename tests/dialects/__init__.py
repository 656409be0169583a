"""MidSyncs as they could also be: gateways that speak other dialects than the simulator.

Nothing here is shared with the portal or its simulator: bodies are written out by hand, the
server is the standard library's.
"""
