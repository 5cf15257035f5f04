"""The views: bqplot figures, one view a module.

A view draws what the selection says and keeps no data.
"""
