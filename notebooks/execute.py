"""Runs every notebook of this folder from top to bottom, in a folder of its own, and fails where a cell does.

    python execute.py --zagg PATH_OF_THE_PROGRAM --folder WHERE_TO_WORK

Notebooks are kept without outputs, so that changes of them can be read; that is checked first.
"""

import argparse
import os
import shutil
import sys
import time
from pathlib import Path

import nbformat
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError

HERE = Path(__file__).resolve().parent


def faults(notebook):
    """What keeps a notebook from being clean."""
    for number, cell in enumerate(notebook.cells):
        if cell.cell_type == "code" and (cell.outputs or cell.execution_count is not None):
            yield f"cell {number} has outputs; clear them"
        if cell.metadata:
            yield f"cell {number} has metadata; clear it"
        if not cell.source.strip():
            yield f"cell {number} is empty"
    if notebook.cells[0].cell_type != "markdown" or not notebook.cells[0].source.startswith("# "):
        yield "the first cell is no title"


def pictures(notebook):
    outputs = [output for cell in notebook.cells if cell.cell_type == "code" for output in cell.outputs]
    return sum("image/png" in output.get("data", {}) for output in outputs)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--zagg", type=Path, required=True)
    parser.add_argument("--folder", type=Path, required=True)
    arguments = parser.parse_args()
    found = sorted(HERE.glob("*.ipynb"))
    if len(found) < 4:
        sys.exit(f"only {len(found)} notebooks found")
    shutil.rmtree(arguments.folder, ignore_errors=True)
    arguments.folder.mkdir(parents=True)
    # The notebooks call the program by its name.
    programs = arguments.folder / "bin"
    programs.mkdir()
    (programs / "zagg").symlink_to(arguments.zagg.resolve())
    os.environ["PATH"] = f"{programs}{os.pathsep}{os.environ['PATH']}"
    os.environ["JUPYTER_PLATFORM_DIRS"] = "1"
    # Settings of the person who runs this are none of the notebooks'.
    os.environ["IPYTHONDIR"] = str(arguments.folder / "ipython")
    os.environ["MPLCONFIGDIR"] = str(arguments.folder / "matplotlib")
    for path in found:
        notebook = nbformat.read(path, as_version=4)
        nbformat.validate(notebook)
        if problems := list(faults(notebook)):
            sys.exit(f"{path.name}: {'; '.join(problems)}")
        start = time.monotonic()
        client = NotebookClient(notebook, timeout=300, resources={"metadata": {"path": str(arguments.folder)}})
        try:
            client.execute()
        except CellExecutionError as error:
            sys.exit(f"{path.name}: {error}")
        if not pictures(notebook):
            sys.exit(f"{path.name}: it shows no picture")
        print(f"{path.name}: {len(notebook.cells)} cells, {pictures(notebook)} pictures, {time.monotonic() - start:.1f} s")


if __name__ == "__main__":
    main()
