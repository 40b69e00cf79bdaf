"""What the pages load: nothing from another host, nothing twice or unused."""

import re
from pathlib import Path

from docutils import nodes

ICONS = re.compile(r'\s*<script defer src="[^"]*/fontawesome\.js[^"]*">'
                   r"</script>")


def tidy_scripts(app, pagename, templatename, context, doctree):
    """Drop Thebe, MathJax where no formula is, and every script seen before.

    Thebe is not used, and asks for other hosts.
    """
    unused = ["thebe"] + ["mathjax"] * (doctree is None or not any(
        doctree.findall(lambda node: isinstance(node, FORMULAS))))
    kept = {}
    for script in context.get("script_files", []):
        name = str(getattr(script, "filename", script) or "")
        body = str(getattr(script, "attributes", {}).get("body"))
        if not any(word in (name + body).lower() for word in unused):
            kept.setdefault((name, body), script)
    context["script_files"] = list(kept.values())
    # The theme logs an error when no mode has been chosen yet.
    context["metatags"] = context.get("metatags", "") + (
        "<script>localStorage.mode ??= 'auto'</script>")


FORMULAS = nodes.math, nodes.math_block


def drop_icons(app, exception):
    """Drop 1.5 MB of pictures of icons: the theme's font has them too."""
    if exception or app.builder.format != "html":
        return
    for page in Path(app.outdir).rglob("*.html"):
        text = page.read_text(encoding="utf-8")
        page.write_text(ICONS.sub("", text), encoding="utf-8")
    for script in Path(app.outdir).rglob("fontawesome.js*"):
        script.unlink()


def setup(app):
    # The words around a find are fetched, which is forbidden on file://.
    app.add_js_file(None, body="DOCUMENTATION_OPTIONS.SHOW_SEARCH_SUMMARY = "
                               "location.protocol !== 'file:'")
    app.connect("html-page-context", tidy_scripts, priority=900)
    app.connect("build-finished", drop_icons)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
