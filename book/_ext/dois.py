"""A DOI is looked up where it is registered, for `make links`.

Where it leads to, publishers turn away whatever is no browser.
"""

DOI = "https://doi.org/"
REGISTERED = "https://doi.org/api/handles/"


def where_registered(app, uri):
    """Return where a DOI is looked up, None for other addresses."""
    if uri.startswith(DOI):
        return REGISTERED + uri.removeprefix(DOI)


def setup(app):
    app.connect("linkcheck-process-uri", where_registered)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
