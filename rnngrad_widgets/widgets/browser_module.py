"""The traits that tell a page which JavaScript module has the browser half of a widget."""

from __future__ import annotations

from traitlets import HasTraits, Unicode

from rnngrad_widgets._version import __version__

NAME = "rnngrad-widgets"
"""The name of the module, as in ``js/package.json``."""


class BrowserModel(HasTraits):
    """A base of widgets: their model is in the module of this package."""

    _model_module = Unicode(NAME).tag(sync=True)
    _model_module_version = Unicode(__version__).tag(sync=True)


class BrowserView(BrowserModel):
    """A base of widgets: their view is there too."""

    _view_module = Unicode(NAME).tag(sync=True)
    _view_module_version = Unicode(__version__).tag(sync=True)
