"""Random models: what the engine says of them against an independent unroll of the same model.

``spec`` says in one line what a model is, ``strategy`` draws such lines, ``build`` makes the model,
``independent`` computes its loss by hand, ``judge`` compares, and ``python -m`` of this package
tries many.
"""
