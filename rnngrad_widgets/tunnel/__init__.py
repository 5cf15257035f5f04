"""Widgets that are carried by one anywidget, to front ends that have no extension for them.

The browser's end is js/src/pages/tunnel.ts, which says what goes through.
"""
