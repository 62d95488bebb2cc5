// Says that a page cannot start, if its modules were not loaded or cannot be read. No module itself, and written
// for old browsers. It speaks only while the page still shows its first content.

(function () {
  /** @param {any} event */
  function cannotStart(event) {
    // A picture or a style that is missing stops nothing.
    var at = event.target && event.target.tagName;
    if (at && at !== "SCRIPT") return;
    var begin = document.getElementById("begin");
    if (!begin || !begin.parentNode) return;
    var heading = document.createElement("h1");
    heading.textContent = "This page could not start";
    begin.parentNode.insertBefore(heading, begin);
    begin.textContent = "Load it again. If that does not help, this browser may be too old: update it, or use another one.";
    begin.removeAttribute("id");
  }
  // A script that was not loaded tells nobody but those who listen on its way down.
  window.addEventListener("error", cannotStart, true);
  window.addEventListener("unhandledrejection", cannotStart);
})();
