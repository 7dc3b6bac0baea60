// The steps of docs/formats/package.md, and docs/formats/time-stamp.md.
import {
  ALGORITHMS,
  anyText,
  base64,
  canonical,
  checkSignatures,
  count,
  digest,
  either,
  entry,
  fromCanonical,
  hexDigest,
  holds,
  is,
  key,
  keyFromText,
  leafHash,
  list,
  matches,
  nullOr,
  object,
  openCheckpoint,
  personKey,
  positive,
  rootOf,
  sameKeys,
  sha256,
  shaped,
  signedWithEd25519,
  text,
  time,
  tlogProof,
  vkeyPair,
} from "./formats.mjs"
import * as passkeys from "./passkeys.mjs"
import { witnessed } from "./policy.mjs"
import { COMMITMENTS, committed, tableProofs, tables } from "./tables.mjs"
import { timeStampedDigest } from "./timestamp.mjs"

const DOCUMENTS = ["README.txt", "residue.json", "verify.py", "withheld.csv", "withheld.pdf"]
const UNLISTED = ["approvals.json", "audit.proof", "enrolment.json", "manifest.json", "manifest.sig"]
const STAMP = ["timestamp.sig", "timestamp.tsr"]

const LISTED = { path: text, sha256: digest, size_bytes: count }
const MANIFEST = object({
  type: is("disclosure-gateway/manifest/v1"),
  matter: text,
  release: text,
  recipient: object({ id: text, name: text, class: text, hop: count, key_fingerprint: nullOr(digest) }),
  custody: list(text),
  profile: text,
  created_at: time,
  engine: text,
  policy: object({ library: digest, policies: list(matches(/^[^@]+@[^@]+$/)) }),
  files: list(object({ ...LISTED, kind: text, media_type: text, rendition: text, decisions: digest, residue: digest })),
  documents: list(object(LISTED)),
  approvals_required: list(object({ role: text, n: positive })),
  signed_by: list(object({ alg: text, key })),
  log: list(key),
  time_stamp: either("rfc3161", null),
})
const STATEMENT = object({
  type: is("disclosure-gateway/approval/v1"),
  release: text,
  manifest_sha256: digest,
  decision: text,
  role: text,
  approver: text,
  at: time,
  recipient: text,
  files: count,
})
const BARE = object({ alg: is("Ed25519"), key: text, sig: anyText })
const APPROVALS = object({
  type: is("disclosure-gateway/approvals/v1"),
  required: list(object({ role: text, n: positive })),
  approvals: list(object({ statement: STATEMENT, signature: (value) => (passkeys.used(value) ? passkeys.SHAPE : BARE)(value) })),
})
const ENROLMENT = object({
  type: is("disclosure-gateway/enrolment-proofs/v1"),
  entries: list(object({ index: count, entry: anyText, proof: list(anyText) })),
})

/** Verify the files of a package into `report`; `logKey` and `packageKey` may be absent. */
export function verifyPackage(report, readFiles, { logKey, packageKey, policy }) {
  const read = report.step("structure", [], () => structure(readFiles()))
  report.step("digests", [read], () => digests(read))
  report.step("manifest signature", [read], () => {
    const keys = signers(read.manifest)
    checkSignatures(
      read.files.get("manifest.sig"),
      "disclosure-gateway/manifest-signature/v1",
      read.manifestBytes,
      keys,
      "manifest.sig",
    )
    holds(
      !packageKey || sameKeys(packageKey.keys, keys),
      "The package is signed by other keys than the package key given.",
    )
  })
  const sealed = report.step("log checkpoint", [read], () => checkpointOf(read, logKey))
  const logged = report.step("log entry", [read, sealed], () => logEntry(read, sealed))
  const approvals = report.step("approvals", [read, logged], () => approved(read))
  report.step("approvers", [read, sealed, logged, approvals], () =>
    enrolled(read.files.get("enrolment.json"), sealed, approvals),
  )
  const stamped = read && (read.manifest.time_stamp !== null || read.files.has("timestamp.tsr"))
  if (stamped || !read) report.step("time stamp", [read, sealed], () => timeStamp(read, sealed))
  const opened = read && read.proofs.some((proof) => proof.commitment)
  if (opened) report.step("table commitments", [read, sealed], () => committed(read.proofs, read, sealed))
  if (read && read.proofs.length) report.step("table proofs", [read], () => tables(read.proofs, read.files))
  if (policy)
    report.step("witnesses", [read, sealed], () =>
      witnessed(policy, [vkeyPair(read.manifest.log)], sealed, sealed.checkpoint),
    )
  if (!packageKey) report.warnings.push("The package key came with the package.")
  if (!logKey) report.warnings.push("The log key came with the package.")
  report.warnings.push(...(logKey?.broken ?? []))
  report.pinned = Boolean(packageKey && logKey)
}

