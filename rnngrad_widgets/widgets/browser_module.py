"""The traits that tell a page which JavaScript module has the browser half of a widget."""

from __future__ import annotations

from traitlets import HasTraits, Unicode

NAME = "rnngrad-widgets"
"""The name of the module, as in ``js/package.json``."""

VERSIONS = "*"
"""Which versions of it are taken: any.

JupyterLab shows only a script error where it does not have the version that is asked for. So the
frame of the plots tells where that of the page is not that of Python.
"""


class BrowserModel(HasTraits):
    """A base of widgets: their model is in the module of this package."""

    _model_module = Unicode(NAME).tag(sync=True)
    _model_module_version = Unicode(VERSIONS).tag(sync=True)


class BrowserView(BrowserModel):
    """A base of widgets: their view is there too."""

    _view_module = Unicode(NAME).tag(sync=True)
    _view_module_version = Unicode(VERSIONS).tag(sync=True)
