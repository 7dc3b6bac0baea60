// The forms that packages and exports are made of, read strictly: docs/formats/{signatures,audit-log,package}.md.
import { createHash, createPublicKey, verify as verifyWithNode } from "node:crypto"
import * as mldsa from "./mldsa.mjs"

/** What does not hold, in one sentence. */
export class Finding extends Error {}

export function holds(condition, sentence) {
  if (!condition) throw new Finding(sentence)
}

export const sha256 = (...parts) => {
  const hash = createHash("sha256")
  for (const part of parts) hash.update(part)
  return hash.digest()
}
export const hexDigest = (data) => sha256(data).toString("hex")

export function utf8(data, what) {
  try {
    return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(data)
  } catch {
    throw new Finding(`${what} is not UTF-8.`)
  }
}

/** The bytes of base64 in its only spelling. */
export function base64(text, what, length) {
  holds(typeof text === "string", `${what} is not base64.`)
  const data = Buffer.from(text, "base64")
  holds(data.toString("base64") === text, `${what} is not base64 in its only spelling.`)
  holds(length === undefined || data.length === length, `${what} has not ${length} bytes.`)
  return data
}

/** RFC 8785 with ASCII keys and no fractions. */
export function canonical(value) {
  if (value === null || typeof value === "boolean") return JSON.stringify(value)
  if (typeof value === "number") {
    holds(Number.isSafeInteger(value), `${value} is not a whole number within 2^53 - 1.`)
    return JSON.stringify(value)
  }
  if (typeof value === "string") {
    holds(!/\p{Surrogate}/u.test(value), "A text holds half a character.")
    return JSON.stringify(value)
  }
  if (Array.isArray(value)) return `[${value.map(canonical).join(",")}]`
  const names = Object.keys(value).sort()
  for (const name of names) holds(/^[\x00-\x7f]*$/.test(name), `The key ${name} is not ASCII.`)
  return `{${names.map((name) => `${JSON.stringify(name)}:${canonical(value[name])}`).join(",")}}`
}

export function fromCanonical(data, what) {
  const text = utf8(data, what)
  let value
  try {
    value = JSON.parse(text)
  } catch {
    throw new Finding(`${what} is not JSON.`)
  }
  holds(canonical(value) === text, `${what} is not in canonical form.`)
  return value
}

// Shapes: a function takes a value and says in which words it is wrong, or nothing.

const upTo = (length) => (value) =>
  typeof value === "string" && value !== "" && [...value].length <= length ? null : `is not a text of 1 to ${length}`
export const text = upTo(1000)
export const key = upTo(4000)
export const anyText = (value) => (typeof value === "string" ? null : "is not a text")
export const count = (value) => (Number.isSafeInteger(value) && value >= 0 ? null : "is not a count")
export const positive = (value) => (Number.isSafeInteger(value) && value >= 1 ? null : "is not a number from 1")
export const digest = (value) => (typeof value === "string" && /^[0-9a-f]{64}$/.test(value) ? null : "is not a digest")
export const is = (expected) => (value) => (value === expected ? null : `is not ${JSON.stringify(expected)}`)
export const nullOr = (shape) => (value) => (value === null ? null : shape(value))
export const either =
  (...values) =>
  (value) =>
    values.includes(value) ? null : `is not one of ${JSON.stringify(values)}`
export const matches = (pattern) => (value) =>
  typeof value === "string" && pattern.test(value) ? null : `is not like ${pattern}`

export function time(value) {
  if (typeof value !== "string" || !/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/.test(value)) return "is not a time"
  const read = new Date(value)
  return !Number.isNaN(read.valueOf()) && read.toISOString() === value ? null : "is not a time"
}

export const list = (shape) => (value) => {
  if (!Array.isArray(value)) return "is not a list"
  for (const [index, item] of value.entries()) {
    const wrong = shape(item)
    if (wrong) return `[${index}] ${wrong}`
  }
  return null
}

const isObject = (value) => typeof value === "object" && value !== null && !Array.isArray(value)

/** Exactly these fields; those of `optional` may be absent. */
export const object =
  (fields, optional = {}) =>
  (value) => {
    if (!isObject(value)) return "is not an object"
    for (const name of Object.keys(value))
      if (!Object.hasOwn(fields, name) && !Object.hasOwn(optional, name)) return `has an unknown field '${name}'`
    for (const name of Object.keys(fields)) if (!Object.hasOwn(value, name)) return `lacks the field '${name}'`
    for (const name of Object.keys(value)) {
      const wrong = (fields[name] ?? optional[name])(value[name])
      if (wrong) return `'${name}' ${wrong}`
    }
    return null
  }

