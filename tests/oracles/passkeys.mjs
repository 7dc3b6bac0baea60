// What a passkey signed: docs/formats/signatures.md, "Passkeys".
import { createPublicKey, verify } from "node:crypto"
import { anyText, base64, digest, holds, is, matches, object, sha256, signedWithEd25519, text, time } from "./formats.mjs"

export const SHAPE = object({
  alg: is("WebAuthn"),
  key: matches(/^passkey:/),
  sig: anyText,
  authenticator_data: anyText,
  client_data: anyText,
})
export const ENROLLED = object({
  at: time,
  key: matches(/^passkey:/),
  origin: text,
  passkey: text,
  person: text,
  proposer: text,
  countersigner: text,
  statement_sha256: digest,
  signature: matches(/^[0-9a-f]{128}$/),
})

/** Whether a signature says that it is a passkey's. */
export const used = (signature) => signature?.alg === "WebAuthn"

const P256_SPKI = Buffer.from("3059301306072a8648ce3d020106082a8648ce3d030107034200" + "04", "hex")
const ES256 = Buffer.from("a5010203262001215820", "hex")
const ES256_Y = Buffer.from("225820", "hex")
const EDDSA = Buffer.from("a4010103272006215820", "hex")

/** The origin at which `person` signed `statement`, or a finding. */
export function signedAt(signature, statement, person) {
  const whose = `The passkey's signature of ${person}`
  const client = base64(signature.client_data, whose)
  const said = read(client, whose)
  holds(said.type === "webauthn.get", `${whose} is of another ceremony.`)
  holds(said.challenge === sha256(statement).toString("base64url"), `${whose} is over another statement.`)
  holds(typeof said.origin === "string" && /^https?:\/\/[a-z0-9.-]+(:[1-9]\d*)?$/.test(said.origin), `${whose} has no origin.`)
  holds((said.crossOrigin ?? false) === false && !("topOrigin" in said), `${whose} comes from a frame.`)
  const data = base64(signature.authenticator_data, whose, 37)
  const host = /^https?:\/\/([^:]+)/.exec(said.origin)[1]
  holds(data.subarray(0, 32).equals(sha256(host)), `${whose} is for another host.`)
  const flags = data[32]
  holds((flags & 5) === 5, `${whose} was made by nobody present and verified.`)
  holds((flags & ~0x1d) === 0 && (flags & 0x18) !== 0x10, `${whose} has flags that contradict each other.`)
  const cose = base64(signature.key.slice("passkey:".length), `The passkey of ${person}`)
  const made = base64(signature.sig, whose)
  holds(signed(cose, Buffer.concat([data, sha256(client)]), made, person), `${whose} does not hold.`)
  return said.origin
}

/** JSON in UTF-8 in which no name stands twice. */
function read(client, whose) {
  const told = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true })
  try {
    const words = told.decode(client)
    const said = JSON.parse(words)
    const names = words.match(/"(?:[^"\\]|\\.)*"(?=\s*:)/g) ?? []
    if (client.length <= 4096 && new Set(names).size === names.length && said !== null && !Array.isArray(said)) return said
  } catch {
    // As below.
  }
  return holds(false, `${whose} has a browser's part that cannot be read.`)
}

function signed(cose, message, made, person) {
  if (cose.length === 42 && cose.subarray(0, 10).equals(EDDSA)) return signedWithEd25519(cose.subarray(10), message, made)
  const es256 = cose.length === 77 && cose.subarray(0, 10).equals(ES256) && cose.subarray(42, 45).equals(ES256_Y)
  holds(es256, `The passkey of ${person} has no known key.`)
  holds(strictDer(made), `The passkey's signature of ${person} is not in DER.`)
  try {
    const point = Buffer.concat([P256_SPKI, cose.subarray(10, 42), cose.subarray(45)])
    return verify("sha256", message, createPublicKey({ key: point, format: "der", type: "spki" }), made)
  } catch {
    return false
  }
}

/** Two whole numbers, each in its shortest form, and nothing else. */
function strictDer(made) {
  let rest = made.subarray(2)
  if (made[0] !== 0x30 || made[1] !== rest.length) return false
  for (let number = 0; number < 2; number++) {
    const size = rest[1]
    const [first, next] = rest.subarray(2, 4)
    if (rest[0] !== 2 || !(size >= 1 && size <= 33) || rest.length < 2 + size || first & 0x80) return false
    if (size > 1 && first === 0 && !(next & 0x80)) return false
    rest = rest.subarray(2 + size)
  }
  return rest.length === 0
}
