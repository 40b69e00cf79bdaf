"""Write the picture of a notebook's cell that is tagged `hero` to a file."""

import base64
import sys

import nbformat


def hero(notebook):
    """Return the PNG bytes of the one cell tagged `hero`."""
    [cell] = [cell for cell in notebook.cells
              if "hero" in cell.metadata.get("tags", [])]
    [picture] = [output.data["image/png"] for output in cell.outputs
                 if "image/png" in output.get("data", {})]
    return base64.b64decode(picture)


if __name__ == "__main__":
    with open(sys.argv[2], "wb") as file:
        file.write(hero(nbformat.read(sys.argv[1], as_version=4)))
