// The proof of one entry: the section "Proof of an entry" of docs/formats/audit-log.md.
import { closeSync, openSync, readSync } from "node:fs"
import { entry, holds, leafHash, openCheckpoint, rootOf, tlogProof } from "./formats.mjs"
import { witnessed } from "./policy.mjs"

const HEAD = "c2sp.org/tlog-proof@v1"

/** Whether a file begins as such a proof. */
export function isProof(path) {
  const start = Buffer.alloc(HEAD.length)
  const file = openSync(path)
  readSync(file, start)
  closeSync(file)
  return start.toString("latin1") === HEAD
}

/** Verify a proof into `report`. */
export function verifyProof(report, data, { logKey, policy }) {
  const proof = report.step("structure", [], () => tlogProof(data, "The proof"))
  const signed = report.step("signature", [proof], () => {
    const [only, ...more] = logKey.logs
    if (only.name !== undefined || more.length > 0) return logKey.open(proof.checkpoint, "The checkpoint")
    // Keys that were given without a name are those of a log of any name.
    return openCheckpoint(proof.checkpoint, { ...only, name: proof.checkpoint.split("\n")[0] }, "The checkpoint")
  })
  report.step("entry", [proof, signed], () => {
    const root = rootOf(proof.index, signed.size, leafHash(proof.leaf), proof.proof, "The entry")
    holds(root.equals(signed.root), "The entry is not in the log.")
    return entry(proof.leaf, "The entry")
  })
  if (policy)
    report.step("witnesses", [proof, signed], () => witnessed(policy, logKey.logs, signed, proof.checkpoint))
  report.pinned = true
}
