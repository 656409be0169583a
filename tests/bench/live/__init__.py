"""Live rows measured against what others use, in one run on one machine: `bin/bench live`.

Every mechanism is fed by the same callbacks into the same view on the same server with the same
settings; only the way from the commit to the browser differs (`variants`). `load` plays the
browsers and MidSync in a process of its own, `machine` reads what the servers cost, `run` puts it
together.
"""