function structure(files) {
  for (const name of [...UNLISTED, ...DOCUMENTS]) holds(files.has(name), `${name} is missing.`)
  const manifestBytes = files.get("manifest.json")
  const manifest = shaped(fromCanonical(manifestBytes, "manifest.json"), MANIFEST, "manifest.json")
  const [released, documents] = [manifest.files.map((file) => file.path), manifest.documents.map((file) => file.path)]
  holds(released.length > 0, "manifest.json lists no file.")
  for (const path of released) holds(/^files\/./.test(path), `${path} does not lie in files/.`)
  holds(
    canonical(documents.filter((path) => !path.startsWith("proofs/")).sort()) === canonical(DOCUMENTS),
    "manifest.json does not list exactly the five documents.",
  )
  holds(new Set(released).size === released.length, "manifest.json lists a file twice.")
  const expected = new Set([...UNLISTED, ...released, ...documents])
  for (const path of expected) holds(files.has(path), `${path} is missing.`)
  if (STAMP.some((name) => files.has(name)))
    for (const name of STAMP) {
      holds(files.has(name), `${name} is missing.`)
      expected.add(name)
    }
  for (const path of files.keys()) holds(expected.has(path) || path === COMMITMENTS, `${path} is not listed.`)
  for (const path of [...UNLISTED, ...STAMP, COMMITMENTS])
    holds((files.get(path)?.length ?? 0) <= 16 * 2 ** 20, `${path} is larger than 16 MiB.`)
  return { files, manifest, manifestBytes, proofs: tableProofs(files, manifest) }
}

function digests({ files, manifest }) {
  for (const { path, size_bytes, sha256: expected } of [...manifest.files, ...manifest.documents]) {
    const data = files.get(path)
    holds(data.length === size_bytes, `${path} has ${data.length} bytes instead of ${size_bytes}.`)
    holds(hexDigest(data) === expected, `${path} was changed.`)
  }
}

function signers({ signed_by: told }) {
  for (const { name } of ALGORITHMS)
    holds(
      told.some((one) => one.alg === name),
      `signed_by lacks the ${name} key.`,
    )
  holds(
    told.length === 2 && told.every((one, index) => one.alg === ALGORITHMS[index].name),
    "signed_by is not the two keys in their order.",
  )
  return ALGORITHMS.map((algorithm, index) => keyFromText(algorithm, told[index].key, "A key in signed_by"))
}

function checkpointOf({ files, manifest }, logKey) {
  const log = vkeyPair(manifest.log)
  holds(!logKey || logKey.has(log), "The log in the manifest is not the log key given.")
  const proof = tlogProof(files.get("audit.proof"), "audit.proof")
  const signed = openCheckpoint(proof.checkpoint, log, "The checkpoint in audit.proof")
  logKey?.checkSigner(log, signed.size, "The checkpoint in audit.proof")
  return { ...proof, ...signed }
}