export const anyObject = (value) => (isObject(value) ? null : "is not an object")

export function shaped(value, shape, what) {
  const wrong = shape(value)
  holds(!wrong, `${what}: ${wrong}.`)
  return value
}

// Keys and signatures.

const ED25519_SPKI = Buffer.from("302a300506032b6570032100", "hex")
const MLDSA_SPKI = Buffer.from("30820532300b060960864801650304031103820521" + "00", "hex")

/** The two algorithms, in the order in which they always stand. */
export const ALGORITHMS = [
  { name: "Ed25519", prefix: "ed25519:", type: 1, bytes: 32, signature: 64, spki: ED25519_SPKI },
  {
    name: "ML-DSA-44",
    prefix: "ml-dsa-44:",
    type: 6,
    bytes: mldsa.PUBLIC_BYTES,
    signature: mldsa.SIGNATURE_BYTES,
    spki: MLDSA_SPKI,
  },
]
const [ED25519] = ALGORITHMS

const P = 2n ** 255n - 19n
// y of the points of order 8, beside those of order 1, 2 and 4.
const Y8 = BigInt("0x7a03ac9277fdc74ec6cc392cfa53202a0f67100d760b3cba4fd83d3d706a17c7")
const SMALL_ORDER = new Set([0n, 1n, P - 1n, Y8, P - Y8])

/** A key of the one encoding of its point, which is none that anything is signed by. */
function safe(algorithm, key) {
  return algorithm === ED25519 ? safeKey(key) : key
}

export function safeKey(key) {
  const y = BigInt(`0x${Buffer.from(key).reverse().toString("hex")}`) & (2n ** 255n - 1n)
  holds(y < P && !SMALL_ORDER.has(y), "An Ed25519 key is not safe.")
  return key
}

export function keyFromText(algorithm, told, what) {
  holds(typeof told === "string" && told.startsWith(algorithm.prefix), `${what} is not an ${algorithm.name} key.`)
  return safe(algorithm, base64(told.slice(algorithm.prefix.length), what, algorithm.bytes))
}

export const personKey = (told, what) => keyFromText(ED25519, told, what)

export function signedWithEd25519(key, message, signature) {
  try {
    const spki = createPublicKey({ key: Buffer.concat([ED25519_SPKI, key]), format: "der", type: "spki" })
    return signature.length === 64 && verifyWithNode(null, message, spki, signature)
  } catch {
    return false
  }
}

export function signedWith(algorithm, key, message, signature, context) {
  if (algorithm === ED25519) return signedWithEd25519(key, message, signature)
  return mldsa.verify(key, message, signature, Buffer.from(context, "ascii"))
}

export const keyHash = (name, type, key) => sha256(name, "\n", Buffer.from([type]), key).subarray(0, 4)

/** A C2SP verifier key as { name, key }. */
function fromVkey(algorithm, told) {
  const [, name, hash, encoded] = /^([!-*,-~]{1,255})\+([0-9a-f]{8})\+(.+)$/.exec(told) ?? []
  holds(name !== undefined, "This is not a verifier key.")
  const data = base64(encoded, "A verifier key", 1 + algorithm.bytes)
  const key = safe(algorithm, data.subarray(1))
  holds(data[0] === algorithm.type, `This is not the verifier key of an ${algorithm.name} key.`)
  holds(keyHash(name, algorithm.type, key).toString("hex") === hash, "The hash of a verifier key is wrong.")
  return { name, key }
}

/** Two verifier keys of one name, Ed25519 first, as { name, keys }. */
export function vkeyPair(told) {
  holds(Array.isArray(told) && told.length === 2, "This is not a pair of keys.")
  const read = ALGORITHMS.map((algorithm, index) => fromVkey(algorithm, told[index]))
  holds(read[0].name === read[1].name, "The two verifier keys are of two names.")
  return { name: read[0].name, keys: read.map((one) => one.key) }
}

