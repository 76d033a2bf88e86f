"""Everything of the app that is not a page.

The course lies here, in the order in which one would read it: layers, steps, summary, data, augment,
recipe, schedule, optimizer, events, train, evaluate, checkpoint, results, compare. What surrounds it
has a folder each: drawing, inside, runs, views, export, shell. Imports point one way: the pages and the
command line use these folders, the folders use the course. Nothing here imports Streamlit.
"""

import os

# Threads of torch that wait for each other keep their core busy for a while, then sleep. GNU's OpenMP
# does so for very long by default. When anything else runs, they keep the core from the thread for
# which they wait: five times slower beside one busy process. A thirtieth of that time costs some 10 %
# on a quiet machine (2 cores). It is read when torch is imported, so it works where s5core is imported
# first: on the command line and in the workers.
os.environ.setdefault("GOMP_SPINCOUNT", "10000")
