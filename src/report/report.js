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
})();