/** Both keys in SubjectPublicKeyInfo as PEM. */
export function pemPair(keys) {
  const block = (algorithm, key) => {
    const lines = Buffer.concat([algorithm.spki, key])
      .toString("base64")
      .match(/.{1,64}/g)
    return `-----BEGIN PUBLIC KEY-----\n${lines.join("\n")}\n-----END PUBLIC KEY-----\n`
  }
  return ALGORITHMS.map((algorithm, index) => block(algorithm, keys[index])).join("")
}

function keysFromPem(told) {
  const keys = ALGORITHMS.map((algorithm, index) => {
    const body = told.split("-----BEGIN PUBLIC KEY-----")[index + 1]?.split("-----END PUBLIC KEY-----")[0] ?? ""
    return safe(algorithm, Buffer.from(body, "base64").subarray(algorithm.spki.length))
  })
  holds(pemPair(keys).trim() === told.trim(), "This is not a pair of keys in PEM.")
  return keys
}

/** A pair of keys in any of its three forms, as { name?, keys }. */
export function keyPair(told) {
  if (told.includes("-----BEGIN")) return { keys: keysFromPem(told) }
  const parts = told.trim().split(/[ \n]+/)
  if (told.includes("+") && !told.startsWith("ed25519:")) return vkeyPair(parts)
  holds(parts.length === 2, "This is not a pair of keys.")
  return { keys: ALGORITHMS.map((algorithm, index) => keyFromText(algorithm, parts[index], "This")) }
}

export const sameKeys = (one, other) => one.every((key, index) => key.equals(other[index]))

/** Check a file of two signatures, one by each key, over `message`; its type is the context. */
export function checkSignatures(data, type, message, keys, what) {
  const told = fromCanonical(data, what)
  const signature = object({ alg: text, key, sig: anyText })
  shaped(told, object({ type: is(type), signatures: list(signature) }), what)
  for (const algorithm of ALGORITHMS)
    holds(
      told.signatures.some((one) => one.alg === algorithm.name),
      `${what} lacks the ${algorithm.name} signature.`,
    )
  holds(told.signatures.length === 2, `${what} has ${told.signatures.length} signatures instead of two.`)
  ALGORITHMS.forEach((algorithm, index) => {
    const { alg, key, sig } = told.signatures[index]
    holds(alg === algorithm.name, `The signatures in ${what} are not in their order.`)
    holds(
      keyFromText(algorithm, key, `A key in ${what}`).equals(keys[index]),
      `${what} is signed by another ${alg} key.`,
    )
    const made = base64(sig, `The ${alg} signature in ${what}`, algorithm.signature)
    holds(signedWith(algorithm, keys[index], message, made, type), `The ${alg} signature in ${what} does not hold.`)
  })
}

// Entries, trees, checkpoints.

const MATTER = { matter: text, seq: positive, prev: nullOr(digest) }

export function entry(leaf, what) {
  holds(leaf.length <= 65535, `${what} is longer than 65,535 bytes.`)
  const told = fromCanonical(leaf, what)
  const always = { v: is(1), type: matches(/^[a-z0-9_]+(\.[a-z0-9_]+)*$/), actor: text, at: time, facts: anyObject }
  const shape = object(isObject(told) && "matter" in told ? { ...always, ...MATTER } : always, {
    subject: text,
    body: digest,
  })
  shaped(told, shape, what)
  holds(!spaced(told.facts), `${what} holds a text with a space, or one that is not ASCII.`)
  return told
}

function spaced(value) {
  if (typeof value === "string") return !/^[!-~]*$/.test(value)
  return typeof value === "object" && value !== null && Object.values(value).some(spaced)
}

export const leafHash = (leaf) => sha256(Buffer.from([0]), leaf)
export const nodeHash = (left, right) => sha256(Buffer.from([1]), left, right)

/** The roots of a growing tree: complete subtrees from the largest to the smallest. */
export class Tree {
  size = 0
  #peaks = []

