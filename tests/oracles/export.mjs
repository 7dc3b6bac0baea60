// The ten steps of an export in docs/formats/audit-log.md.
import {
  ALGORITHMS,
  anyText,
  base64,
  canonical,
  checkSignatures,
  count,
  digest,
  entry,
  fromCanonical,
  hexDigest,
  holds,
  is,
  key,
  leafHash,
  list,
  nodeHash,
  object,
  pemPair,
  positive,
  sameKeys,
  shaped,
  text,
  Tree,
  sha256,
  utf8,
  vkeyPair,
} from "./formats.mjs"
import { createHmac } from "node:crypto"
import { listed as checkListed, quorate } from "./policy.mjs"
import { joined, lineageOf } from "./succession.mjs"
import { timeStampedDigest } from "./timestamp.mjs"

const INDEXED = [
  "README.txt",
  "checkpoint",
  "checkpoints.jsonl",
  "entries.jsonl",
  "log.pub.pem",
  "log.vkey",
  "verify.py",
]
const STAMPS = "stamps.jsonl"
const MAP_KEY = "matters.json"
export const SUCCESSION = "succession.jsonl"
export const VIEWS = ["entries.csv", "entries.ocsf.jsonl", "entries.cef", "entries.syslog", "entries.parquet"]
const COSIGNATURES = "cosignatures.jsonl"
const OPTIONAL = [STAMPS, MAP_KEY, SUCCESSION, COSIGNATURES, "policy", ...VIEWS]
const KINDS = ["log.keys_rotated", "log.continued"]
const INDEX = "disclosure-gateway/export-index/v1"
const isTile = (name) => name.startsWith("tile/")

/** The lines of a file, each of which ends with a line feed. */
export function linesOf(data, what) {
  const lines = []
  for (let start = 0; start < data.length;) {
    const end = data.indexOf(10, start)
    holds(end >= 0, `${what} is cut short.`)
    lines.push(data.subarray(start, end))
    start = end + 1
  }
  return lines
}

/** Verify the files of an export into `report`; `logKey` and `kept`, a checkpoint as text, may be absent. */
export function verifyExport(report, readFiles, { logKey, kept, policy }) {
  const files = report.step("structure", [], () => structure(readFiles()))
  const log = report.step("log key", [files], () => logOf(files, logKey))
  const checkpoints = report.step("signatures", [files, log], () => allCheckpoints(files, log))
  const entries = report.step("entries", [files, checkpoints], () => allEntries(files, checkpoints))
  const roots = report.step("tree", [entries, checkpoints], () => tree(entries, checkpoints, log.lineage))
  if ([...(files?.keys() ?? [])].some(isTile)) report.step("tiles", [files, entries], () => tiles(files, entries))
  if (kept !== undefined) report.step("checkpoint held outside", [log, roots], () => continued(kept, log, roots))
  report.step("first entry", [log, entries], () => firstEntry(entries, log))
  report.step("matters", [files, entries], () => {
    matters(entries)
    maps(files, entries)
  })
  if (VIEWS.some((name) => files?.has(name))) report.step("views", [files, entries], () => views(files, entries))
  report.step("index", [files, log], () => index(files, log))
  if (files?.has(STAMPS) || entries?.some(({ told }) => told.facts.tsr_sha256 !== undefined))
    report.step("time", [files, entries, checkpoints], () => time(files, entries))
  if (policy || files?.has(COSIGNATURES))
    report.step("witnesses", [files, log, checkpoints], () => witnesses(files, log, checkpoints, policy))
  if (!logKey) report.warnings.push("The log key came with the export.")
  report.warnings.push(...(log?.own.broken ?? []))
  if (kept === undefined)
    report.warnings.push("No checkpoint held outside was given: what was rewritten before is not seen.")
  const back = entries?.findIndex(({ told }, place) => place > 0 && told.at < entries[place - 1].told.at) ?? -1
  if (back >= 0) report.warnings.push(`Entry ${back} is earlier than the one before.`)
  report.pinned = Boolean(logKey)
}

