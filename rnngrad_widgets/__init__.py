"""See whether gradient reaches the early timesteps of a recurrent network.

The public names are loaded when they are first used: importing the package imports neither
TensorFlow nor the widget libraries.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rnngrad_widgets._version import __version__
    from rnngrad_widgets.callbacks.live import LiveGradients
    from rnngrad_widgets.callbacks.recorder import GradientRecorder
    from rnngrad_widgets.callbacks.tensorboard import GradientTensorBoard
    from rnngrad_widgets.data.tensor import GradientSnapshot, GradientTensor
    from rnngrad_widgets.diagnosis.diagnose import diagnose
    from rnngrad_widgets.diagnosis.diagnosis import Diagnosis
    from rnngrad_widgets.engine import GradientEngine
    from rnngrad_widgets.engine.functions import get_rnn_gradients
    from rnngrad_widgets.explorer.compare import compare
    from rnngrad_widgets.explorer.comparison import Comparison
    from rnngrad_widgets.explorer.explorer import GradientExplorer
    from rnngrad_widgets.explorer.features import (
        show_features_0D,
        show_features_1D,
        show_features_2D,
        show_features_hist,
        show_weights,
    )
    from rnngrad_widgets.explorer.static_pictures import static_pictures
    from rnngrad_widgets.recording import Recording
    from rnngrad_widgets.tunnel.front_end import display_as

__all__ = [
    "Comparison",
    "Diagnosis",
    "GradientEngine",
    "GradientExplorer",
    "GradientRecorder",
    "GradientSnapshot",
    "GradientTensor",
    "GradientTensorBoard",
    "LiveGradients",
    "Recording",
    "__version__",
    "compare",
    "diagnose",
    "display_as",
    "get_rnn_gradients",
    "show_features_0D",
    "show_features_1D",
    "show_features_2D",
    "show_features_hist",
    "show_weights",
    "static_pictures",
]

# Where each public name is defined; the same names as above, once for mypy and once for Python.
_HOMES = {
    "Comparison": "explorer.comparison",
    "Diagnosis": "diagnosis.diagnosis",
    "GradientEngine": "engine",
    "GradientExplorer": "explorer.explorer",
    "GradientRecorder": "callbacks.recorder",
    "GradientSnapshot": "data.tensor",
    "GradientTensor": "data.tensor",
    "GradientTensorBoard": "callbacks.tensorboard",
    "LiveGradients": "callbacks.live",
    "Recording": "recording",
    "__version__": "_version",
    "compare": "explorer.compare",
    "diagnose": "diagnosis.diagnose",
    "display_as": "tunnel.front_end",
    "get_rnn_gradients": "engine.functions",
    "show_features_0D": "explorer.features",
    "show_features_1D": "explorer.features",
    "show_features_2D": "explorer.features",
    "show_features_hist": "explorer.features",
    "show_weights": "explorer.features",
    "static_pictures": "explorer.static_pictures",
}


def __getattr__(name: str) -> object:
    """Load a public name on first use (PEP 562)."""
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
    globals()[name] = value  # the next use finds it without coming here
    return value


def __dir__() -> list[str]:
    return sorted(__all__)


def _jupyter_labextension_paths() -> list[dict[str, str]]:
    """Return where the built JupyterLab extension lies, for ``jupyter-builder develop``."""
    return [{"src": "labextension", "dest": "rnngrad-widgets"}]


def _jupyter_nbextension_paths() -> list[dict[str, str]]:
    """Return where the AMD bundle lies, for VS Code and classic notebooks."""
    return [
        {
            "section": "notebook",
            "src": "nbextension",
            "dest": "rnngrad-widgets",
            "require": "rnngrad-widgets/extension",
        }
    ]
