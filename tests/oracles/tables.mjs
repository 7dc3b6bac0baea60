// Table proofs, from docs/formats/table-commitment.md alone.
import { createHash } from "node:crypto"
import { workbook, WORKBOOK } from "./workbooks.mjs"
import {
  anyText,
  base64,
  canonical,
  count,
  digest,
  entry,
  fromCanonical,
  holds,
  is,
  leafHash,
  list,
  matches,
  object,
  positive,
  rootOf,
  sha256,
  shaped,
  text,
  utf8,
} from "./formats.mjs"

export const COMMITMENTS = "commitments.json"
const LABEL = Buffer.from("disclosure-gateway/table-commitment/v1")
const [BLOCK, SALT] = [64, 16]
const byte = (value) => Buffer.from([value])

const OPENED = object({ title: text, place: count, locator: matches(/^[0-9a-f]{32}$/) })
const CHANGED = object({ title: text, rules: list(text) })
const COMMITMENT = object({ rows: positive, entry: count, root: digest, places: positive, nodes: anyText })
const ENTRIES = object({
  type: is("disclosure-gateway/commitment-proofs/v1"),
  entries: list(object({ index: count, entry: anyText, proof: list(anyText) })),
})

/** The proofs that the manifest lists. */
export function tableProofs(files, manifest) {
  const media = new Map(manifest.files.map((file) => [file.path, file.media_type]))
  const listed = manifest.documents.map((one) => one.path).filter((path) => path.startsWith("proofs/"))
  const proofs = listed.map((path) => proofIn(fromCanonical(files.get(path), path), path, media))
  const needed = proofs.some((proof) => proof.commitment)
  holds(needed === files.has(COMMITMENTS), `${COMMITMENTS} is missing, or there for nothing.`)
  return proofs
}

function proofIn(told, path, media) {
  holds(told !== null && typeof told === "object", `${path} is no object.`)
  holds(Object.keys(told).sort().join() === "columns,commitment,file,type", `${path} has other fields.`)
  holds(told.type === "disclosure-gateway/table-proof/v1", `${path} is of another type.`)
  holds(Array.isArray(told.columns) && media.has(told.file), `${path} is about no file of the package.`)
  holds(path === told.file.replace(/^files\/(.*)\.[^.]*$/, "proofs/$1.json"), `${path} is about another file.`)
  for (const column of told.columns) shaped(column, "place" in column ? OPENED : CHANGED, `A column of ${path}`)
  const opened = told.columns.filter((column) => "place" in column)
  const distinct = (values) => holds(new Set(values).size === values.length, `${path} names a column twice.`)
  distinct(told.columns.map((column) => column.title))
  distinct(opened.map((column) => column.place))
  holds((told.commitment !== null) === opened.length > 0, `${path} opens nothing, or nothing is there to open.`)
  if (told.commitment === null) return told
  const { rows, places } = shaped(told.commitment, COMMITMENT, path)
  holds(places >= 8 && places <= 1024 && Number.isInteger(Math.log2(places)), `${path} has places no table has.`)
  holds(rows <= 2000000 && opened.every((column) => column.place < places), `${path} has more than there can be.`)
  const readable = ["text/csv", WORKBOOK].includes(media.get(told.file))
  holds(readable, `${path} is about something else than a CSV or a workbook.`)
  return told
}

/** Every root is in an entry of this matter's log from before the sealing. */
export function committed(proofs, { files, manifest }, sealed) {
  const told = shaped(fromCanonical(files.get(COMMITMENTS), COMMITMENTS), ENTRIES, COMMITMENTS)
  const roots = new Map()
  let before = -1
  for (const { index, entry: leaf, proof } of told.entries) {
    const what = `Entry ${index} in ${COMMITMENTS}`
    holds(index > before && index < sealed.index, `${what} is out of order, or later than the sealing.`)
    before = index
    const hashes = proof.map((one) => base64(one, `A hash of ${what}`, 32))
    const root = rootOf(index, sealed.size, leafHash(Buffer.from(leaf)), hashes, what)
    holds(root.equals(sealed.root), `${what} is not entry ${index} of the log.`)
    const { type, matter, facts } = entry(Buffer.from(leaf), what)
    holds(type === "original.committed" && matter === manifest.matter, `${what} is of another type or matter.`)
    roots.set(index, shaped(facts, object({ commitments: list(digest) }), what).commitments)
  }
  const used = proofs.filter((proof) => proof.commitment).map((proof) => proof.commitment)
  for (const one of used) holds(roots.get(one.entry)?.includes(one.root), `The root ${one.root} was not logged.`)
  holds(new Set(used.map((one) => one.root)).size === used.length, "One commitment is used twice.")
  holds(new Set(used.map((one) => one.entry)).size === roots.size, "An entry is shown for nothing.")
}

