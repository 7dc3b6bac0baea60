// The steps of an extract in docs/formats/audit-log.md.
import { createHmac } from "node:crypto"
import { witnessed } from "./policy.mjs"
import { SUCCESSION, VIEWS, index, linesOf, logOf, views } from "./export.mjs"
import {
  anyObject,
  base64,
  count,
  digest,
  entry,
  fromCanonical,
  holds,
  is,
  leafHash,
  list,
  nullOr,
  object,
  openCheckpoint,
  rootOf,
  sha256,
  shaped,
  text,
  utf8,
} from "./formats.mjs"

const OWN = ["README.txt", "checkpoint", "entries.jsonl", "extract.json", "log.pub.pem", "log.vkey", "proofs.jsonl"]
const INDEXED = [...OWN, "verify.py"]
const CONTINUED = "consistency.json"
const OPTIONAL = [CONTINUED, SUCCESSION, ...VIEWS]
const KEY = "disclosure-gateway/matter-map-key/v1"

/** Verify the files of an extract into `report`; `logKey` and `kept`, a checkpoint as text, may be absent. */
export function verifyExtract(report, readFiles, { logKey, kept, policy }) {
  const files = report.step("structure", [], () => structure(readFiles()))
  const log = report.step("log key", [files], () => logOf(files, logKey))
  const signed = report.step("signature", [files, log], () => {
    const told = utf8(files.get("checkpoint"), "checkpoint")
    log.lineage.open(told, "checkpoint")
    return openCheckpoint(told, log, "checkpoint")
  })
  const entries = report.step("entries", [files, signed], () => proven(files, signed))
  if (kept !== undefined)
    report.step("checkpoint held outside", [files, log, signed], () => continued(files, kept, log, signed))
  const told = report.step("extract", [files, log, entries], () => extract(files, log, entries))
  if (told?.matter) report.step("matter", [told, entries], () => matter(told, entries))
  else report.warnings.push("Nothing shows that this is all that was asked for.")
  if (VIEWS.some((name) => files?.has(name))) report.step("views", [files, entries], () => views(files, entries))
  const listed = () => [...INDEXED, ...OPTIONAL.filter((name) => files.has(name))]
  report.step("index", [files, log], () => index(files, log, listed()))
  if (policy)
    report.step("witnesses", [files, log, signed], () =>
      witnessed(policy, log.lineage.logs, signed, utf8(files.get("checkpoint"), "checkpoint")),
    )
  report.warnings.push(...(log?.own.broken ?? []))
  report.pinned = Boolean(logKey)
}

function structure(files) {
  const expected = [...INDEXED, "index.json", "index.sig"]
  for (const name of expected) holds(files.has(name), `${name} is missing.`)
  for (const name of files.keys()) holds([...expected, ...OPTIONAL].includes(name), `${name} does not belong here.`)
  return files
}

function proven(files, { size, root }) {
  const leaves = linesOf(files.get("entries.jsonl"), "entries.jsonl")
  const proofs = linesOf(files.get("proofs.jsonl"), "proofs.jsonl")
  holds(leaves.length === proofs.length, "There are not as many proofs as entries.")
  let newest = -1
  return leaves.map((leaf, number) => {
    const what = `Line ${number + 1} of entries.jsonl`
    const told = shaped(fromCanonical(proofs[number], what), object({ index: count, proof: list(text) }), what)
    holds(told.index > newest, `${what} is not behind the one before.`)
    newest = told.index
    const hash = leafHash(leaf)
    const hashes = told.proof.map((one) => base64(one, what, 32))
    holds(rootOf(told.index, size, hash, hashes, what).equals(root), `${what} is not in the log.`)
    return { index: told.index, hash, told: entry(leaf, what) }
  })
}

/** RFC 9162, 2.1.4.2, as the decomposition of both trees into complete subtrees. */
function continued(files, kept, log, signed) {
  const old = log.lineage.open(kept, "The checkpoint held outside")
  if (old.size === signed.size) return holds(old.root.equals(signed.root), "It is over other entries.")
  holds(files.has(CONTINUED), "There is no proof from the checkpoint held outside.")
  const shape = object({
    type: is("disclosure-gateway/consistency/v1"),
    old: is(old.size),
    new: is(signed.size),
    proof: list(text),
  })
  const told = shaped(fromCanonical(files.get(CONTINUED), CONTINUED), shape, CONTINUED)
  const path = told.proof.map((one) => base64(one, CONTINUED, 32))
  const node = (left, right) => sha256(Buffer.from([1]), left, right)
  const next = () => {
    holds(path.length > 0, "The proof from the checkpoint held outside is too short.")
    return path.pop()
  }
  // The roots of both trees over [0, old) and [0, size), RFC 6962 2.1.2 read from its end.
  const climb = (size, part, whole) => {
    if (part === size) {
      const root = whole ? old.root : next()
      return [root, root]
    }
    const split = 2 ** (Math.ceil(Math.log2(size)) - 1)
    if (part <= split) {
      const right = next()
      const [was, now] = climb(split, part, whole)
      return [was, node(now, right)]
    }
    const left = next()
    const [was, now] = climb(size - split, part - split, false)
    return [node(left, was), node(left, now)]
  }
  holds(old.size > 0 && old.size < signed.size, "The checkpoint held outside is over more entries.")
  const [was, now] = climb(signed.size, old.size, true)
  holds(path.length === 0, "The proof from the checkpoint held outside is too long.")
  holds(was.equals(old.root) && now.equals(signed.root), "The log does not begin with what was kept.")
}

