"""A run is a folder; a worker trains it, and the queue says when."""
