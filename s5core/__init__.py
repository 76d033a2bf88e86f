"""Everything of the app that is not a page: networks, training, measuring, explaining.

Imports point one way: pages -> charts, runs, explain -> train, evaluate -> layers, data,
recipe. Nothing here imports Streamlit.
"""
