"""How many examples the properties try: few and always the same, or many and new ones.

`PROPERTIES=long` tries new examples at each run and prints how to repeat one that fails;
`PROPERTIES_EXAMPLES` says how many.
"""

import os

from hypothesis import HealthCheck, settings

MODE = os.environ.get("PROPERTIES", "ci")
EXAMPLES = int(os.environ.get("PROPERTIES_EXAMPLES", {"ci": "25", "long": "1000"}[MODE]))

settings.register_profile(
    "ci",
    max_examples=EXAMPLES,
    stateful_step_count=25,
    derandomize=True,
    database=None,
    deadline=None,
    # The fixtures are those of the cast; what an example writes is undone after it.
    suppress_health_check=list(HealthCheck),
)
settings.register_profile("long", settings.get_profile("ci"), derandomize=False, print_blob=True)
settings.load_profile(MODE)
