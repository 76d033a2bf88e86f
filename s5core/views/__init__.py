"""Numbers as pictures: charts, feature maps, galleries."""
