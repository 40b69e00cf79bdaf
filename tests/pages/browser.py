"""What is looked for in a rendered page: functions of a Playwright page."""

from axe_playwright_python.sync_playwright import Axe

from book._tools.pdf import CHROMIUM, FLAGS

WIDTHS = {"phone": 390, "desktop": 1280}
AXE = {"runOnly": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"],
       "resultTypes": ["violations"], "preload": False}


def launch(playwright):
    """Start Chromium, or what CHROMIUM names, with an empty profile."""
    return playwright.chromium.launch(
        executable_path=CHROMIUM, args=FLAGS)


def watch(page, base):
    """Return a list that grows by what a page complains of or fetches afar.

    Nothing may be asked for but what lies under the address `base`.
    """
    faults = []

    def add(what):
        faults.append(what)

    page.on("console", lambda message: message.type in ("error", "warning")
            and add(f"{message.type}: {message.text}"))
    page.on("pageerror", lambda error: add(f"uncaught: {error}"))
    page.on("request", lambda request: request.url.startswith(
        (base, "data:", "blob:")) or add(f"foreign: {request.url}"))
    page.on("requestfailed", lambda request: add(f"failed: {request.url}"))
    page.on("response", lambda response: response.status >= 400
            and add(f"{response.status}: {response.url}"))
    return faults


def set_formulas(page):
    """Wait until the formulas of a page are set and their fonts are there."""
    page.evaluate("async () => { await setFormulas(); "
                  "await document.fonts.ready }")


def start_figures(page):
    """Wait until every figure has taken its picture's place."""
    for place in page.locator(".figure-place").all():
        place.scroll_into_view_if_needed()
        place.locator(".figure-live").wait_for()


def wide(page):
    """Return what makes a page scroll sideways, as [tag and class, pixels]."""
    return page.evaluate("""() => {
        const room = document.documentElement.clientWidth
        const scrolls = node => node !== document.documentElement && (
            getComputedStyle(node).overflowX !== 'visible' ||
            scrolls(node.parentElement))
        if (document.documentElement.scrollWidth <= room) return []
        return [['page', document.documentElement.scrollWidth]].concat(
            [...document.body.querySelectorAll('*')]
            .filter(node => node.getBoundingClientRect().right > room + 1
                    && !scrolls(node))
            .map(node => [`${node.tagName}.${node.className}`,
                          node.getBoundingClientRect().right]))
    }""")


def cut(page, *kinds):
    """Return the kinds of boxes that scroll sideways, as [kind, by what]."""
    return page.evaluate("""kinds => kinds.flatMap(kind =>
        [...document.querySelectorAll(`main ${kind}`)]
        .map(box => [kind, Math.max(box.scrollWidth, ...[
            ...box.querySelectorAll('mjx-math')].map(
            formula => formula.getBoundingClientRect().width))
            - box.clientWidth])
        .filter(([_, by]) => by > 1))""", kinds)


def unsaid(page):
    """Return the pictures whose alt text is missing or says nothing new."""
    return page.evaluate("""() => {
        const plain = text => text.toLowerCase().replace(/[^a-z0-9]/g, '')
        const stem = src => plain(src.split('/').pop().split('.')[0])
        return [...document.querySelectorAll('main img')].filter(img => {
            const caption = img.closest('figure')?.querySelector('figcaption')
            const alt = plain(img.alt)
            return !alt || stem(img.src).includes(alt) ||
                alt.includes(stem(img.src)) ||
                alt === plain(caption?.textContent ?? '')
        }).map(img => img.outerHTML)
    }""")


def barred(page):
    """Return axe's violations of WCAG 2.2 AA, as [rule, selector, why].

    Coloured words of code are thousands: one of each colour stays a word of
    its own, so that a page takes a second instead of ten.
    """
    page.evaluate("""() => {
        const seen = new Set()
        for (const pre of document.querySelectorAll('.highlight pre'))
            for (const word of pre.querySelectorAll('span')) {
                const kind = `${word.className} on ${
                    getComputedStyle(pre.parentElement).backgroundColor}`
                if (!word.children.length && seen.has(kind))
                    word.replaceWith(word.textContent)
                seen.add(kind)
            }
    }""")
    violations = Axe().run(page, options=AXE).response["violations"]
    return [[one["id"], " ".join(map(str, node["target"])),
             node["failureSummary"]]
            for one in violations for node in one["nodes"]]
