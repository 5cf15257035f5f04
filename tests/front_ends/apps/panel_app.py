"""The explorer in Panel."""

import panel as pn
from shown import make_explorer

pn.extension("ipywidgets")
pn.panel(make_explorer().anywidget(), sizing_mode="stretch_width").servable()
