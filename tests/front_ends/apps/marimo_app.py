"""The explorer in marimo: the last line of a cell."""

import marimo

app = marimo.App()


@app.cell
def show():
    from shown import make_explorer

    explorer = make_explorer()
    explorer


if __name__ == "__main__":
    app.run()
