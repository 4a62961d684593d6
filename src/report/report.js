(function () {
  "use strict";
  var root = document.documentElement;
  root.classList.add("scripted");

  var button = document.getElementById("theme");
  var isDark = window.matchMedia("(prefers-color-scheme: dark)").matches;
  function show() {
    button.textContent = isDark ? "Light" : "Dark";
  }
  button.hidden = false;
  show();
  button.addEventListener("click", function () {
    isDark = !isDark;
    root.dataset.theme = isDark ? "dark" : "light";
    show();
  });

  var flame = document.querySelector(".flame");
  if (!flame) return;
  var boxes = Array.prototype.slice.call(flame.children);
  function zoom(to) {
    var left = Number(to.dataset.l), width = Number(to.dataset.w), right = left + width, slack = 1e-6;
    boxes.forEach(function (box) {
      var l = Number(box.dataset.l), w = Number(box.dataset.w);
      var around = l <= left + slack && l + w >= right - slack;
      var inside = l >= left - slack && l + w <= right + slack;
      box.style.display = around || inside ? "" : "none";
      box.style.left = (around ? 0 : (l - left) / width * 100) + "%";
      box.style.width = (around ? 100 : w / width * 100) + "%";
    });
  }
  flame.addEventListener("click", function (event) {
    var box = event.target.closest(".flame > div");
    if (box) zoom(box);
  });
})();
