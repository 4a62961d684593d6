"""The page is whole and fetches nothing; in the picture one function is coloured, all others are grey."""
import re
import xml.etree.ElementTree as tree
from html.parser import HTMLParser

text = open("page.html", encoding="utf-8").read()


class Page(HTMLParser):
    open = []

    def handle_starttag(self, tag, attrs):
        if tag not in ("meta", "rect"):
            self.open.append(tag)
        assert not any(name in ("src", "href") for name, _ in attrs)

    def handle_endtag(self, tag):
        if tag != "rect":
            assert self.open.pop() == tag, tag


page = Page()
page.feed(text)
assert not page.open and "http" not in re.sub(r"http-equiv|http://www.w3.org/(2000/svg|1999/xhtml)", "", text)
svg = "{http://www.w3.org/2000/svg}"
picture = tree.parse("flame.svg").getroot()
for group in picture.iter(svg + "g"):
    title = group.find(svg + "title")
    if title is None:
        continue
    name, shade = title.text.split(" ")[0].rstrip(":"), group.find(svg + "rect").get("class").split("-")[-1]
    if shade != "s":
        print(name, "red" if shade[0] == "r" else "blue")
    assert shade == "s" or "within noise" not in title.text
