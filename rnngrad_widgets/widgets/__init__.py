"""Python halves of the browser models.

Each has a TypeScript module of the same stem in the same folder of ``js/src``.
"""