function structure(files) {
  const expected = [...INDEXED, "index.json", "index.sig"]
  for (const name of expected) holds(files.has(name), `${name} is missing.`)
  for (const name of files.keys())
    holds(expected.includes(name) || OPTIONAL.includes(name) || isTile(name), `${name} does not belong here.`)
  return files
}

/** Every tile of the tree is there, and no other: C2SP tlog-tiles. */
function tiles(files, entries) {
  const left = new Set([...files.keys()].filter(isTile))
  let row = entries.map(({ hash }) => hash)
  for (let level = 0; row.length > 0; level++) {
    const above = []
    for (let start = 0; start < row.length; start += 256) {
      const tile = row.slice(start, start + 256)
      let groups = String(start / 256)
      groups = groups.padStart(Math.ceil(groups.length / 3) * 3, "0").match(/.../g)
      const name = groups.map((group, place) => (place < groups.length - 1 ? `x${group}` : group)).join("/")
      const path = `tile/${level}/${name}${tile.length < 256 ? `.p/${tile.length}` : ""}`
      holds(left.delete(path), `${path} is missing.`)
      holds(files.get(path).equals(Buffer.concat(tile)), `${path} is not what the entries lead to.`)
      if (tile.length < 256) continue
      let nodes = tile
      while (nodes.length > 1)
        nodes = Array.from({ length: nodes.length / 2 }, (_, at) => nodeHash(nodes[2 * at], nodes[2 * at + 1]))
      above.push(nodes[0])
    }
    row = above
  }
  holds(left.size === 0, `${[...left][0]} is no tile of this tree.`)
}

export function logOf(files, logKey) {
  const told = linesOf(files.get("log.vkey"), "log.vkey").map((line) => utf8(line, "log.vkey"))
  const log = vkeyPair(told)
  holds(files.get("log.pub.pem").equals(Buffer.from(pemPair(log.keys))), "log.pub.pem is not the keys in log.vkey.")
  const lines = files.has(SUCCESSION) ? linesOf(files.get(SUCCESSION), SUCCESSION) : []
  holds(lines.length > 0 || !files.has(SUCCESSION), `${SUCCESSION} is empty.`)
  const lineage = lineageOf(log, lines, `Line of ${SUCCESSION}`)
  holds(lineage.newest.name === log.name && sameKeys(lineage.newest.keys, log.keys), `${SUCCESSION} ends with another key.`)
  return { ...log, own: lineage, lineage: logKey ? joined(lineage, logKey) : lineage }
}

function allCheckpoints(files, log) {
  const earlier = linesOf(files.get("checkpoints.jsonl"), "checkpoints.jsonl").map((line, number) => {
    const what = `Line ${number + 1} of checkpoints.jsonl`
    const told = shaped(fromCanonical(line, what), object({ size: positive, text: anyText }), what)
    const opened = log.lineage.open(told.text, what)
    holds(opened.size === told.size, `${what} is over another size than it says.`)
    return opened
  })
  const all = [...earlier, log.lineage.open(utf8(files.get("checkpoint"), "checkpoint"), "checkpoint")]
  holds(all.at(-1).size > 0, "The checkpoint is over no entries.")
  all.forEach(({ size }, place) =>
    holds(place === 0 || size > all[place - 1].size, `A checkpoint is followed by one over ${size} entries.`),
  )
  return all
}

function allEntries(files, checkpoints) {
  const lines = linesOf(files.get("entries.jsonl"), "entries.jsonl")
  const { size } = checkpoints.at(-1)
  holds(lines.length === size, `There are ${lines.length} entries and the checkpoint is over ${size}.`)
  return lines.map((leaf, number) => ({ hash: leafHash(leaf), told: entry(leaf, `Entry ${number}`) }))
}

/** The root at every size. */
function tree(entries, checkpoints, { changes }) {
  const growing = new Tree()
  const roots = [growing.root()]
  for (const { hash } of entries) {
    growing.append(hash)
    roots.push(growing.root())
  }
  for (const { size, root } of changes)
    holds(size >= roots.length || roots[size].equals(root), `The keys were changed over other entries than the first ${size}.`)
  for (const { size, root } of checkpoints)
    holds(roots[size].equals(root), `The first ${size} entries do not lead to the root of their checkpoint.`)
  return roots
}

