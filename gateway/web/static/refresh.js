// Looks again while something is being rendered, and shows the page anew only once its state has changed.
const [waiting] = document.querySelectorAll("[data-refresh]");
const shown = waiting?.textContent.replace(/\s+/g, " ");
let pause = 1500;

async function look() {
  try {
    const answer = await fetch(waiting.dataset.refresh, { headers: { Accept: "text/html" } });
    const told = new DOMParser().parseFromString(await answer.text(), "text/html").querySelector("[data-refresh]");
    if (!told || told.textContent.replace(/\s+/g, " ") !== shown) {
      // Nobody loses what they are writing.
      const writing = [...document.querySelectorAll("textarea, input:not([type=hidden])")].some((one) =>
        one.type === "checkbox" || one.type === "radio" ? one.checked !== one.defaultChecked : one.value !== one.defaultValue);
      if (!writing) { location.reload(); return; }
    }
  } catch { /* the line is gone; look again later */ }
  pause = Math.min(pause * 1.3, 15000);
  setTimeout(look, pause);
}
if (waiting) setTimeout(look, pause);