function extract(files, { name }, entries) {
  const what = "extract.json"
  const shape = object({
    type: is("disclosure-gateway/extract/v1"),
    log: is(name),
    filter: anyObject,
    exported: count,
    matter: nullOr(anyObject),
  })
  const told = shaped(fromCanonical(files.get(what), what), shape, what)
  const asked = Object.entries(told.filter)
  const known = ["matter", "actor", "type", "since", "until"]
  holds(asked.length > 0, "Nothing was asked for.")
  for (const [key, value] of asked) holds(known.includes(key) && text(value) === null, `What was asked for has ${key}.`)
  const record = entries.find((one) => one.index === told.exported)?.told
  holds(record?.type === "audit.exported", "No entry records this.")
  holds(JSON.stringify(record.facts) === JSON.stringify({ filter: told.filter }), "The log recorded something else.")
  const own = [told.exported, told.matter?.mapped]
  const chosen = entries.filter((one) => !own.includes(one.index))
  const { matter: of, actor, type, since, until } = told.filter
  for (const { index: at, told: one } of chosen) {
    const kind = type === undefined || (type.endsWith(".") ? one.type.startsWith(type) : one.type === type)
    const asWanted = (of ?? one.matter) === one.matter && (actor ?? one.actor) === one.actor && kind
    const inTime = (since === undefined || one.at >= since) && (until === undefined || one.at < until)
    holds(at < told.exported && asWanted && inTime, `Entry ${at} was not asked for.`)
  }
  return { ...told, chosen }
}

function matter({ filter, exported, matter: proof, chosen }, entries) {
  const what = "The proof of the matter"
  const way = (value) => (typeof value === "string" && /^[01]{0,256}$/.test(value) ? null : "is no way")
  const told = (value) => (typeof value === "string" ? null : "is not a text")
  const shape = { mapped: count, key: text, count, last: nullOr(digest), beside: way, path: told, other: nullOr(text) }
  shaped(proof, object(shape), what)
  holds(Object.keys(filter).join() === "matter", "More was asked for than a matter.")
  const mapped = entries.find((one) => one.index === proof.mapped)?.told
  holds(mapped?.type === "matters.mapped" && mapped.matter === undefined, "No entry maps the matters.")
  holds(proof.mapped > exported, "The matters were mapped before.")
  const key = base64(proof.key, what)
  const { root } = shaped(mapped.facts, object({ root: digest, key: is(sha256(Buffer.from(KEY), key).toString("hex")) }), what)
  let last = null
  chosen.forEach(({ hash, told: one }, place) => {
    holds(one.seq === place + 1 && one.prev === last, `Entry ${place + 1} of the matter is missing.`)
    last = hash.toString("hex")
  })
  holds(proof.count === chosen.length && proof.last === last, "These are not as many entries as the map has.")
  const name = createHmac("sha256", key).update(filter.matter).digest()
  const bit = (of, depth) => (of[depth >> 3] >> (7 - (depth & 7))) & 1
  let hash = Buffer.alloc(32)
  if (proof.count > 0) {
    holds(proof.other === null, "Another matter stands where this one does.")
    const size = Buffer.alloc(8)
    size.writeBigUInt64BE(BigInt(proof.count))
    hash = sha256(Buffer.from([0]), name, sha256(Buffer.from([2]), size, Buffer.from(last, "hex")))
  } else if (proof.other !== null) {
    const other = base64(proof.other, what, 64)
    const alike = [...proof.beside].every((_, depth) => bit(other, depth) === bit(name, depth))
    holds(alike && !other.subarray(0, 32).equals(name), "The other matter does not stand there.")
    hash = sha256(Buffer.from([0]), other)
  }
  const nodes = proof.path === "" ? Buffer.alloc(0) : base64(proof.path, what)
  let place = nodes.length
  for (let depth = proof.beside.length - 1; depth >= 0; depth--) {
    const full = proof.beside[depth] === "1"
    if (full) place -= 32
    holds(place >= 0, "The path is too short.")
    const beside = full ? nodes.subarray(place, place + 32) : Buffer.alloc(32)
    hash = sha256(Buffer.from([1]), ...(bit(name, depth) ? [beside, hash] : [hash, beside]))
  }
  holds(place === 0 && hash.toString("hex") === root, "The path does not lead to the map.")
}
