// Passkeys: signing in, making one, signing an approval. What the page shows is what is signed, or nothing is.
const text = (buffer) => btoa(String.fromCharCode(...new Uint8Array(buffer))).replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "");
const bytes = (told) => Uint8Array.from(atob(told.replaceAll("-", "+").replaceAll("_", "/")), (sign) => sign.charCodeAt(0));
const sha256 = async (told) => new Uint8Array(await crypto.subtle.digest("SHA-256", new TextEncoder().encode(told)));
const hex = (digest) => [...digest].map((one) => one.toString(16).padStart(2, "0")).join("");
const named = (one) => ({ ...one, id: bytes(one.id) });

class Refused extends Error {
  constructor(name, detail) { super(detail); this.name = name; }
}

async function post(path, body, csrf) {
  const headers = { "Content-Type": "application/json", Accept: "application/json", ...(csrf ? { "X-CSRF-Token": csrf } : {}) };
  let answer;
  try {
    answer = await fetch(`/api/v1${path}`, { method: "POST", headers, body: JSON.stringify(body) });
  } catch { throw new Refused("line"); }
  const told = await answer.json().catch(() => ({}));
  if (!answer.ok) throw new Refused((told.type ?? "").replace("/problems/", ""), told.detail ?? `${answer.status}`);
  return told;
}

async function created(options) {
  const publicKey = {
    ...options,
    challenge: bytes(options.challenge),
    user: { ...options.user, id: bytes(options.user.id) },
    excludeCredentials: options.excludeCredentials.map(named),
  };
  const { id, response } = await navigator.credentials.create({ publicKey });
  return { credential: id, client_data: text(response.clientDataJSON), attestation: text(response.attestationObject) };
}

async function signed(options) {
  const publicKey = { ...options, challenge: bytes(options.challenge), allowCredentials: options.allowCredentials.map(named) };
  const { id, response } = await navigator.credentials.get({ publicKey });
  return {
    credential: id,
    client_data: text(response.clientDataJSON),
    authenticator_data: text(response.authenticatorData),
    signature: text(response.signature),
  };
}

const ceremonies = {
  async "sign-in"({ dataset }) {
    const { options } = await post("/sign-in/options", {});
    await post("/sign-in", await signed(options));
    location.assign(dataset.to);
  },
  async own({ dataset }) {
    const { options } = await post("/passkeys/options", {}, dataset.csrf);
    await post("/passkeys", await created(options), dataset.csrf);
    location.reload();
  },
  async invited(form) {
    const secret = form.querySelector("[data-secret]").value.trim();
    const { options } = await post("/invitations/options", { secret });
    const made = await post("/invitations/passkeys", { ...await created(options), invitation: secret });
    const done = document.querySelector("[data-done]");
    done.querySelector("[data-id]").textContent = made.id;
    done.querySelector("[data-fingerprint]").textContent = hex(await sha256(made.statement));
    form.remove();
    done.hidden = false;
    done.focus();
  },
  async approve({ dataset }) {
    const options = JSON.parse(dataset.options);
    const statement = document.querySelector("textarea[name=statement]").value;
    const digest = await sha256(statement);
    // The statement that was read, its digest beside it, and what the authenticator is given have to be one thing.
    if (text(digest) !== options.challenge || hex(digest) !== dataset.challenge) throw new Refused("changed");
    await post(`/releases/${dataset.release}/passkey-approvals`, { ...await signed(options), statement }, dataset.csrf);
    location.assign(`/desk/releases/${dataset.release}`);
  },
};

function said(form, name, detail) {
  const place = form.querySelector("[data-said]");
  const words = form.querySelector(`[data-word="${CSS.escape(name)}"]`);
  place.className = name === "busy" ? "hint" : "notice refused";
  place.lang = words ? document.documentElement.lang : "en";
  place.textContent = words?.textContent ?? detail;
}

function ready(form) {
  const [button] = form.querySelectorAll("button");
  form.querySelector("[data-without]").hidden = true;
  form.querySelector("[data-with]").hidden = false;
  button.disabled = false;
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    if (button.disabled) return;
    button.disabled = true;
    said(form, "busy");
    try {
      await ceremonies[form.dataset.passkey](form);
    } catch (error) {
      said(form, error.name, error.message);
      button.disabled = false;
      button.focus();
    }
  });
}

if (window.PublicKeyCredential && navigator.credentials && isSecureContext) {
  document.querySelectorAll("form[data-passkey]").forEach(ready);
  const typed = document.querySelector("[data-secret]");
  const handed = () => {
    if (!location.hash.startsWith("#gwi_")) return;
    typed.value = location.hash.slice(1);
    // It stays in no history and on no screen.
    history.replaceState(null, "", location.pathname);
  };
  if (typed) {
    handed();
    addEventListener("hashchange", handed);
  }
}
