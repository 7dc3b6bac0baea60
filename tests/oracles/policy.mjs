// A C2SP tlog-policy, and the lines of witnesses over a checkpoint: the sections "Cosignatures" of docs/formats/audit-log.md.
import { base64, cosignedBy, holds, keyHash, natural, safeKey, signedWithEd25519, verifyMldsa } from "./formats.mjs"

const ED25519 = 4
const MLDSA = 6
const LENGTHS = { [ED25519]: 32, [MLDSA]: 1312 }
const NAME = /^[!-*,-~]{1,255}$/

function vkey(told, types) {
  const [name, hash, ...rest] = told.split("+")
  const typed = base64(rest.join("+"), "A key in the policy")
  const type = typed[0]
  holds(NAME.test(name) && typed.length > 1, "A key in the policy is malformed.")
  holds(keyHash(name, type, typed.subarray(1)).toString("hex") === hash, "The hash of a key in the policy is wrong.")
  holds(types.includes(type), "A key in the policy is of another type.")
  if (type !== MLDSA) safeKey(typed.subarray(1))
  return { name, type, key: typed.subarray(1), hash: Buffer.from(hash, "hex") }
}

/** The policy, or a Finding that says which line is wrong. */
export function policyOf(text) {
  const [witnesses, groups, logs, members] = [new Map(), new Map(), [], new Set()]
  let quorum
  const fresh = (name) => holds(name !== "none" && !witnesses.has(name) && !groups.has(name), `${name} is there twice.`)
  const known = (name) => holds(witnesses.has(name) || groups.has(name), `${name} is not known.`)
  const take = {
    log: (told, url, ...more) => {
      holds(more.length === 0 && told !== undefined, "A log has one key and an address.")
      const one = vkey(told, [1, MLDSA])
      holds(!logs.some(({ key }) => key.equals(one.key)), "A log is there twice.")
      logs.push(one)
    },
    witness: (name, told, url, ...more) => {
      holds(more.length === 0 && told !== undefined, "A witness has a name, a key and an address.")
      fresh(name)
      const one = vkey(told, [ED25519, MLDSA])
      holds(one.key.length === LENGTHS[one.type], "A witness's key is of another length.")
      holds(![...witnesses.values()].some(({ key }) => key.equals(one.key)), "A witness is there twice.")
      witnesses.set(name, one)
    },
    group: (name, needed, ...of) => {
      holds(of.length > 0, "A group has members.")
      fresh(name)
      of.forEach((member) => {
        known(member)
        holds(!members.has(member), `${member} is in two groups.`)
        members.add(member)
      })
      const count = needed === "any" ? 1 : needed === "all" ? of.length : natural(needed)
      holds(count !== null && count > 0 && count <= of.length, "A group needs more than it has.")
      groups.set(name, { count, of })
    },
    quorum: (name, ...more) => {
      holds(more.length === 0 && name !== undefined && quorum === undefined, "There is one quorum.")
      if (name !== "none") known(name)
      quorum = name
    },
  }
  for (const [number, line] of text.split("\n").entries()) {
    holds(!/[\x00-\x08\x0b-\x1f\x7f]/.test(line), `Line ${number + 1} of the policy holds a control character.`)
    const [word, ...rest] = line.split(/[ \t]+/).filter((item) => item !== "")
    if (word === undefined || word.startsWith("#")) continue
    holds(Object.hasOwn(take, word), `Line ${number + 1} of the policy is not known.`)
    take[word](...rest)
  }
  holds(quorum !== undefined, "The policy has no quorum.")
  return { witnesses, groups, logs, quorum }
}

/** That the policy, where it lists logs, lists this one, by keys that it has or had. */
export function listed({ logs }, own) {
  const one = ({ name, key }) => own.some((log) => log.name === name && log.keys.some((had) => had.equals(key)))
  holds(logs.length === 0 || logs.some(one), "The policy lists logs, and not this one.")
}

/** Whether the witnesses of these lines are a quorum; lines under the name and hash of one have to hold. */
export function quorate(policy, { origin, size, root, head }, lines) {
  const met = new Set()
  for (const line of lines) {
    const [, signer, blob] = /^— ([!-*,-~]+) ([A-Za-z0-9+/=]+)$/.exec(line) ?? []
    if (signer === undefined) continue
    const data = base64(blob, "A cosignature")
    for (const [name, { name: known, type, key, hash }] of policy.witnesses) {
      if (known !== signer || !data.subarray(0, 4).equals(hash)) continue
      const [time, made] = [data.subarray(4, 12), data.subarray(12)]
      const at = time.length === 8 ? time.readBigUInt64BE() : 0n
      holds(at > 0n && at < 1n << 63n, `The witness ${name} states no time.`)
      const held =
        type === ED25519
          ? signedWithEd25519(key, Buffer.from(`cosignature/v1\ntime ${at}\n${head}`), made)
          : verifyMldsa(key, cosignedBy(signer, origin, time, size, root), made, Buffer.alloc(0))
      holds(held, `The witness ${name} did not sign this checkpoint.`)
      met.add(name)
    }
  }
  for (const [name, { count, of }] of policy.groups)
    if (of.filter((member) => met.has(member)).length >= count) met.add(name)
  return policy.quorum === "none" || met.has(policy.quorum)
}

/** That a quorum cosigned the checkpoint in its own lines. */
export function witnessed(policy, logs, signed, note) {
  listed(policy, logs)
  holds(quorate(policy, signed, linesOf(note)), "The checkpoint is cosigned by no quorum.")
}

const linesOf = (note) => note.slice(note.indexOf("\n\n") + 2).split("\n")