function continued(kept, log, roots) {
  const { size, root } = log.lineage.open(kept, "The checkpoint held outside")
  holds(
    size < roots.length,
    `The checkpoint held outside is over ${size} entries and the export has ${roots.length - 1}.`,
  )
  holds(roots[size].equals(root), "The export does not begin with the entries of the checkpoint held outside.")
}

function firstEntry(entries, { own: lineage }) {
  const { name, keys } = lineage.logs[0]
  holds(entries.length > 0, "There is no entry.")
  const { type, actor, facts } = entries[0].told
  holds(type === "log.opened" && actor === "gateway", "The first entry does not open a log.")
  const told = ALGORITHMS.map((algorithm, place) => `${algorithm.prefix}${keys[place].toString("base64")}`)
  shaped(facts, object({ origin: is(name), keys: list(key) }), "The first entry")
  const again = entries.filter(({ told }) => told.type === "deployment.founded")[1]
  holds(!again, `Entry ${entries.indexOf(again)} founds the deployment a second time.`)
  holds(
    facts.keys.length === 2 && facts.keys.every((key, place) => key === told[place]),
    "The first entry names other keys.",
  )
  const changed = entries.flatMap(({ told: { type } }, place) => (KINDS.includes(type) ? [place] : []))
  holds(changed.join() === lineage.changes.map(({ size }) => size).join(), `The log changes its keys at ${changed}.`)
  for (const { told, size, known } of lineage.changes) {
    const { type, facts } = entries[size].told
    holds(type === KINDS[known ? 1 : 0], `Entry ${size} is of the type ${type}.`)
    for (const name of ["statement", "signatures"])
      holds(facts[name] && canonical(facts[name]) === canonical(told[name]), `Entry ${size} tells of another change.`)
  }
}

function matters(entries) {
  const last = new Map()
  entries.forEach(({ hash, told: { matter, seq, prev } }, number) => {
    if (matter === undefined) return
    const before = last.get(matter) ?? { seq: 0, hash: null }
    holds(seq === before.seq + 1, `Entry ${number} is number ${seq} of ${matter} and comes after number ${before.seq}.`)
    holds(prev === before.hash, `Entry ${number} does not follow the entry of ${matter} before it.`)
    last.set(matter, { seq, hash: hash.toString("hex") })
  })
}

/** The root of the trie over leaves, each [name, hash], whose names begin alike up to `depth`. */
function mapRoot(leaves, depth = 0) {
  if (leaves.length === 0) return Buffer.alloc(32)
  if (leaves.length === 1) return leaves[0][1]
  const bit = ([name]) => (name[depth >> 3] >> (7 - (depth & 7))) & 1
  const sides = [0, 1].map((side) => mapRoot(leaves.filter((leaf) => bit(leaf) === side), depth + 1))
  return sha256(Buffer.from([1]), ...sides)
}

/** Every map of all matters is that of the entries before it. */
function maps(files, entries) {
  const mapped = entries.filter(({ told }) => told.type === "matters.mapped")
  holds(files.has(MAP_KEY) === mapped.length > 0, `${MAP_KEY} is missing, or no entry speaks of its map.`)
  if (mapped.length === 0) return
  const told = fromCanonical(files.get(MAP_KEY), MAP_KEY)
  shaped(told, object({ type: is("disclosure-gateway/matter-map-key/v1"), key: text }), MAP_KEY)
  const key = base64(told.key, MAP_KEY)
  const digest = sha256(Buffer.from("disclosure-gateway/matter-map-key/v1"), key).toString("hex")
  const leaves = new Map()
  entries.forEach(({ hash, told: { type, matter, seq, facts } }, number) => {
    if (matter !== undefined) {
      const name = createHmac("sha256", key).update(matter).digest()
      const size = Buffer.alloc(8)
      size.writeBigUInt64BE(BigInt(seq))
      leaves.set(matter, [name, sha256(Buffer.from([0]), name, sha256(Buffer.from([2]), size, hash))])
    }
    if (type !== "matters.mapped") return
    shaped(facts, object({ root: is(mapRoot([...leaves.values()]).toString("hex")), key: is(digest) }), `Entry ${number}`)
    holds(matter === undefined, `Entry ${number} maps all matters and belongs to one.`)
  })
}

