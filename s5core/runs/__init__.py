"""A run is a folder; the queue says when it is trained, and a worker trains it."""