/** Every cell of every opened column. */
export function tables(proofs, files) {
  for (const proof of proofs) {
    if (proof.file.endsWith(".csv")) table(proof, csv(utf8(files.get(proof.file), proof.file)))
    else if (proof.commitment) table(proof, workbook(files.get(proof.file), new Set(openedTitles(proof))))
  }
}

const openedTitles = ({ columns }) => columns.filter((column) => "place" in column).map((column) => column.title)

function table({ file, columns, commitment }, [headers, ...rows]) {
  const titles = [...columns.map((column) => column.title), headers.at(-1)]
  holds(canonical(headers) === canonical(titles), `${file} has other columns than its proof.`)
  if (commitment === null) return
  holds(rows.length === commitment.rows, `${file} has ${rows.length} rows, not ${commitment.rows}.`)
  const cells = new Map(columns.map(({ place }, at) => [place, rows.map((row) => row[at])]))
  cells.delete(undefined)
  const leaves = padded(commitment.rows)
  const data = base64(commitment.nodes, `The proof of ${file}`)
  holds(data.length % 32 === 0, `The proof of ${file} is cut.`)
  let at = 0
  const next = () => {
    holds(at < data.length, `The proof of ${file} is too short.`)
    return data.subarray(at, (at += 32))
  }
  const walk = (low, size, seed) => {
    const open = [...cells.keys()].filter((place) => place >= low && place < low + size).length
    if (!seed && open === 0) return next()
    if (!seed && open === size) seed = next()
    if (seed && size === 1) return merkle(hashes(cells.get(low), salts(seed, leaves)))
    const [left, right] = seed ? halves(seed) : []
    return sha256(byte(1), walk(low, size / 2, left), walk(low + size / 2, size / 2, right))
  }
  const counts = Buffer.alloc(8)
  counts.writeUInt32BE(commitment.places, 0)
  counts.writeUInt32BE(leaves, 4)
  const [headersRoot, columnsRoot] = [next(), walk(0, commitment.places)]
  holds(at === data.length, `The proof of ${file} is too long.`)
  const root = sha256(LABEL, counts, headersRoot, columnsRoot).toString("hex")
  holds(root === commitment.root, `The cells of ${file} are not those committed to.`)
}

function padded(rows) {
  const least = Math.max(rows, BLOCK)
  const exponent = Math.floor(Math.log2(least))
  const step = 2 ** Math.max(exponent - Math.floor(Math.log2(exponent)) - 1, 6)
  return Math.ceil(least / step) * step
}

function halves(seed) {
  const both = createHash("sha512").update(byte(2)).update(seed).digest()
  return [both.subarray(0, 32), both.subarray(32)]
}

function salts(seed, leaves) {
  let level = [seed]
  while (level.length < leaves / BLOCK) level = level.flatMap(halves)
  return level.slice(0, leaves / BLOCK).flatMap((block) => {
    const run = createHash("shake256", { outputLength: BLOCK * SALT }).update(byte(3)).update(block).digest()
    return Array.from({ length: BLOCK }, (_, at) => run.subarray(SALT * at, SALT * at + SALT))
  })
}

const hashes = (cells, salted) =>
  salted.map((salt, row) => sha256(byte(0), salt, row < cells.length ? `c${cells[row]}` : "p"))

function merkle(level) {
  if (level.length === 1) return level[0]
  const left = 2 ** (Math.ceil(Math.log2(level.length)) - 1)
  return sha256(byte(1), merkle(level.slice(0, left)), merkle(level.slice(left)))
}

/** RFC 4180 as the gateway writes it: a byte order mark, CRLF, quotes only where they are needed. */
function csv(data) {
  const rows = []
  let row = []
  holds(data.startsWith("\ufeff") && data.endsWith("\r\n"), "A table does not begin or end as the gateway writes it.")
  const cell = /"((?:[^"]|"")*)"(,|\r\n)|([^",\r\n]*)(,|\r\n)/y
  cell.lastIndex = 1
  while (cell.lastIndex < data.length) {
    const found = cell.exec(data)
    holds(found, "A table is not written as the gateway writes it.")
    holds(found[1] === undefined || /[",\r\n]/.test(found[1]), "A cell is quoted without need.")
    row.push(found[3] ?? found[1].replaceAll('""', '"'))
    if ((found[2] ?? found[4]) === ",") continue
    rows.push(row)
    holds(row.length === rows[0].length, "A row is shorter or longer than the header.")
    row = []
  }
  return rows
}