function included(leaf, index, proof, { size, root }, what) {
  holds(rootOf(index, size, leafHash(leaf), proof, what).equals(root), `${what} is not entry ${index} of the log.`)
}

function logEntry({ files, manifest, manifestBytes }, sealed) {
  included(sealed.leaf, sealed.index, sealed.proof, sealed, "What audit.proof holds")
  const told = entry(sealed.leaf, "The entry in audit.proof")
  holds(told.type === "release.sealed", `The entry in audit.proof is ${told.type}.`)
  holds(told.matter === manifest.matter, "The entry in audit.proof is about another matter.")
  shaped(
    told.facts,
    object({ release: text, manifest_sha256: digest, approvals_sha256: digest }),
    "The facts of the entry in audit.proof",
  )
  holds(told.facts.release === manifest.release, "The entry in audit.proof is about another release.")
  holds(told.facts.manifest_sha256 === hexDigest(manifestBytes), "manifest.json is not the one that was logged.")
  holds(
    told.facts.approvals_sha256 === hexDigest(files.get("approvals.json")),
    "approvals.json is not the one that was logged.",
  )
  return told
}

function approved({ files, manifest, manifestBytes }) {
  const told = shaped(fromCanonical(files.get("approvals.json"), "approvals.json"), APPROVALS, "approvals.json")
  holds(
    canonical(told.required) === canonical(manifest.approvals_required),
    "approvals.json asks for other approvals than the manifest.",
  )
  const about = {
    decision: "approve",
    release: manifest.release,
    manifest_sha256: hexDigest(manifestBytes),
    recipient: manifest.recipient.id,
    files: manifest.files.length,
  }
  const approvals = told.approvals.map(({ statement, signature }) => {
    for (const [field, value] of Object.entries(about))
      holds(statement[field] === value, `The approval of ${statement.approver} has another '${field}'.`)
    const said = { person: statement.approver, role: statement.role, key: signature.key }
    if (passkeys.used(signature))
      return { ...said, origin: passkeys.signedAt(signature, Buffer.from(canonical(statement)), said.person) }
    const key = personKey(signature.key, `The key of ${statement.approver}`)
    const made = base64(signature.sig, `The signature of ${statement.approver}`, 64)
    holds(
      signedWithEd25519(key, Buffer.from(canonical(statement)), made),
      `The signature of ${statement.approver} does not hold.`,
    )
    return said
  })
  for (const field of ["person", "key"])
    holds(new Set(approvals.map((one) => one[field])).size === approvals.length, `One ${field} approved twice.`)
  holds(approvals.length >= 2, "Fewer than two persons approved.")
  for (const { role, n } of manifest.approvals_required)
    holds(approvals.filter((one) => one.role === role).length >= n, `Fewer than ${n} approved as ${role}.`)
  return approvals
}

const FOUNDING = object({
  at: time,
  deployment: text,
  people: list(object({ person: text, key: text, roles: list(text), signature: matches(/^[0-9a-f]{128}$/) })),
})
const ENROLLED = object({
  at: time,
  key: text,
  person: text,
  proposer: text,
  roles: list(text),
  countersigner: text,
  statement_sha256: digest,
  signature: matches(/^[0-9a-f]{128}$/),
})

