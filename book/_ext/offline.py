"""What the pages load: nothing from another host, nothing twice or unused."""

import re
from pathlib import Path

from docutils import nodes

SCRIPT = r'\s*<script (?:defer )?src="[^"]*/{}(?:\?[^"]*)?"></script>'
# Pictures of icons, 1.5 MB: the theme's font has them too.
ICONS = re.compile(SCRIPT.format(r"fontawesome\.js"))
# With `defer` in place of it a page is drawn before its scripts run, in their
# order; what stands in the page itself needs the options at once.
AT_ONCE = re.compile(r'<script (?=src="(?![^"]*/documentation_options\.js))')
# Called by fit.js, which knows when.
MATHJAX = re.compile(r'<script defer(?:="defer")? (?=src="[^"]*/tex-chtml\.js")')
# On pages other than search.html these only serve a search as one types,
# which is off.
SEARCH = re.compile(SCRIPT.format(
    r"(?:_static/searchtools|_static/language_data|searchindex)\.js"))


def own_diagrams(app, docname, source):
    """Show the diagrams beside the chapters, not those of the web's pages."""
    source[0] = source[0].replace(
        f"{app.config.html_baseurl}_static/diagrams/", "_static/diagrams/")


def tidy_scripts(app, pagename, templatename, context, doctree):
    """Drop Thebe, MathJax where no formula is, and every script seen before.

    Thebe is not used, and asks for other hosts. Nor are sphinx-design's tabs
    and cards, whose styles are 55 kB before anything is drawn.
    """
    unused = ["thebe", "design-tabs"]
    if doctree is None or not any(doctree.findall(
            lambda node: isinstance(node, FORMULAS))):
        unused.append("mathjax")
    kept = {}
    for script in context.get("script_files", []):
        name = str(getattr(script, "filename", script) or "")
        body = str(getattr(script, "attributes", {}).get("body"))
        if not any(word in (name + body).lower() for word in unused):
            kept.setdefault((name, body), script)
    context["script_files"] = list(kept.values())
    context["css_files"] = [style for style in context.get("css_files", [])
                            if not any(word in str(style.filename)
                                       for word in ("thebe", "sphinx-design"))]
    context["metatags"] = context.get("metatags", "") + COLOURS


# The theme logs an error when no mode has been chosen yet, and chooses light or
# dark in a script that runs once the page is drawn, without colours until then.
COLOURS = """<script>
localStorage.mode ??= 'auto';
localStorage.theme = localStorage.mode !== 'auto' ? localStorage.mode
  : matchMedia('(prefers-color-scheme: dark)').matches ? 'dark' : 'light';
</script>"""
FORMULAS = nodes.math, nodes.math_block


def drop_unused(app, exception):
    """Drop the scripts that the theme's templates load for nothing."""
    if exception or app.builder.format != "html":
        return
    for page in Path(app.outdir).rglob("*.html"):
        text = ICONS.sub("", page.read_text(encoding="utf-8"))
        text = MATHJAX.sub("<script data-", text)
        if page.name != "search.html":
            text = AT_ONCE.sub("<script defer ", SEARCH.sub("", text))
        page.write_text(text, encoding="utf-8")
    for script in Path(app.outdir).rglob("fontawesome.js*"):
        script.unlink()


def setup(app):
    # The words around a find are fetched, which is forbidden on file://.
    app.add_js_file(None, body="DOCUMENTATION_OPTIONS.SHOW_SEARCH_SUMMARY = "
                               "location.protocol !== 'file:'")
    app.connect("source-read", own_diagrams)
    app.connect("html-page-context", tidy_scripts, priority=900)
    app.connect("build-finished", drop_unused)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
