// "Changes of keys" in docs/formats/audit-log.md: which keys a log had one after the other, and where it was put back.
import {
  ALGORITHMS,
  anyText,
  base64,
  canonical,
  digest,
  fromCanonical,
  holds,
  is,
  key,
  keyFromText,
  list,
  natural,
  nullOr,
  object,
  openCheckpoint,
  positive,
  sameKeys,
  shaped,
  signedWith,
  text,
  time,
  utf8,
} from "./formats.mjs"

const TYPE = "disclosure-gateway/log-succession/v1"
const LOG = object({ name: text, keys: list(key) })
const STATEMENT = object({
  type: is(TYPE),
  log: LOG,
  next: LOG,
  size: positive,
  root: digest,
  known: nullOr(anyText),
  at: time,
})
const CHANGE = object({ statement: STATEMENT, signatures: list(anyText) })

const sameLog = (one, other) =>
  sameKeys(one.keys, other.keys) && (!one.name || !other.name || one.name === other.name)

function change(line, what) {
  const told = shaped(fromCanonical(line, what), CHANGE, what)
  const { statement, signatures } = told
  const [old, next] = [statement.log, statement.next].map(({ name, keys }) => {
    holds(keys.length === 2, `${what} has not two keys for a log.`)
    return { name, keys: ALGORITHMS.map((algorithm, place) => keyFromText(algorithm, keys[place], what)) }
  })
  holds(signatures.length === 4 && !sameKeys(old.keys, next.keys), `${what} has not four signatures of four keys.`)
  const message = Buffer.from(canonical(statement))
  const signers = [old, old, next, next]
  signatures.forEach((one, place) => {
    const algorithm = ALGORITHMS[place % 2]
    const made = base64(one, `A signature in ${what}`, algorithm.signature)
    holds(signedWith(algorithm, signers[place].keys[place % 2], message, made, TYPE), `Signature ${place} of ${what} fails.`)
  })
  holds((statement.known === null) === (old.name === next.name), `${what} changes the name and gives nothing up, or else.`)
  let known = null
  if (statement.known !== null) {
    const note = utf8(base64(statement.known, what), what)
    known = openCheckpoint(note, old, `The checkpoint in ${what}`)
    holds(known.size > statement.size, `${what} gives up a checkpoint over nothing that is missing.`)
  }
  return { told, old, next, size: statement.size, root: Buffer.from(statement.root, "hex"), known }
}

/** The logs, oldest first, that these lines lead through; `log`, which is one of them, where there is no line. */
export function lineageOf(log, lines, what) {
  return lineageFrom(log, lines.map((line, number) => change(line, `${what} ${number + 1}`)), what)
}

function lineageFrom(log, changes, what) {
  changes.slice(1).forEach((later, place) => {
    holds(sameLog(changes[place].next, later.old), `${what}s are not one behind the other.`)
    holds(changes[place].size < later.size, `${what}s are not one behind the other.`)
  })
  const logs = changes.length ? [...changes.map(({ old }) => old), changes.at(-1).next] : [log]
  const has = (one) => logs.some((other) => sameLog(one, other))
  holds(has(log), `${what}s are of another log.`)
  const open = (note, name) => {
    const size = natural(note.split("\n")[1] ?? "") ?? 0
    return openCheckpoint(note, logs[changes.filter((one) => one.size < size).length], name)
  }
  const checkSigner = (one, size, name) => {
    for (const { old, next, size: changed, known } of changes) {
      holds(!sameLog(one, old) || size <= (known?.size ?? changed), `${name} is signed with keys that were replaced.`)
      holds(!sameLog(one, next) || size > changed, `${name} is signed with keys that came later.`)
    }
  }
  const broken = changes.filter(({ known }) => known).map(({ old, size, known }) => `${old.name}: entries ${size} to ${known.size - 1} are not here.`)
  return { logs, changes, has, open, checkSigner, broken, newest: logs.at(-1) }
}

/** `own`, with what `given` knows of keys before and after; they may not differ on what both tell of. */
export function joined(own, given) {
  const shared = new Set()
  own.logs.forEach((one, here) =>
    given.logs.forEach((other, there) => sameLog(one, other) && shared.add(here - there)),
  )
  holds(shared.size > 0, "It is of another log than the log key given.")
  const ahead = Math.min(...shared)
  given.changes.forEach(({ told }, place) => {
    const mine = own.changes[place + ahead]
    const same = !mine || canonical(mine.told.statement) === canonical(told.statement)
    holds(shared.size === 1 && same, "Its keys were changed in another way than the log key given says.")
  })
  const before = given.changes.slice(0, Math.max(0, -ahead))
  const after = given.changes.slice(Math.max(0, own.changes.length - ahead))
  return lineageFrom(own.newest, [...before, ...own.changes, ...after], "Change behind the log key given, or here,")
}
