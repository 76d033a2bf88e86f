"""From a drawing or a photograph to the 28x28 pixels that a network reads, and to its answer."""
