"""``python -m rnngrad_widgets.html widgets.js`` writes the script that a saved notebook runs."""

from __future__ import annotations

from rnngrad_widgets.export.html import SavedPage, main, save_html

__all__ = ["SavedPage", "save_html"]

if __name__ == "__main__":
    main()
