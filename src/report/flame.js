/* The flame graphs of a page, or of an SVG that is nothing else: zoom, search, details, tabs. Data: flame_data.c. */
(function () {
  "use strict";
  var XHTML = "http://www.w3.org/1999/xhtml", SVG = "http://www.w3.org/2000/svg";
  var ROW = 19, NARROW = 1.8, INSET = 4;
  var isAlone = document.documentElement.namespaceURI === SVG;
  var holders = Array.prototype.slice.call(document.querySelectorAll(".flamegraph"));

  function make(name, attributes, parent, text) {
    var isDrawn = /^(svg|g|rect|text|title)$/.test(name);
    var element = document.createElementNS(isDrawn ? SVG : XHTML, name);
    for (var key in attributes) element.setAttribute(key, attributes[key]);
    if (text !== undefined) element.textContent = text;
    if (parent) parent.appendChild(element);
    return element;
  }

  function digits(value) {
    return value >= 100 ? value.toFixed(0) : value >= 10 ? String(+value.toFixed(1)) : String(+value.toFixed(2));
  }
  function duration(ns) {
    if (ns >= 3600e9) return Math.floor(ns / 3600e9) + " h " + Math.floor(ns % 3600e9 / 60e9) + " min";
    if (ns >= 60e9) return Math.floor(ns / 60e9) + " min " + Math.floor(ns % 60e9 / 1e9) + " s";
    if (ns >= 1e9) return digits(ns / 1e9) + " s";
    if (ns >= 1e6) return digits(ns / 1e6) + " ms";
    return ns >= 1e3 ? digits(ns / 1e3) + " us" : Math.round(ns) + " ns";
  }
  function bytes(count) {
    var units = ["B", "kB", "MB", "GB", "TB"], at = 0;
    while (count >= 1000 && at < 4) { count /= 1000; at++; }
    return digits(count) + " " + units[at];
  }
  function amount(graph, value) {
    var whole = value * graph.scale;
    if (graph.unit === "bytes") return bytes(whole);
    if (graph.unit === "ns") return duration(whole);
    var count = String(Math.round(whole)).replace(/\B(?=(\d{3})+$)/g, ",");
    return count + " " + (count === "1" ? graph.unit.replace(/s$/, "") : graph.unit);
  }
  function share(part, whole) {
    var percent = whole > 0 ? part / whole * 100 : 0;
    return percent > 0 && percent < 0.1 ? "<0.1 %" : percent >= 10 || percent === 0 ? Math.round(percent) + " %" : percent.toFixed(1) + " %";
  }

  /* The same hue for the same module: flame_hue() in C. Memory is green. */
  function hue(module, kind, unit) {
    var hash = 2166136261;
    for (var i = 0; i < module.length; i++) hash = Math.imul(hash ^ module.charCodeAt(i), 16777619) >>> 0;
    if (kind === "kernel") return 205 + hash % 24;
    if (unit !== "ns") return (kind === "managed" ? 72 : 118) + hash % 34;
    if (kind === "managed") return 92 + hash % 44;
    return 10 + hash % 34;
  }

  /* Nodes in the order of a walk: each one's subtree is [i, last[i]]. */
  function read(data) {
    var step = data.step, count = data.nodes.length / step, path = [], i;
    var graph = { unit: data.unit, scale: data.scale, isChange: step > 5, count: count, frame: new Int32Array(count),
      depth: new Int32Array(count), up: new Int32Array(count), last: new Int32Array(count), line: new Int32Array(count),
      self: new Float64Array(count), rest: new Float64Array(count), total: new Float64Array(count),
      before: new Float64Array(count), beforeTotal: new Float64Array(count), beforeRest: new Float64Array(count),
      change: new Int32Array(count), width: new Float64Array(count), fill: new Float64Array(count), left: new Float64Array(count) };
    for (i = 0; i < count; i++) {
      var at = i * step;
      path.length -= data.nodes[at];
      graph.up[i] = path.length ? path[path.length - 1] : -1;
      graph.depth[i] = path.length;
      graph.frame[i] = data.nodes[at + 1];
      graph.self[i] = data.nodes[at + 2];
      graph.rest[i] = data.nodes[at + 3];
      graph.line[i] = data.nodes[at + 4];
      graph.total[i] = graph.self[i] + graph.rest[i];
      if (graph.isChange) {
        graph.before[i] = data.nodes[at + 5];
        graph.beforeRest[i] = data.nodes[at + 6];
        graph.change[i] = data.nodes[at + 7];
        graph.beforeTotal[i] = graph.before[i] + graph.beforeRest[i];
      }
      graph.last[i] = i;
      path.push(i);
    }
    for (i = count - 1; i > 0; i--) {
      graph.total[graph.up[i]] += graph.total[i];
      graph.beforeTotal[graph.up[i]] += graph.beforeTotal[i];
      graph.last[graph.up[i]] = Math.max(graph.last[graph.up[i]], graph.last[i]);
    }
    graph.frames = [];
    for (i = 0; i < data.frames.length; i += 4)
      graph.frames.push({ name: data.strings[data.frames[i]], module: data.strings[data.frames[i + 1]],
        file: data.strings[data.frames[i + 2]], kind: data.strings[data.frames[i + 3]] });
    return graph;
  }

  /* Widths of a difference: after, before, or both together, so that what is gone is seen as well. */
  function place(graph, mode) {
    var cursor = new Float64Array(graph.count), a = mode === "after" ? 0 : 1, b = mode === "before" ? 0 : 1;
    if (!graph.isChange) { a = 0; b = 1; }
    for (var i = 0; i < graph.count; i++) {
      graph.width[i] = graph.total[i] * b + graph.beforeTotal[i] * a;
      graph.fill[i] = graph.rest[i] * b + graph.beforeRest[i] * a;
      var up = graph.up[i];
      graph.left[i] = up < 0 ? 0 : cursor[up];
      if (up >= 0) cursor[up] += graph.width[i];
      cursor[i] = graph.left[i];
    }
  }

  function Flame(holder, shell) {
    var script = holder.querySelector("script[type='application/json']");
    this.data = JSON.parse(script.textContent);
    this.graph = read(this.data);
    this.shell = shell;
    this.zoomed = 0;
    this.cursor = 0;
    this.mode = "both";
    this.isIcicle = !isAlone;
    this.hits = null;
    this.build();
    place(this.graph, this.mode);
  }

  Flame.prototype.build = function () {
    var self = this, graph = this.graph;
    var bar = make("div", { "class": "fg-bar" }, this.shell);
    this.search = make("input", { type: "search", placeholder: "Search: a regular expression  ( / )", "aria-label": "search",
      spellcheck: "false" }, bar);
    this.found = make("span", { "class": "fg-found", role: "status" }, bar);
    this.resetButton = this.button(bar, "Reset zoom", "fg-reset", function () { self.zoom(0); });
    this.turnButton = this.button(bar, "", "fg-turn", function () {
      self.isIcicle = !self.isIcicle;
      self.draw();
      self.scroll();
    });
    if (graph.isChange) this.buildModes(bar);
    this.legend(bar);
    this.details = make("div", { "class": "fg-details" }, this.shell);
    this.box = make("div", { "class": "fg-box", tabindex: "0", role: "application",
      "aria-label": "flame graph: arrows move, Enter widens, Escape goes back" }, this.shell);
    this.svg = make("svg", {}, this.box);
    this.search.addEventListener("input", function () { self.find(self.search.value); });
    this.box.addEventListener("click", function (event) {
      var index = self.at(event.target);
      if (index >= 0) self.zoom(index);
    });
    this.box.addEventListener("mousemove", function (event) {
      var index = self.at(event.target);
      if (index >= 0) self.tell(index);
    });
    this.box.addEventListener("mouseleave", function () { self.tell(self.zoomed); });
    this.box.addEventListener("keydown", function (event) { self.key(event); });
  };

  Flame.prototype.button = function (parent, text, name, act) {
    var button = make("button", { type: "button", "class": name }, parent, text);
    button.addEventListener("click", act);
    return button;
  };

  Flame.prototype.buildModes = function (bar) {
    var self = this, group = make("span", { "class": "fg-modes", role: "group", "aria-label": "widths" }, bar);
    [["both", "Both"], ["after", "After"], ["before", "Before"]].forEach(function (mode) {
      var button = self.button(group, mode[1], "fg-mode-" + mode[0], function () {
        self.mode = mode[0];
        Array.prototype.forEach.call(group.children, function (other) { other.setAttribute("aria-pressed", String(other === button)); });
        place(self.graph, self.mode);
        self.zoom(self.graph.width[self.zoomed] > 0 ? self.zoomed : 0);
      });
      button.setAttribute("aria-pressed", String(mode[0] === self.mode));
    });
  };

  Flame.prototype.legend = function (bar) {
    var names = { code: "program", kernel: "kernel", inlined: "inlined", managed: "Python, JIT", peer: "other end", waker: "woken by" };
    var graph = this.graph, seen = {}, legend = make("span", { "class": "fg-legend" }, bar);
    if (graph.isChange)
      names = { "change fg-r3": graph.unit === "ns" ? "its own time grew" : "its own grew", "change fg-b3": "shrank", "change fg-s": "within noise" };
    else
      graph.frames.forEach(function (frame) {
        seen[frame.kind] = true;
        if (/^wait /.test(frame.kind)) names[frame.kind] = frame.name.replace(/^\[wait: (.*)\]$/, "$1").replace(/_/g, " ");
      });
    for (var kind in names) {
      if (!graph.isChange && !seen[kind]) continue;
      var item = make("span", {}, legend);
      make("i", { "class": "fg-key fg-" + kind, style: "--h:" + hue("", kind, graph.unit) }, item);
      item.appendChild(document.createTextNode(names[kind]));
    }
  };

  Flame.prototype.at = function (target) {
    var index = target.getAttribute && target.getAttribute("data-i");
    return index === null || index === undefined || index === false ? -1 : Number(index);
  };

  Flame.prototype.style = function (index) {
    var graph = this.graph, frame = graph.frames[graph.frame[index]], change = graph.change[index];
    if (graph.isChange)
      return "fg-change fg-" + (change > 0 ? "r" + change : change < 0 ? "b" + -change : "s");
    return "fg-" + frame.kind;
  };

  /* Of the font that the boxes have, on average. */
  var letter = 0;
  function letterWidth() {
    if (letter) return letter;
    var pen = make("canvas", {}).getContext("2d"), sample = "the_quick_brown::fox_jumps_over_the_lazy_dog_0123456789";
    pen.font = '12px system-ui, -apple-system, "Segoe UI", Roboto, "Noto Sans", "DejaVu Sans", sans-serif';
    letter = Math.max(pen.measureText(sample).width / sample.length * 1.04, 4);
    return letter;
  }

  function escaped(text) {
    return text.replace(/&/g, "&amp;").replace(/</g, "&lt;").replace(/>/g, "&gt;");
  }

  /* Markup rather than elements: thousands of boxes are parsed faster than they are made one by one. */
  Flame.prototype.drawBox = function (index, x, width, isPast) {
    var graph = this.graph, frame = graph.frames[graph.frame[index]];
    var y = this.y(graph.depth[index]), letters = Math.floor((width - 2 * INSET) / letterWidth()), name = frame.name;
    var kind = this.style(index) + (isPast ? " fg-past" : "");
    if (this.hits && this.hits[index]) kind += " fg-hit";
    var markup = "<rect class='" + kind + "' style='--h:" + hue(frame.module, frame.kind, graph.unit) + "' x='" + x.toFixed(1) + "' y='" + y +
      "' width='" + Math.max(width - 0.6, 0.6).toFixed(1) + "' height='" + (ROW - 1) + "' rx='2' data-i='" + index + "'/>";
    if (letters < 9) letters--; /* a few wide ones can be all there are */
    if (frame.kind === "waker") name = "woken by " + name;
    if (letters < 3 || (name.length > letters && letters < 6)) return markup;
    /* Half a character of two parts is no XML: the whole SVG would not be drawn. */
    if (name.length > letters) name = name.slice(0, Math.ceil(letters * 0.6) - 1).replace(/[\ud800-\udbff]$/, "") + "\u2026" +
      name.slice(name.length - Math.floor(letters * 0.4)).replace(/^[\udc00-\udfff]/, "");
    return markup + "<text x='" + (x + INSET).toFixed(1) + "' y='" + (y + ROW - 6) + "'" +
      (frame.kind === "inlined" ? " class='fg-slanted'" : "") + ">" + escaped(name) + "</text>";
  };

  Flame.prototype.y = function (depth) {
    return this.isIcicle ? depth * ROW : (this.deepest - depth) * ROW;
  };

  /* What is too narrow to be told apart is drawn as one grey box over each row. */
  function addCrumb(crumbs, depth, left, right) {
    var row = crumbs[depth] = crumbs[depth] || [], last = row[row.length - 1];
    if (last && left - last[1] < 0.5) last[1] = right;
    else row.push([left, right]);
  }

  Flame.prototype.draw = function (isAgain) {
    var graph = this.graph, top = this.zoomed, room = Math.max(this.box.clientWidth, 300), shown = [], crumbs = [], i;
    var scale = graph.width[top] > 0 ? room / graph.width[top] : 0;
    this.room = room;
    this.deepest = graph.depth[top];
    for (i = top; i <= graph.last[top] && scale > 0; i++) {
      var x = (graph.left[i] - graph.left[top]) * scale, width = graph.width[i] * scale;
      if (width < NARROW && i !== top) {
        if (width > 0) addCrumb(crumbs, graph.depth[i], x, x + width);
        i = graph.last[i];
        continue;
      }
      shown.push([i, x, width]);
      this.deepest = Math.max(this.deepest, graph.depth[i]);
      if (graph.fill[i] * scale >= NARROW) {
        var inner = 0;
        for (var c = i + 1; c <= graph.last[i]; c = graph.last[c] + 1) inner += graph.width[c];
        addCrumb(crumbs, graph.depth[i] + 1, x + inner * scale, x + (inner + graph.fill[i]) * scale);
      }
    }
    for (i = 0; i < crumbs.length; i++) if (crumbs[i]) this.deepest = Math.max(this.deepest, i);
    var markup = [];
    for (i = graph.up[top]; i >= 0; i = graph.up[i]) markup.push(this.drawBox(i, 0, room, true));
    for (i = 0; i < shown.length; i++) markup.push(this.drawBox(shown[i][0], shown[i][1], shown[i][2], false));
    this.drawCrumbs(crumbs, markup);
    this.svg.setAttribute("width", room);
    this.svg.setAttribute("height", (this.deepest + 1) * ROW);
    this.svg.innerHTML = markup.join("");
    this.svg.classList.toggle("fg-searching", this.hits !== null);
    this.turnButton.textContent = this.isIcicle ? "Flame" : "Icicle";
    this.resetButton.disabled = top === 0;
    this.tell(top);
    if (isAlone) return fit();
    /* A bar to scroll by takes room of its own. */
    if (this.box.clientWidth >= 300 && this.box.clientWidth !== room && !isAgain) return this.draw(true);
  };

  /* To where the calls begin. */
  Flame.prototype.scroll = function () {
    this.box.scrollTop = this.isIcicle ? 0 : this.box.scrollHeight;
  };

  Flame.prototype.drawCrumbs = function (crumbs, markup) {
    for (var depth = 0; depth < crumbs.length; depth++) {
      var row = crumbs[depth] || [];
      for (var i = 0; i < row.length; i++) {
        if (row[i][1] - row[i][0] < 1) continue;
        markup.push("<rect class='fg-crumb' x='" + row[i][0].toFixed(1) + "' y='" + this.y(depth) + "' width='" +
          (row[i][1] - row[i][0]).toFixed(1) + "' height='" + (ROW - 1) + "'><title>too narrow to draw: widen what holds them</title></rect>");
      }
    }
  };

  Flame.prototype.zoom = function (index) {
    this.zoomed = this.cursor = index;
    this.draw();
    this.scroll();
    if (this.search.value) this.find(this.search.value);
  };

  Flame.prototype.tell = function (index) {
    var graph = this.graph, frame = graph.frames[graph.frame[index]], details = this.details, parts = [];
    this.cursor = index;
    details.textContent = "";
    make("b", {}, details, (frame.kind === "waker" ? "woken by " : "") + frame.name);
    if (frame.kind === "inlined" || frame.kind === "kernel") make("span", { "class": "fg-badge" }, details, frame.kind);
    if (frame.module) parts.push(frame.module);
    if (frame.file) parts.push(frame.file + (graph.line[index] ? ":" + graph.line[index] : ""));
    if (graph.isChange) {
      if (graph.before[index] || graph.self[index])
        parts.push("itself " + amount(graph, graph.before[index]) + " \u2192 " + amount(graph, graph.self[index]) +
          (graph.change[index] ? "" : ", within noise"));
      parts.push("with what it calls " + amount(graph, graph.beforeTotal[index]) + " \u2192 " + amount(graph, graph.total[index]));
    } else {
      parts.push(amount(graph, graph.total[index]) + ", " + share(graph.total[index], graph.total[0]));
      if (this.zoomed) parts.push(share(graph.total[index], graph.total[this.zoomed]) + " of what is shown");
      if (graph.self[index] && graph.self[index] !== graph.total[index]) parts.push("itself " + amount(graph, graph.self[index]));
    }
    make("span", {}, details, parts.join("  \u00b7  "));
  };

  /* Whatever is no regular expression is looked for as it stands. Capitals count only where some are asked for. */
  function pattern(text) {
    var flags = text === text.toLowerCase() ? "i" : "";
    try {
      return new RegExp(text, flags);
    } catch (error) {
      return new RegExp(text.replace(/[.*+?^${}()|[\]\\]/g, "\\$&"), flags);
    }
  }

  Flame.prototype.find = function (text) {
    var graph = this.graph, top = this.zoomed, i, sum = 0, count = 0;
    this.hits = null;
    this.found.textContent = "";
    if (text) {
      var wanted = pattern(text);
      var fits = graph.frames.map(function (frame) { return wanted.test(frame.name) || wanted.test(frame.module); });
      this.hits = new Uint8Array(graph.count);
      for (i = 0; i < graph.count; i++) this.hits[i] = fits[graph.frame[i]] ? 1 : 0;
      for (i = top; i <= graph.last[top]; i++) {
        if (!this.hits[i]) continue;
        sum += graph.width[i];
        count++;
        i = graph.last[i];
      }
      this.found.textContent = count ? share(sum, graph.width[top]) + " matched" : "no match";
    }
    this.draw();
  };

  Flame.prototype.move = function (index) {
    if (index < 0 || index >= this.graph.count) return;
    var old = this.svg.querySelector(".fg-cursor"), rect = this.svg.querySelector("[data-i='" + index + "']");
    if (!rect) return;
    if (old) old.classList.remove("fg-cursor");
    rect.classList.add("fg-cursor");
    this.tell(index);
    if (rect.scrollIntoView) rect.scrollIntoView({ block: "nearest" });
  };

  /* The child that took most, and the next one beside it. */
  Flame.prototype.widest = function (index) {
    var graph = this.graph, best = -1;
    for (var c = index + 1; c <= graph.last[index]; c = graph.last[c] + 1)
      if (best < 0 || graph.width[c] > graph.width[best]) best = c;
    return best;
  };
  Flame.prototype.beside = function (index, direction) {
    var graph = this.graph, up = graph.up[index], previous = -1;
    if (up < 0) return -1;
    for (var c = up + 1; c <= graph.last[up]; c = graph.last[c] + 1) {
      if (direction < 0 && c === index) return previous;
      if (direction > 0 && previous === index) return c;
      previous = c;
    }
    return -1;
  };

  Flame.prototype.key = function (event) {
    var inwards = this.isIcicle ? "ArrowDown" : "ArrowUp", outwards = this.isIcicle ? "ArrowUp" : "ArrowDown";
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    if (event.key === inwards) this.move(this.widest(this.cursor));
    else if (event.key === outwards) this.move(this.graph.up[this.cursor]);
    else if (event.key === "ArrowLeft") this.move(this.beside(this.cursor, -1));
    else if (event.key === "ArrowRight") this.move(this.beside(this.cursor, 1));
    else if (event.key === "Enter") this.zoom(this.cursor);
    else if (event.key === "Escape") this.zoom(0);
    else if (event.key === "/") this.search.focus();
    else return;
    event.preventDefault();
  };

  var flames = [];
  function shown() {
    return flames.filter(function (flame) { return flame.box.clientWidth > 0; })[0];
  }
  /* An SVG is as wide as the window and as high as what is in it. */
  var frame = null;
  function fit() {
    if (!frame || !frame.firstChild) return;
    var height = Math.ceil(frame.firstChild.getBoundingClientRect().height) + 24, root = document.documentElement;
    frame.setAttribute("height", height);
    root.setAttribute("height", height);
  }

  /* Graphs that stand together share one place, and tabs choose. */
  function tabs(group) {
    var members = Array.prototype.slice.call(group.querySelectorAll(".flamegraph"));
    if (members.length < 2) return;
    var list = make("div", { "class": "fg-tabs", role: "tablist" });
    group.insertBefore(list, members[0]);
    function choose(index) {
      members.forEach(function (member, i) {
        member.hidden = i !== index;
        list.children[i].setAttribute("aria-selected", String(i === index));
        if (i === index && member.flame) member.flame.draw();
      });
    }
    members.forEach(function (member, i) {
      var tab = make("button", { type: "button", role: "tab" }, list, member.getAttribute("data-title"));
      tab.addEventListener("click", function () { choose(i); });
    });
    choose(0);
  }

  function shellOf(holder) {
    var still = holder.querySelector(".fg-still");
    if (still) still.parentNode.removeChild(still);
    if (!isAlone) return make("div", { "class": "fg" }, holder);
    holder.removeAttribute("viewBox");
    holder.setAttribute("width", "100%");
    frame = document.createElementNS(SVG, "foreignObject");
    frame.setAttribute("width", "100%");
    frame.setAttribute("height", "100%");
    holder.appendChild(frame);
    var shell = make("div", { "class": "fg fg-alone" }, frame);
    var title = holder.getAttribute("data-title"), note = holder.getAttribute("data-note");
    make("h1", {}, shell, title);
    make("p", {}, shell, note);
    return shell;
  }

  holders.forEach(function (holder) {
    var flame = new Flame(holder, shellOf(holder));
    holder.flame = flame;
    flames.push(flame);
    if (!/flamegraphs/.test(holder.parentNode.className) || holder.parentNode.children.length < 2) flame.draw();
  });
  Array.prototype.forEach.call(document.querySelectorAll(".flamegraphs"), tabs);
  window.addEventListener("resize", function () {
    flames.forEach(function (flame) { if (flame.box.clientWidth > 0 && flame.box.clientWidth !== flame.room) flame.draw(); });
  });
  document.addEventListener("keydown", function (event) {
    var flame = shown(), tag = event.target && event.target.tagName;
    if (!flame || event.defaultPrevented || /^(input|textarea|select)$/i.test(tag || "")) return;
    if (isAlone && document.activeElement !== flame.box) flame.key(event);
  });
})();
