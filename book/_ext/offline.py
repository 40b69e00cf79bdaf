"""Scripts of the theme that ask for other hosts, or complain, on file://."""


def tidy_scripts(app, pagename, templatename, context, doctree):
    """Drop Thebe, which is not used, and every script seen before."""
    kept = {}
    for script in context.get("script_files", []):
        name = str(getattr(script, "filename", script) or "")
        body = str(getattr(script, "attributes", {}).get("body"))
        if "thebe" not in (name + body).lower():
            kept.setdefault((name, body), script)
    context["script_files"] = list(kept.values())
    # The theme logs an error when no mode has been chosen yet.
    context["metatags"] = context.get("metatags", "") + (
        "<script>localStorage.mode ??= 'auto'</script>")


def setup(app):
    # The words around a find are fetched, which is forbidden on file://.
    app.add_js_file(None, body="DOCUMENTATION_OPTIONS.SHOW_SEARCH_SUMMARY = "
                               "location.protocol !== 'file:'")
    app.connect("html-page-context", tidy_scripts, priority=900)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
