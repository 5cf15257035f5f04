"""The documentation site: ``make docs`` writes it to docs/_build/html.

Code of the pages is run when the site is built; what it displays is alive in the site, as a page of
``save_html`` (_ext/live_figures.py). The reference is made of docstrings (_ext/docstrings.py).
Nothing is fetched, by the build or by the site.
"""

from __future__ import annotations

import hashlib
import os
import sys
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING

from jupyter_cache import get_cache

import rnngrad_widgets
from rnngrad_widgets.export.bundle import renderer

if TYPE_CHECKING:
    from sphinx.application import Sphinx

DOCS = Path(__file__).parent
sys.path.insert(0, str(DOCS / "_ext"))

# For the kernels that run the pages: widgets are shown as pages, TensorFlow says warnings only.
os.environ["RNNGRAD_DISPLAY"] = "page"
os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"
os.environ["CUDA_VISIBLE_DEVICES"] = "-1"  # the same numbers on every machine


def digest_of_what_runs() -> str:
    """Tell states of package and environment apart: results of one do not hold in another."""
    package = Path(rnngrad_widgets.__file__).parent
    digest = hashlib.sha256(renderer().encode())
    for path in sorted(package.rglob("*.py")):
        digest.update(path.read_bytes())
    installed = {(each.name, each.version) for each in metadata.distributions()}
    digest.update(repr(sorted(installed)).encode())
    return digest.hexdigest()[:12]


# -- the project -----------------------------------------------------------------------------------

project = "rnngrad_widgets"
author = copyright = "The rnngrad_widgets developers"  # noqa: A001 - Sphinx' name for it
release = rnngrad_widgets.__version__

extensions = [
    "myst_nb",
    "sphinx.ext.autodoc",
    "sphinx.ext.autosummary",
    "numpydoc",
    "docstrings",
    "live_figures",
]
exclude_patterns = ["_build", "_ext"]

# -- pages -----------------------------------------------------------------------------------------

myst_enable_extensions = ["colon_fence", "deflist"]
myst_heading_anchors = 3
nb_execution_mode = "cache"
nb_execution_cache_path = str(DOCS / "_build" / f".cache-{digest_of_what_runs()}")
nb_execution_raise_on_error = True
nb_execution_timeout = 300  # seconds a cell; a busy machine takes several times as long
nb_execution_in_temp = True
nb_execution_show_tb = True
nb_output_stderr = "remove"
nb_merge_streams = True
nb_ipywidgets_js = {}  # scripts of a CDN, for widgets that are not pages

# -- the reference ---------------------------------------------------------------------------------

nitpicky = True
default_role = "py:obj"  # a link where `name` is one that is documented
nitpick_ignore_regex = [("py:obj", r"[a-z_]+|GradientTensor\.gates")]  # arguments, attributes
numpydoc_show_class_members = False
autodoc_member_order = "bysource"
autodoc_mock_imports = ["keras", "tensorflow", "tf_keras"]  # docstrings are read without them
autosummary_generate = False
autodoc_typehints = "none"

# -- the site --------------------------------------------------------------------------------------

html_theme = "furo"
pygments_dark_style = "github-dark"
html_title = "rnngrad_widgets"
html_static_path = ["_static"]
html_css_files = ["site.css"]
html_js_files = ["figures.js"]
html_show_sourcelink = False
html_copy_source = False
html_show_sphinx = False


def setup(app: Sphinx) -> None:
    """Make the database of results, before several processes would at once."""
    app.connect("builder-inited", lambda app: get_cache(app.config.nb_execution_cache_path).db)
