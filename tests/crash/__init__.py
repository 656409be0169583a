"""The crash run: real processes are killed with SIGKILL while people order, then money is counted.

`points` names where processes die; `inject/sitecustomize.py` kills them there, from the outside;
`site` runs and kills web, workers and the simulator; `people` order through the form; `judge`
compares the portal's tables with the simulator's ledger; `run` puts it together.
"""
