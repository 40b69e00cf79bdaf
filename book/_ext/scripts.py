"""The scripts of a page: none twice, none unused, none from another host."""

from docutils import nodes

# Thebe asks other hosts for code, and the book has no tabs and cards.
UNUSED = "thebe", "design-tabs", "sphinx-design"


def choose_scripts(app, pagename, templatename, context, doctree):
    """Choose a page's scripts and styles, and let no script delay the page.

    The page of search needs them at once, for scripts in the page itself.
    MathJax, the largest, is only named: fit.js loads it when it is needed.
    """
    has_formulas = doctree is not None and any(
        isinstance(node, nodes.math | nodes.math_block)
        for node in doctree.findall())
    scripts = {}
    for script in context["script_files"]:
        name = str(script.filename or "")
        text = name + str(script.attributes.get("body"))
        if "mathjax" in text.lower() and not has_formulas or is_unused(text):
            continue
        if "tex-chtml" in name:
            script.attributes["type"] = "text/plain"
        elif pagename == "search":  # the other pages have set it
            script.attributes.pop("defer", None)
        elif name and "documentation_options" not in name:
            script.attributes["defer"] = "defer"
        scripts.setdefault(text, script)
    context["script_files"] = list(scripts.values())
    context["css_files"] = [style for style in context["css_files"]
                            if not is_unused(str(style.filename))]


def is_unused(text):
    return any(word in text.lower() for word in UNUSED)


def setup(app):
    # The words around a find are fetched, which is forbidden on file://.
    app.add_js_file(None, body="DOCUMENTATION_OPTIONS.SHOW_SEARCH_SUMMARY = "
                               "location.protocol !== 'file:'")
    app.connect("html-page-context", choose_scripts, priority=900)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
