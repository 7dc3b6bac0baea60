// A second verifier of packages and exports, written from docs/formats alone and sharing no line with the first.
//
//     node verify.mjs PATH [--log-key KEYS] [--package-key KEYS] [--checkpoint KEPT] [--policy WITNESSES]
//     node verify.mjs --serve      answers one JSON list of these arguments a line with one line of JSON
//
// Exit code 0: everything holds. 1: something does not. 2: wrong use.
import { closeSync, existsSync, openSync, readFileSync, readSync, statSync } from "node:fs"
import { createInterface } from "node:readline"
import { parseArgs } from "node:util"
import { filesOf, filesOfZip } from "./containers.mjs"
import { verifyExport } from "./export.mjs"
import { verifyExtract } from "./extract.mjs"
import { Finding, keyPair } from "./formats.mjs"
import { verifyPackage } from "./package.mjs"
import { policyOf } from "./policy.mjs"
import { isProof, verifyProof } from "./proof.mjs"
import { lineageOf } from "./succession.mjs"

class WrongUse extends Error {}

class Report {
  pinned = false
  steps = []
  warnings = []

  constructor(kind) {
    this.kind = kind
  }

  /** What `check` gives, or nothing where it fails or something that it needs did. */
  step(title, needed, check) {
    const put = (state, detail) => void this.steps.push({ title, state, detail })
    if (needed.includes(undefined)) return put("skipped", "What this needs does not hold.")
    try {
      const made = check() ?? true
      put("ok", "")
      return made
    } catch (error) {
      // Whatever else goes wrong goes wrong because of what was read: it must never pass for a success.
      return put(
        "failed",
        error instanceof Finding ? error.message : `This cannot be read (${error.name}: ${error.message}).`,
      )
    }
  }

  get ok() {
    return this.steps.every((step) => step.state === "ok")
  }
}

const told = (value) => (existsSync(value) ? readFileSync(value, "utf8") : value)

function keys(value) {
  if (value === undefined) return undefined
  try {
    return keyPair(told(value))
  } catch (error) {
    throw new WrongUse(`These are not a pair of keys. ${error.message}`)
  }
}

function trusted(value) {
  if (value === undefined) return undefined
  try {
    return policyOf(existsSync(value) ? readFileSync(value, "latin1") : value)
  } catch (error) {
    throw new WrongUse(`This is not a policy. ${error.message}`)
  }
}

function kind(path) {
  if (!statSync(path).isDirectory()) return isProof(path) ? "proof" : "package"
  return ["index.json", "entries.jsonl"].some((name) => existsSync(`${path}/${name}`)) ? "export" : "package"
}

/** The log's keys, and behind them the signed changes of them, a line each. */
function logKeys(value) {
  if (value === undefined) return undefined
  const lines = told(value).split("\n")
  const log = keys(lines.filter((line) => !line.startsWith("{")).join("\n"))
  const changes = lines.filter((line) => line.startsWith("{")).map((line) => Buffer.from(line.trimEnd()))
  try {
    return lineageOf(log, changes, "Change behind the key")
  } catch (error) {
    throw new WrongUse(`The changes behind the log key do not hold. ${error.message}`)
  }
}

const AGE = Buffer.from("age-encryption.org/v1\n")

function reader(path) {
  if (statSync(path).isDirectory()) return () => filesOf(path)
  const start = Buffer.alloc(AGE.length)
  const file = openSync(path)
  readSync(file, start)
  closeSync(file)
  if (start.equals(AGE)) throw new WrongUse("This is still encrypted: open it with age first.")
  return () => filesOfZip(readFileSync(path))
}

function verify(args) {
  const string = { type: "string" }
  const options = { "log-key": string, "package-key": string, checkpoint: string, policy: string, json: { type: "boolean" } }
  const { values, positionals } = parseArgs({ args, options, allowPositionals: true })
  if (positionals.length !== 1) throw new WrongUse("Give one package or export.")
  const [path] = positionals
  if (!existsSync(path)) throw new WrongUse(`There is no ${path}.`)
  const report = new Report(kind(path))
  const [logKey, packageKey] = [logKeys(values["log-key"]), keys(values["package-key"])]
  const policy = trusted(values.policy)
  const check = existsSync(`${path}/proofs.jsonl`) ? verifyExtract : verifyExport
  if (report.kind === "proof") {
    if (!logKey) throw new WrongUse("The proof of an entry carries no keys.")
    verifyProof(report, readFileSync(path), { logKey, policy })
  } else if (report.kind === "export")
    check(report, reader(path), { logKey, policy, kept: values.checkpoint && told(values.checkpoint) })
  else verifyPackage(report, reader(path), { logKey, packageKey, policy })
  return { ...report, ok: report.ok }
}

function answer(args) {
  try {
    const report = verify(args)
    return { code: report.ok ? 0 : 1, ...report }
  } catch (error) {
    return { code: 2, ok: false, message: error.message }
  }
}

if (process.argv[2] === "--serve") {
  for await (const line of createInterface({ input: process.stdin }))
    console.log(JSON.stringify(answer(JSON.parse(line))))
} else {
  const report = answer(process.argv.slice(2))
  for (const { title, state, detail } of report.steps ?? [])
    console.log(`${state.padEnd(8)}${title}${detail && `: ${detail}`}`)
  for (const warning of report.warnings ?? []) console.log(`!       ${warning}`)
  if (report.message) console.error(report.message)
  process.exitCode = report.code
}
