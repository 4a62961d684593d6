"""Clicks, types and drags in the page and in the pictures that lie here."""
from browser import Browser

SHOWN = ".flamegraph:not([hidden])"


def box(browser, name):
    """The number of the widest box of that name that is drawn."""
    return browser.value(f"""(() => {{
      const flame = document.querySelector("{SHOWN}").flame || document.querySelector("svg").flame, graph = flame.graph;
      const drawn = [...flame.svg.querySelectorAll("[data-i]")].map(rect => +rect.dataset.i);
      const named = drawn.filter(i => graph.frames[graph.frame[i]].name === "{name}");
      return named.sort((a, b) => graph.width[b] - graph.width[a])[0]; }})()""")


def text(browser, selector):
    return browser.value(f"document.querySelector('{SHOWN} {selector}').textContent")


def click(browser, selector):
    browser.click(f"{SHOWN} {selector}")


def flame_graph(browser, names):
    """Zoom, search, keys and the switch of direction; `names`: a function, and one below it."""
    assert "100 %" in text(browser, ".fg-details")
    assert browser.value(f"document.querySelector('{SHOWN} .fg-reset').disabled")
    click(browser, f"[data-i='{box(browser, names[0])}']")
    assert names[0] in text(browser, ".fg-details") and "of what is shown" in text(browser, ".fg-details")
    assert browser.value(f"document.querySelector('{SHOWN} .fg-past') !== null")
    click(browser, f"[data-i='{box(browser, names[1])}']")
    assert names[1] in text(browser, ".fg-details")
    browser.key("Escape")
    assert browser.value(f"document.querySelector('{SHOWN} .fg-reset').disabled")
    click(browser, "input")
    browser.type("^" + names[0][:-1])
    assert text(browser, ".fg-found").endswith(" % matched"), text(browser, ".fg-found")
    assert browser.value(f"document.querySelectorAll('{SHOWN} .fg-hit').length") > 0
    browser.value(f"document.querySelector('{SHOWN} input').select()")
    browser.type("no such(")
    assert text(browser, ".fg-found") == "no match"
    browser.value(f"document.querySelector('{SHOWN} input').select()")
    browser.key("Backspace")
    browser.value(f"(i => {{ i.value = ''; i.dispatchEvent(new Event('input')); }})(document.querySelector('{SHOWN} input'))")
    assert text(browser, ".fg-found") == ""
    root = f"+document.querySelector(\"{SHOWN} [data-i='0']\").getAttribute('y')"
    before = browser.value(root)
    click(browser, ".fg-turn")
    assert browser.value(root) != before


def timeline(browser):
    def view():
        return [int(part) for part in browser.value("document.querySelector('.timeline').dataset.view").split()]

    def rows():
        return int(browser.value("document.querySelector('.timeline').dataset.rows"))

    whole, all_rows = view(), rows()
    x, y, width, height = browser.middle(".tl-box")
    left, top = x - width / 2, y - height / 2
    browser.drag(left + 400, top + 30, left + 600, top + 30)
    near = view()
    assert 0 < near[0] < near[1] < whole[1], near
    browser.drag(left + 600, top + 30, left + 500, top + 30, modifiers=8)
    assert view()[0] > near[0] and abs(view()[1] - view()[0] - (near[1] - near[0])) <= 1
    browser.key("0")
    assert view() == whole
    browser.mouse("mouseWheel", left + 500, top + 30, deltaX=0, deltaY=-300, modifiers=2)
    browser.drawn()
    assert view()[1] - view()[0] < whole[1]
    browser.key("0")
    browser.hover(left + 400, top + 15)
    assert not browser.value("document.querySelector('.tl-tip').hidden")
    assert " from " in browser.value("document.querySelector('.tl-tip').textContent")
    browser.drag(left + 30, top + 13, left + 30, top + 13)
    assert rows() == 1, rows()
    browser.click(".tl-fold")
    assert rows() == all_rows
    browser.click(".tl-only")
    assert 0 < rows() <= all_rows


with Browser() as browser:
    browser.open("page.html")
    flame_graph(browser, ("worker", "parse_row"))
    browser.click("[role=tab]:nth-child(2)")
    assert "Waiting" in browser.value(f"document.querySelector('{SHOWN}').dataset.title")
    flame_graph(browser, ("read", "[wait: pipe]"))
    timeline(browser)
    background = browser.value("getComputedStyle(document.body).backgroundColor")
    browser.click("#theme")
    assert background != browser.value("getComputedStyle(document.body).backgroundColor")
    browser.open("flame.svg")
    flame_graph(browser, ("worker", "parse_row"))
    browser.open("change.svg")
    assert browser.value("document.querySelectorAll('rect.fg-r1, rect.fg-r2, rect.fg-r3, rect.fg-r4').length") == 1
    both = browser.value("document.querySelector(\"[data-i='1']\").getAttribute('width')")
    browser.click(".fg-mode-before")
    assert "before" in browser.value("document.querySelector('[aria-pressed=true]').className")
    assert browser.value("document.querySelector(\"[data-i='1']\").getAttribute('width')") == both
    browser.open("memory.html")
    browser.click("[role=tab]:nth-child(3)")
    assert "Memory at its peak" in browser.value(f"document.querySelector('{SHOWN}').dataset.title")
    assert " kB, 100 %" in text(browser, ".fg-details"), text(browser, ".fg-details")
    flame_graph(browser, ("load", "parse"))
    x, y, _, _ = browser.middle(".tl-memory")
    browser.hover(x, y)
    assert " kB allocated" in browser.value("document.querySelector('.tl-tip').textContent")
    assert not browser.errors, browser.errors
print("ok")
