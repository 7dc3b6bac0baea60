// Boxes in source pixels on a canvas over the original. The rows of numbers are the truth: the canvas draws and writes them,
// so that the form is the same with and without a script.
const NAMES = ["left", "top", "width", "height"];
const surface = document.querySelector("[data-surface]");
const picture = surface.querySelector("img");
const rows = document.querySelector("[data-rows]");
const next = document.querySelector("[data-next]");
const live = document.querySelector("[data-live]");
const canvas = document.createElement("canvas");
const pen = canvas.getContext("2d");
const GRIP = 14;
let now = -1;
let drag = null;

const all = () => [...rows.querySelectorAll("[data-box]")];
const used = () => all().filter((row) => row.querySelector("select").value);
const read = (row) => Object.fromEntries(NAMES.map((name) => [name, Number(row.querySelector(`[name=${name}]`).value) || 0]));
const clamp = (value, low, high) => Math.round(Math.max(low, Math.min(high, value)));

function write(row, box) {
  const width = clamp(box.width, 1, canvas.width);
  const height = clamp(box.height, 1, canvas.height);
  const whole = { left: clamp(box.left, 0, canvas.width - width), top: clamp(box.top, 0, canvas.height - height), width, height };
  for (const name of NAMES) row.querySelector(`[name=${name}]`).value = whole[name];
}

function free() {
  const empty = all().find((row) => !row.querySelector("select").value);
  if (empty) return empty;
  const row = all()[0].cloneNode(true);
  row.querySelector("select").value = "";
  rows.append(row);
  return row;
}

function added(box) {
  const row = free();
  row.querySelector("select").value = next.value;
  write(row, box);
  now = used().indexOf(row);
  draw();
  return row;
}

function say() {
  const row = used()[now];
  if (!row) { live.textContent = ""; return; }
  const told = { n: now + 1, ...read(row) };
  live.textContent = surface.dataset.tSaid.replace(/\{(\w+)\}/g, (_, name) => told[name]);
}

function draw() {
  const scale = canvas.width / Math.max(1, canvas.clientWidth);
  pen.clearRect(0, 0, canvas.width, canvas.height);
  used().forEach((row, place) => {
    const box = read(row);
    const area = row.querySelector("select").value === "work_area";
    pen.fillStyle = area ? "rgba(20, 110, 160, .12)" : "rgba(0, 0, 0, .45)";
    pen.fillRect(box.left, box.top, box.width, box.height);
    pen.lineWidth = (place === now ? 4 : 2) * scale;
    pen.strokeStyle = "#fff";
    pen.strokeRect(box.left, box.top, box.width, box.height);
    pen.lineWidth /= 2;
    pen.strokeStyle = place === now ? "#c2185b" : "#111";
    pen.strokeRect(box.left, box.top, box.width, box.height);
    if (place === now) {
      pen.fillStyle = "#c2185b";
      pen.fillRect(box.left + box.width - 5 * scale, box.top + box.height - 5 * scale, 10 * scale, 10 * scale);
    }
  });
  all().forEach((row) => row.classList.toggle("now", row === used()[now]));
}

function at(event) {
  const edge = canvas.getBoundingClientRect();
  return { x: (event.clientX - edge.left) * canvas.width / edge.width, y: (event.clientY - edge.top) * canvas.height / edge.height };
}

function begin(event) {
  canvas.focus({ preventScroll: true });
  canvas.setPointerCapture(event.pointerId);
  const spot = at(event);
  const grip = GRIP * canvas.width / Math.max(1, canvas.clientWidth);
  const found = used().map((row, place) => ({ row, place, box: read(row) })).reverse();
  const corner = found.find(({ box }) => Math.abs(spot.x - box.left - box.width) < grip && Math.abs(spot.y - box.top - box.height) < grip);
  // The area that leaves holds everything else: it is taken by its edge, so that boxes can be drawn inside it.
  const inside = found.find(({ row, box }) => row.querySelector("select").value !== "work_area"
    && spot.x >= box.left && spot.x <= box.left + box.width && spot.y >= box.top && spot.y <= box.top + box.height);
  const hit = corner ?? inside;
  drag = hit ? { row: hit.row, from: spot, box: hit.box, sizing: Boolean(corner) } : { from: spot, row: null };
  now = hit ? hit.place : -1;
  draw();
}

function move(event) {
  if (!drag) return;
  const spot = at(event);
  const { from, box } = drag;
  if (!drag.row) {
    if (Math.hypot(spot.x - from.x, spot.y - from.y) < 6) return;
    drag.row = added({ left: from.x, top: from.y, width: 1, height: 1 });
  }
  if (!box) {
    write(drag.row, { left: Math.min(spot.x, from.x), top: Math.min(spot.y, from.y), width: Math.abs(spot.x - from.x), height: Math.abs(spot.y - from.y) });
  } else if (drag.sizing) {
    write(drag.row, { ...box, width: box.width + spot.x - from.x, height: box.height + spot.y - from.y });
  } else {
    write(drag.row, { ...box, left: box.left + spot.x - from.x, top: box.top + spot.y - from.y });
  }
  draw();
}

function end() {
  if (drag) say();
  drag = null;
}

function removed(row) {
  row.querySelector("select").value = "";
  for (const name of NAMES) row.querySelector(`[name=${name}]`).value = 0;
  now = Math.min(now, used().length - 1);
}

function pressed(event) {
  const row = used()[now];
  const step = event.altKey ? 1 : Math.max(1, Math.round(canvas.width / 100));
  const way = { ArrowLeft: [-step, 0], ArrowRight: [step, 0], ArrowUp: [0, -step], ArrowDown: [0, step] }[event.key];
  if (event.key === "n" || event.key === "N") {
    added({ left: canvas.width / 2 - 5 * step, top: canvas.height / 2 - 5 * step, width: 10 * step, height: 10 * step });
  } else if (event.key === "Tab") {
    // Through the boxes, then on to what follows: nobody is caught on the canvas.
    const to = now + (event.shiftKey ? -1 : 1);
    if (to < 0 || to >= used().length) { now = -1; draw(); return; }
    now = to;
  } else if (row && (event.key === "Delete" || event.key === "Backspace")) {
    removed(row);
  } else if (row && way) {
    const box = read(row);
    write(row, event.shiftKey ? { ...box, width: box.width + way[0], height: box.height + way[1] } : { ...box, left: box.left + way[0], top: box.top + way[1] });
  } else {
    return;
  }
  event.preventDefault();
  draw();
  say();
}

function ready() {
  canvas.width = picture.naturalWidth;
  canvas.height = picture.naturalHeight;
  canvas.tabIndex = 0;
  canvas.setAttribute("role", "application");
  canvas.setAttribute("aria-label", surface.dataset.tCanvas);
  surface.append(canvas);
  for (const one of document.querySelectorAll("[data-tools], [data-keys]")) one.hidden = false;
  canvas.addEventListener("pointerdown", begin);
  canvas.addEventListener("pointermove", move);
  canvas.addEventListener("pointerup", end);
  canvas.addEventListener("pointercancel", end);
  canvas.addEventListener("keydown", pressed);
  rows.addEventListener("input", draw);
  rows.addEventListener("focusin", (event) => { now = used().indexOf(event.target.closest("[data-box]")); draw(); });
  document.querySelector("[data-new]").addEventListener("click", () => {
    added({ left: canvas.width * .4, top: canvas.height * .4, width: canvas.width * .2, height: canvas.height * .2 });
    canvas.focus();
    say();
  });
  addEventListener("resize", draw);
  draw();
}

if (picture.complete && picture.naturalWidth) ready();
else picture.addEventListener("load", ready);