/** Every line of a view names its entry. */
export function views(files, entries) {
  for (const name of VIEWS.filter((view) => files.has(view) && view !== "entries.parquet")) {
    const lines = linesOf(files.get(name), name).slice(name === "entries.csv" ? 1 : 0)
    holds(lines.length === entries.length, `${name} has another number of lines than there are entries.`)
    entries.forEach(({ hash }, number) =>
      holds(lines[number].includes(hash.toString("hex")), `${name} does not name entry ${number}.`),
    )
  }
}

const indexed = (files) => [...INDEXED, ...[...files.keys()].filter((name) => OPTIONAL.includes(name) || isTile(name))]

export function index(files, log, listed = indexed(files)) {
  const data = files.get("index.json")
  checkSignatures(files.get("index.sig"), "disclosure-gateway/export-index-signature/v1", data, log.keys, "index.sig")
  const told = fromCanonical(data, "index.json")
  shaped(
    told,
    object({
      type: is(INDEX),
      log: is(log.name),
      files: list(object({ path: text, sha256: digest, size_bytes: count })),
    }),
    "index.json",
  )
  holds(
    told.files.map(({ path }) => path).join() === listed.sort().join(),
    "index.json does not list exactly the other files.",
  )
  for (const { path, sha256, size_bytes: size } of told.files) {
    const found = files.get(path)
    holds(found.length === size && hexDigest(found) === sha256, `${path} was changed.`)
  }
}

/** Every line of a witness of the policy holds, and those over the newest checkpoint are a quorum. */
function witnesses(files, log, checkpoints, policy) {
  const lines = new Map(checkpoints.map(({ size }) => [size, []]))
  if (files.has(COSIGNATURES)) {
    const told = linesOf(files.get(COSIGNATURES), COSIGNATURES)
    holds(told.length > 0, `${COSIGNATURES} is empty.`)
    let newest = 0
    for (const [number, data] of told.entries()) {
      const what = `Line ${number + 1} of ${COSIGNATURES}`
      const { size, line } = shaped(fromCanonical(data, what), object({ size: positive, line: anyText }), what)
      holds(lines.has(size) && size >= newest, `${what} is over no checkpoint, or not in order.`)
      newest = size
      lines.get(size).push(line.replace(/\n+$/, ""))
    }
  }
  if (!policy) return
  checkListed(policy, log.lineage.logs)
  const met = checkpoints.map((one) => quorate(policy, one, lines.get(one.size)))
  holds(met.at(-1), "The checkpoint is cosigned by no quorum.")
}

/** Every stamp is over the checkpoint that a heartbeat behind it names, and none is missing. */
function time(files, entries) {
  holds(files.has(STAMPS), `${STAMPS} is missing.`)
  const texts = new Map(
    linesOf(files.get("checkpoints.jsonl"), "checkpoints.jsonl").map((line) => {
      const { size, text: signed } = fromCanonical(line, "checkpoints.jsonl")
      return [size, signed]
    }),
  )
  const named = new Map()
  entries.forEach(({ told: { type, facts } }, place) => {
    if (type === "log.heartbeat" && facts.tsr_sha256 !== undefined) named.set(facts.tsr_sha256, { place, facts })
  })
  const lines = linesOf(files.get(STAMPS), STAMPS)
  holds(lines.length > 0, `${STAMPS} is empty.`)
  for (const [number, line] of lines.entries()) {
    const what = `Line ${number + 1} of ${STAMPS}`
    const { size, response } = shaped(fromCanonical(line, what), object({ size: positive, response: anyText }), what)
    const answer = base64(response, what)
    const beat = named.get(hexDigest(answer))
    holds(named.delete(hexDigest(answer)) && beat.facts.size === size && size <= beat.place, `${what} is of no heartbeat.`)
    holds(texts.has(size), `${what} is over no checkpoint.`)
    holds(hexDigest(Buffer.from(texts.get(size))) === timeStampedDigest(answer).toString("hex"), `${what} is over else.`)
  }
  holds(named.size === 0, `${STAMPS} lacks an answer.`)
}
