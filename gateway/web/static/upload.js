// Many files, dropped or chosen; each goes as a resumable upload (docs/uploads.md) and goes on by itself when a line breaks.
const PART_BYTES = 8 * 1024 * 1024;
const PAUSES_MS = [500, 1000, 2000, 4000, 8000, 15000];
const form = document.querySelector("#upload");
const input = form.querySelector("input[type=file]");
const list = form.querySelector(".files");
const kind = form.querySelector("select[name=kind]");
const words = form.dataset;
const waiting = [];
let busy = false;

const rest = (ms) => new Promise((done) => { setTimeout(done, ms); });
const said = async (answer) => (await answer.json().catch(() => ({}))).detail ?? `${answer.status}`;

class Refused extends Error {}

async function ask(method, address, headers, body) {
  const answer = await fetch(address, { method, body, headers: { ...(words.csrf ? { "X-CSRF-Token": words.csrf } : {}), ...headers } });
  if (answer.ok) return answer;
  if ([404, 409, 429].includes(answer.status) || answer.status >= 500) throw new Error(await said(answer));
  throw new Refused(await said(answer));
}

async function begun(one) {
  const answer = await ask("PUT", `/api/v1/matters/${words.matter}/originals?kind=${encodeURIComponent(one.kind)}`, {
    "Content-Type": "application/octet-stream",
    "Content-Disposition": `attachment; filename*=UTF-8''${encodeURIComponent(one.file.name).replace(/['()*]/g, (sign) => `%${sign.charCodeAt(0).toString(16)}`)}`,
    "Upload-Complete": "?0",
    "Upload-Length": `${one.file.size}`,
    "Idempotency-Key": one.key,
  }, new Uint8Array());
  one.at = answer.headers.get("Location");
}

async function sent(one) {
  if (!one.at) await begun(one);
  else if (one.broken) {
    const answer = await ask("HEAD", one.at, {});
    if (answer.headers.get("Upload-Complete") === "?1") { one.offset = one.file.size; return; }
    one.offset = Number(answer.headers.get("Upload-Offset"));
  }
  one.broken = false;
  while (one.offset < one.file.size) {
    const stop = Math.min(one.offset + PART_BYTES, one.file.size);
    await ask("PATCH", one.at, {
      "Content-Type": "application/partial-upload",
      "Upload-Offset": `${one.offset}`,
      "Upload-Complete": stop === one.file.size ? "?1" : "?0",
    }, one.file.slice(one.offset, stop));
    one.offset = stop;
    one.tries = 0;
    one.bar.value = stop;
  }
}

async function carried(one) {
  one.state.textContent = words.tSending;
  for (;;) {
    try {
      await sent(one);
      one.bar.value = one.bar.max;
      one.state.textContent = words.tDone;
      return true;
    } catch (problem) {
      if (problem instanceof Refused || one.tries >= PAUSES_MS.length) {
        one.state.textContent = problem.message;
        const again = Object.assign(document.createElement("button"), { type: "button", className: "plain", textContent: words.tAgain });
        again.addEventListener("click", () => { again.remove(); one.tries = 0; waiting.push(one); work(); });
        one.state.append(" ", again);
        return false;
      }
      one.state.textContent = words.tResuming;
      one.broken = true;
      await rest(PAUSES_MS[one.tries++]);
    }
  }
}

async function work() {
  if (busy) return;
  busy = true;
  let whole = true;
  while (waiting.length) whole = await carried(waiting.shift()) && whole;
  busy = false;
  if (whole) location.assign(`${location.pathname}#originals`), location.reload();
}

function taken(files) {
  list.hidden = false;
  for (const file of files) {
    const line = document.createElement("li");
    const name = Object.assign(document.createElement("span"), { textContent: file.name });
    const bar = Object.assign(document.createElement("progress"), { max: file.size || 1, value: 0 });
    bar.setAttribute("aria-label", file.name);
    const state = Object.assign(document.createElement("span"), { textContent: words.tWaiting, className: "quiet" });
    line.append(name, bar, state);
    list.append(line);
    waiting.push({ file, kind: kind.value, key: crypto.randomUUID?.() ?? `${Date.now()}-${Math.random()}`, at: null, offset: 0, broken: false, tries: 0, bar, state });
  }
  work();
}

input.multiple = true;
form.addEventListener("submit", (event) => {
  event.preventDefault();
  if (input.files.length) taken([...input.files]);
  form.querySelector("input[type=file]").value = "";
});
for (const name of ["dragenter", "dragover"]) {
  form.addEventListener(name, (event) => { event.preventDefault(); form.classList.add("over"); });
}
form.addEventListener("dragleave", (event) => { if (!form.contains(event.relatedTarget)) form.classList.remove("over"); });
form.addEventListener("drop", (event) => {
  event.preventDefault();
  form.classList.remove("over");
  taken([...event.dataTransfer.files]);
});
