// Scroll and size of both sides go together, so that the same place lies beside itself.
const panes = [...document.querySelectorAll("[data-pane]")];
const zoom = document.querySelector("[data-zoom]");
let leading = null;
let percent = 100;

for (const pane of panes) {
  for (const name of ["pointerenter", "focusin", "wheel", "touchstart"]) {
    pane.addEventListener(name, () => { leading = pane; }, { passive: true });
  }
  pane.addEventListener("scroll", () => {
    if (leading !== pane) return;
    for (const other of panes) {
      if (other === pane) continue;
      const place = (scrolled, all, seen) => (all > seen ? scrolled / (all - seen) : 0);
      other.scrollTop = place(pane.scrollTop, pane.scrollHeight, pane.clientHeight) * (other.scrollHeight - other.clientHeight);
      other.scrollLeft = place(pane.scrollLeft, pane.scrollWidth, pane.clientWidth) * (other.scrollWidth - other.clientWidth);
    }
  }, { passive: true });
}

const pictures = panes.flatMap((pane) => [...pane.querySelectorAll("img")]);
function sized(to) {
  percent = Math.max(25, Math.min(800, to));
  for (const one of pictures) one.style.width = `${percent}%`;
}
if (zoom && pictures.length) {
  zoom.hidden = false;
  zoom.querySelector("[data-in]").addEventListener("click", () => sized(percent * 1.25));
  zoom.querySelector("[data-out]").addEventListener("click", () => sized(percent / 1.25));
  zoom.querySelector("[data-fit]").addEventListener("click", () => sized(100));
}

addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey || event.target.closest("input, textarea, select")) return;
  const link = { ArrowLeft: "prev", ArrowRight: "next" }[event.key];
  if (link && !event.target.closest("[data-pane]")) document.querySelector(`a[rel=${link}]`)?.click();
  if (event.key === "+" && pictures.length) sized(percent * 1.25);
  if (event.key === "-" && pictures.length) sized(percent / 1.25);
});
