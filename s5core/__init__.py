"""Everything of the app that is not a page: networks, training, measuring, explaining.

Imports point one way: pages -> charts, runs, explain -> train, evaluate -> layers, data,
recipe. Nothing here imports Streamlit.
"""

import os

# Threads of torch that wait for one another spin first, then sleep. As long as GNU's OpenMP does
# by default they take the core from whom they wait for when anything else runs: five times slower
# beside one busy process. A thirtieth of that costs some 10 % on a quiet machine (2 cores). Read
# when torch is imported, so it counts for what imports s5core first: the command line, the workers.
os.environ.setdefault("GOMP_SPINCOUNT", "10000")