  append(hash) {
    this.size += 1
    for (let size = this.size; size % 2 === 0; size /= 2) hash = nodeHash(this.#peaks.pop(), hash)
    this.#peaks.push(hash)
  }

  root() {
    if (this.size === 0) return sha256()
    return this.#peaks.reduceRight((right, left) => nodeHash(left, right))
  }
}

/** The root that a proof leads to, RFC 9162 2.1.3.2. */
export function rootOf(index, size, hash, proof, what) {
  let [node, last] = [index, size - 1]
  holds(index <= last, `${what} is not in the tree.`)
  for (const sibling of proof) {
    holds(last !== 0, `The proof of ${what} is too long.`)
    if (node % 2 === 1 || node === last) {
      hash = nodeHash(sibling, hash)
      while (node % 2 === 0 && node !== 0) [node, last] = [node / 2, Math.floor(last / 2)]
    } else hash = nodeHash(hash, sibling)
    ;[node, last] = [Math.floor(node / 2), Math.floor(last / 2)]
  }
  holds(last === 0, `The proof of ${what} is too short.`)
  return hash
}

export const natural = (told) =>
  /^(0|[1-9][0-9]{0,15})$/.test(told) && Number.isSafeInteger(Number(told)) ? Number(told) : null

export const verifyMldsa = mldsa.verify

/** What ML-DSA-44 signs of a checkpoint. */
export function cosignedBy(signer, origin, time, size, root) {
  const number = (value) => {
    const bytes = Buffer.alloc(8)
    bytes.writeBigUInt64BE(BigInt(value))
    return bytes
  }
  const told = (name) => Buffer.concat([Buffer.from([Buffer.byteLength(name)]), Buffer.from(name)])
  return Buffer.concat([Buffer.from("subtree/v1\n\0"), told(signer), time, told(origin), number(0), number(size), root])
}

/** A checkpoint signed by both keys of this log, as { size, root }. */
export function openCheckpoint(note, { name, keys }, what) {
  const split = note.indexOf("\n\n")
  holds(split >= 0 && note.endsWith("\n"), `${what} is not three lines, an empty line and signature lines.`)
  const head = note.slice(0, split + 1)
  const [origin, told, encoded, ...more] = head.slice(0, -1).split("\n")
  const size = natural(told ?? "")
  holds(size !== null && encoded !== undefined && more.length === 0, `${what} is not origin, size and root.`)
  holds(origin === name, `${what} is of another log.`)
  const root = base64(encoded, `The root of ${what}`, 32)
  const lines = note
    .slice(split + 2, -1)
    .split("\n")
    .map((line) => {
      const [, signer, blob] = /^— ([!-*,-~]+) ([A-Za-z0-9+/=]+)$/.exec(line) ?? []
      holds(signer !== undefined, `A signature line of ${what} is malformed.`)
      const data = base64(blob, `A signature line of ${what}`)
      holds(data.length > 4, `A signature line of ${what} is malformed.`)
      return { signer, hash: data.subarray(0, 4), made: data.subarray(4) }
    })
  ALGORITHMS.forEach((algorithm, index) => {
    const hash = keyHash(name, algorithm.type, keys[index])
    const places = lines.flatMap((line, place) => (line.signer === name && line.hash.equals(hash) ? [place] : []))
    holds(places.length > 0, `${what} has no ${algorithm.name} signature of this log.`)
    holds(
      places.length === 1 && places[0] === index,
      `The ${algorithm.name} signature of ${what} is not in its only place.`,
    )
    holds(
      lineHolds(algorithm, keys[index], lines[index].made, { name, head, size, root }),
      `The ${algorithm.name} signature of ${what} does not hold.`,
    )
  })
  return { origin, size, root, head }
}

function lineHolds(algorithm, key, made, { name, head, size, root }) {
  if (algorithm === ED25519) return signedWithEd25519(key, Buffer.from(head), made)
  if (made.length !== 8 + algorithm.signature || made[0] >= 0x80) return false
  return mldsa.verify(key, cosignedBy(name, name, made.subarray(0, 8), size, root), made.subarray(8), Buffer.alloc(0))
}

/** audit.proof, C2SP tlog-proof, as { leaf, index, proof, checkpoint }. */
export function tlogProof(data, what) {
  const told = utf8(data, what)
  const split = told.indexOf("\n\n")
  holds(split >= 0, `${what} is not a tlog-proof.`)
  const [first, extra, place, ...hashes] = told.slice(0, split).split("\n")
  holds(first === "c2sp.org/tlog-proof@v1", `${what} is not a tlog-proof.`)
  holds(extra?.startsWith("extra "), `${what} lacks the entry.`)
  const leaf = base64(extra.slice(6), `The entry in ${what}`)
  const index = place?.startsWith("index ") ? natural(place.slice(6)) : null
  holds(index !== null, `${what} lacks the index of the entry.`)
  return {
    leaf,
    index,
    proof: hashes.map((one) => base64(one, `A hash in ${what}`, 32)),
    checkpoint: told.slice(split + 2),
  }
}
