"""An export is a network, trained or not, in a form that other programs and people can use."""
