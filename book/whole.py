"""Refuse to render a notebook that is not what a whole run leaves."""

import sys

import nbformat

from book.toc import ROOT, chapters


def main():
    sys.exit("\n".join(fault for name in chapters(ROOT)
                       for fault in faults(name)) or None)


def faults(name):
    """Yield why a chapter cannot be rendered."""
    try:
        notebook = nbformat.read(ROOT / name, as_version=4)
        nbformat.validate(notebook)
    except (OSError, ValueError, nbformat.ValidationError) as error:
        yield f"{name} cannot be read: {type(error).__name__}: {error}"
        return
    codes = [cell for cell in notebook.cells
             if cell.cell_type == "code" and cell.source.strip()]
    for number, cell in enumerate(codes, 1):
        place = f"{name}: code cell {number} of {len(codes)}"
        if cell.execution_count != number:
            yield f"{place} was not run, or not in its turn"
        for output in cell.outputs:
            if output.output_type == "error":
                yield f"{place} raised {output.ename}: {output.evalue}"


if __name__ == "__main__":
    main()
