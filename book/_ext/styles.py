"""One stylesheet in place of nine, without the rules that no page can use.

A phone waits for all of it before it draws a page; of the theme's 400 kB most
is for icons and parts of pages that this book has not. The font that comes
next is cut to the icons in use, and of the words of code only those that have
a colour of their own are elements of the page.
"""

import re
from pathlib import Path

import tinycss2
from fontTools.subset import Subsetter
from fontTools.ttLib import TTFont

LINK = re.compile(r'\s*<link (?=[^>]*rel="stylesheet")[^>]*'
                  r'href="((?:\.\./)*)(_static/[^"?]+)[^"]*"[^>]*>')
IMPORT = re.compile(r'@import "([^"]+)";')
ADDRESS = re.compile(r"url\((?![\"']?data:)[\"']?([^)\"']+)[\"']?\)")
PRELOAD = re.compile(r'\s*<link rel="preload" as="script"[^>]*>')
OPTIONS = re.compile(r'<script src="[^"]*/documentation_options\.js[^"]*">')
FONT = re.compile(r'url\(([^()]*)\.woff2\) format\("woff2"\),'
                  r'url\(\1\.ttf\) format\("truetype"\)')
PAINT = re.compile(r'="(\w+)"\] \.highlight(?: \.(\w+))? '
                   r'\{ (?:background: \S+ )?(color: #\w+) \}')
ICONS = range(0xE000, 0xF900)  # the characters that mean nothing of their own
BUNDLE = "_static/pages.css"
# Bootstrap and the book's own figures put these together from parts.
COMPOSED = "bs-", "figure-"


def bundle(paths):
    """Return the stylesheets one after the other, as one beside pages.css."""
    return "\n".join(style(Path(path)) for path in paths)


def style(path):
    """Return a stylesheet with what it imports, read from _static."""
    text = path.read_text(encoding="utf-8")
    text = ADDRESS.sub(lambda found: f"url({moved(path, found[1])})", text)
    return IMPORT.sub(lambda found: style(path.parent / found[1]), text)


def moved(path, address):
    """Return an address that a stylesheet names, as _static names it."""
    static = next(p for p in path.parents if p.name == "_static").resolve()
    return (path.parent / address).resolve().relative_to(static).as_posix()


def used(css, words):
    """Return a stylesheet without the rules for classes not among words."""
    return "".join(kept(tinycss2.parse_stylesheet(css, skip_comments=True),
                        words))


def kept(rules, words):
    """Yield each rule as text, with those of its selectors that may match."""
    for rule in rules:
        if rule.type == "qualified-rule":
            selectors = [one for one in split(rule.prelude)
                         if may_match(one, words)]
            if selectors:
                yield (",".join(map(tinycss2.serialize, selectors)) + "{"
                       + tinycss2.serialize(rule.content) + "}")
        elif rule.type == "at-rule" and rule.lower_at_keyword in (
                "media", "supports", "container"):
            inner = "".join(kept(tinycss2.parse_rule_list(
                rule.content, skip_comments=True, skip_whitespace=True),
                words))
            if inner:
                yield (f"@{rule.at_keyword}{tinycss2.serialize(rule.prelude)}"
                       f"{{{inner}}}")
        elif rule.type == "at-rule":
            yield rule.serialize()


def split(prelude):
    """Return the selectors of a list, each as its tokens."""
    selectors = [[]]
    for token in prelude:
        if token == ",":
            selectors.append([])
        else:
            selectors[-1].append(token)
    return selectors


def may_match(selector, words):
    """Return whether all classes that a selector asks for are words."""
    return all(name.type != "ident" or name.value in words
               or name.value.startswith(COMPOSED)
               for dot, name in zip(selector, selector[1:]) if dot == ".")


def words_of(outdir):
    """Return all words of the pages and scripts, the classes among them."""
    return {word for kind in ("html", "js") for path in outdir.rglob(
        f"*.{kind}") for word in re.findall(
            r"[\w-]+", path.read_text(encoding="utf-8"))}


def with_few_icons(css, static):
    """Return a stylesheet whose fonts are cut to the icons that it names."""
    icons = [ord(letter) for letter in css if ord(letter) in ICONS]

    def cut(found):
        font = TTFont(static / f"{found[1]}.ttf", recalcTimestamp=False)
        subsetter = Subsetter()
        subsetter.populate(unicodes=icons)
        subsetter.subset(font)
        font.flavor = "woff"
        font.save(static / f"{found[1]}.woff")
        return f'url({found[1]}.woff) format("woff")'

    return FONT.sub(cut, css)


def unpainted(css):
    """Return the classes that give code no colour but its own, in no theme.

    The stylesheet is the one that Pygments wrote.
    """
    colours = {found[:2]: found[2] for found in PAINT.findall(css)}
    themes = {theme for theme, _ in colours}
    return {name for _, name in colours if name and all(
        colours.get((theme, name)) == colours[theme, ""] for theme in themes)}


def finish(app, exception):
    """Let every page load the one stylesheet, and its options with itself."""
    if exception or app.builder.format != "html":
        return
    outdir, bundled = Path(app.outdir), None
    options = (outdir / "_static/documentation_options.js").read_text()
    plain = "|".join(sorted(unpainted(
        (outdir / "_static/pygments.css").read_text())))
    for page in outdir.rglob("*.html"):
        text = page.read_text(encoding="utf-8")
        paths = [path for _, path in LINK.findall(text)]
        if not paths:
            continue
        if bundled is None:
            bundled = paths
            css = bundle([outdir / path for path in paths])
            css = with_few_icons(used(css, words_of(outdir)),
                                 outdir / "_static")
            (outdir / BUNDLE).write_text(f'@charset "UTF-8";{css}',
                                         encoding="utf-8")
        if paths != bundled:
            raise ValueError(f"{page}: other stylesheets than other pages")
        up = LINK.search(text)[1]
        text = LINK.sub("", text).replace(
            "</title>", f'</title>\n<link rel="stylesheet" href="{up}{BUNDLE}"'
            " />", 1)
        text = PRELOAD.sub("", text)
        text = re.sub(rf'<span class="(?:{plain})">([^<]*)</span>', r"\1",
                      text)
        text = OPTIONS.sub(lambda _: f"<script>{options}", text)
        page.write_text(text, encoding="utf-8")


def setup(app):
    app.connect("build-finished", finish, priority=900)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
