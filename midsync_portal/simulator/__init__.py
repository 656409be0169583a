"""A stand-in for MidSync: the same HTTP API, with a memory, real videos and faults on order.

It runs as a process of its own (``python -m midsync_portal.simulator``) and shares nothing with
the portal but the HTTP interface: own settings, own SQLite file, own rules and prices. It is a
plain WSGI application without Django models, so that tests can also talk to it inside the
portal's own process.
"""