/** Each approver's key and role, by the entries in enrolment.json. */
function enrolled(data, sealed, approvals) {
  const told = shaped(fromCanonical(data, "enrolment.json"), ENROLMENT, "enrolment.json")
  const people = new Map()
  let before = -1
  for (const { index, entry: leaf, proof } of told.entries) {
    const what = `Entry ${index} in enrolment.json`
    holds(
      index > before,
      `${what} is not behind the one before: without its order no second person can be told from a first.`,
    )
    holds(index < sealed.index, `${what} is later than the sealing.`)
    before = index
    const bytes = Buffer.from(leaf)
    included(
      bytes,
      index,
      proof.map((one) => base64(one, `A hash of ${what}`, 32)),
      sealed,
      what,
    )
    const { type, facts } = entry(bytes, what)
    if (type === "deployment.founded") founded(people, facts, what)
    else if (type === "passkey.enrolled") givePasskey(people, facts, what)
    else {
      holds(["person.enrolled", "roles.granted"].includes(type), `${what} is ${type}, which enrols nobody.`)
      grant(people, facts, what)
    }
  }
  for (const { person, key, role, origin } of approvals) {
    const known = people.get(person)
    const enrolled = origin === undefined ? known?.key === key : known?.passkeys.get(key) === origin
    holds(enrolled, `The key of ${person} is not enrolled.`)
    holds(known.roles.has(role), `${person} is not enrolled as ${role}.`)
  }
}

const signedBy = (key, statement, signature) =>
  signedWithEd25519(personKey(key, "A person's key"), Buffer.from(canonical(statement)), Buffer.from(signature, "hex"))

function founded(people, facts, what) {
  shaped(facts, FOUNDING, what)
  holds(people.size === 0, `${what} is a second founding.`)
  const founders = facts.people.map(({ key, roles }) => ({ key, roles }))
  holds(new Set(founders.map((one) => one.key)).size >= 2, `${what} was not signed by two keys.`)
  const statement = { type: "disclosure-gateway/founding/v1", deployment: facts.deployment, founders, at: facts.at }
  for (const { person, key, roles, signature } of facts.people) {
    holds(signedBy(key, statement, signature), `The signature of ${person} under ${what} does not hold.`)
    people.set(person, { key, roles: new Set(roles), passkeys: new Map() })
  }
}

function grant(people, facts, what) {
  shaped(facts, ENROLLED, what)
  const { at, key, person, proposer, roles, countersigner, statement_sha256: told, signature } = facts
  const second = people.get(countersigner)
  holds(
    second && countersigner !== proposer && countersigner !== person,
    `${what} is not countersigned by a second person.`,
  )
  const statement = { type: "disclosure-gateway/enrolment/v1", at, key, person, proposer, roles }
  holds(sha256(canonical(statement)).toString("hex") === told, `${what} names another statement.`)
  holds(signedBy(second.key, statement, signature), `The countersignature of ${what} does not hold.`)
  const known = people.get(person)
  holds(!known || known.key === key, `${what} gives ${person} a second key.`)
  const passkeys = known?.passkeys ?? new Map()
  people.set(person, { key, roles: new Set([...(known?.roles ?? []), ...roles]), passkeys })
}

function givePasskey(people, facts, what) {
  shaped(facts, passkeys.ENROLLED, what)
  const { at, key, origin, passkey, person, proposer, countersigner, statement_sha256: told, signature } = facts
  const second = people.get(countersigner)
  holds(
    second && countersigner !== proposer && countersigner !== person,
    `${what} is not countersigned by a second person.`,
  )
  const statement = { type: "disclosure-gateway/passkey/v1", at, key, origin, passkey, person, proposer }
  holds(sha256(canonical(statement)).toString("hex") === told, `${what} names another statement.`)
  holds(signedBy(second.key, statement, signature), `The countersignature of ${what} does not hold.`)
  holds(people.has(person), `${what} gives a passkey to somebody unknown.`)
  holds(![...people.values()].some((one) => one.passkeys.has(key)), `${what} gives a passkey out twice.`)
  people.get(person).passkeys.set(key, origin)
}

function timeStamp({ files, manifest }, { checkpoint }) {
  const answer = files.get("timestamp.tsr")
  holds(answer, "The manifest asks for a time stamp and there is none.")
  checkSignatures(
    files.get("timestamp.sig"),
    "disclosure-gateway/time-stamp-signature/v1",
    answer,
    signers(manifest),
    "timestamp.sig",
  )
  holds(timeStampedDigest(answer).equals(sha256(checkpoint)), "timestamp.tsr is over another checkpoint.")
}
