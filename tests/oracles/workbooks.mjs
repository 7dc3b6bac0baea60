// The table's sheet of a workbook as the gateway writes it, from docs/formats/table-workbook.md alone.
import { inflateRawSync } from "node:zlib"
import { crc32 } from "./containers.mjs"
import { hexDigest, holds, utf8 } from "./formats.mjs"

export const WORKBOOK = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
const DECLARATION = '<?xml version="1.0" encoding="UTF-8" standalone="yes"?>\n'
const MAIN = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
const [BOOK, STYLES, SHEET] = ["xl/workbook.xml", "xl/styles.xml", "xl/worksheets/sheet1.xml"]
const DIGESTS = {
  "[Content_Types].xml": "721232da59f586d62e77f139ec5ac39849c6cdb35ada44542754ee70ea4271ba",
  "_rels/.rels": "9f96bb683e71c45171c7ae310bf6c37fb5a834bb9738497ac7084c42ac9c2d9a",
  [BOOK]: null,
  "xl/_rels/workbook.xml.rels": "2a97d1a56a4698cb1e2290e1a7a60392e23e65adae18ab2d99e2e682486ecf3a",
  [STYLES]: null,
  [SHEET]: null,
  "xl/worksheets/sheet2.xml": null,
}
const BARE_STYLES = "bf5435732259a4736e07584b77af10856abe78827407c2edd07cdbe205598a21"
const exactly = (text) => text.replace(/[.*+?^${}()|[\]\\]/g, "\\$&")

/** Rows of texts, the header first; a cell of an opened column that has no one meaning is refused. */
export function workbook(data, opened) {
  const parts = members(data)
  for (const [name, digest] of Object.entries(DIGESTS))
    holds(digest === null || hexDigest(parts.get(name)) === digest, `${name} is another one.`)
  const book = exactly(
    `${DECLARATION}<workbook xmlns="${MAIN}" xmlns:r="http://schemas.openxmlformats.org/officeDocument/2006/` +
      'relationships"><bookViews><workbookView activeTab="0"/></bookViews><sheets><sheet name="@" sheetId="1" ' +
      'r:id="rId1"/><sheet name="@" sheetId="2" r:id="rId2"/></sheets><definedNames><definedName ' +
      'name="_xlnm.Print_Titles" localSheetId="0">@</definedName></definedNames></workbook>',
  )
  holds(new RegExp(`^${book.replaceAll("@", '[^<>"]+')}$`).test(utf8(parts.get(BOOK), BOOK)), `${BOOK} is another one.`)
  const decimals = looks(utf8(parts.get(STYLES), STYLES))
  return sheet(utf8(parts.get(SHEET), SHEET), decimals, opened)
}

/** Seven members, and no byte that does not follow from them. */
function members(data) {
  holds(data.length > 22, "A workbook is cut short.")
  const found = new Map()
  const central = []
  let [at, entry] = [0, data.readUInt32LE(data.length - 6)]
  const start = entry
  for (const name of Object.keys(DIGESTS)) {
    holds(entry + 46 <= data.length, "A workbook is cut short.")
    const [packedSize, size] = [data.readUInt32LE(entry + 20), data.readUInt32LE(entry + 24)]
    const facts = Buffer.alloc(26)
    facts.set([20, 0, 0, 0, 8, 0, 0, 0, 33, 0])
    data.copy(facts, 10, entry + 16, entry + 28)
    facts.writeUInt16LE(name.length, 22)
    const local = Buffer.concat([Buffer.from("PK\x03\x04"), facts, Buffer.from(name)])
    holds(data.subarray(at, at + local.length).equals(local), "A workbook's archive is another one.")
    const behind = Buffer.alloc(14)
    behind.writeUInt32LE((0o600 << 16) >>> 0, 6)
    behind.writeUInt32LE(at, 10)
    central.push(Buffer.from("PK\x01\x02"), Buffer.from([20, 0]), facts, behind, Buffer.from(name))
    const packed = data.subarray(at + local.length, at + local.length + packedSize)
    const { buffer: member, engine } = inflateRawSync(packed, { info: true, maxOutputLength: Math.max(size, 1) })
    holds(engine.bytesWritten === packedSize && member.length === size, `${name} is damaged.`)
    holds(crc32(member) === data.readUInt32LE(entry + 16), `${name} is damaged.`)
    found.set(name, member)
    at += local.length + packedSize
    entry += 46 + name.length
  }
  const end = Buffer.alloc(22)
  end.set([0x50, 0x4b, 5, 6, 0, 0, 0, 0, 7, 0, 7, 0])
  end.writeUInt32LE(entry - start, 12)
  end.writeUInt32LE(at, 16)
  const whole = at === start && Buffer.concat([...central, end]).equals(data.subarray(start))
  holds(whole, "A workbook's archive is another one.")
  return found
}

/** Look → decimals that it shows, of looks that show a number as it is. */
function looks(text) {
  const form = /<numFmt numFmtId="(\d+)" formatCode="(General|(?:#,##0|0)(?:\.(0{1,6}))?(&quot; [a-z%0-9]{1,10}&quot;)?)"\/>/g
  const formats = [...text.matchAll(form)]
  holds(
    formats.every(([, number], at) => Number(number) === 165 + at),
    "A number format is out of order.",
  )
  const styles = formats.map(
    (_, at) =>
      `<xf numFmtId="${165 + at}" fontId="0" fillId="0" borderId="1" xfId="0" applyNumberFormat="1" applyFont="1" ` +
      'applyFill="1" applyBorder="1" applyAlignment="1"><alignment horizontal="right" vertical="top" indent="1"/></xf>',
  )
  const bare = text
    .replace(`${formats.map(([whole]) => whole).join("")}</numFmts>`, "</numFmts>")
    .replace(`${styles.join("")}</cellXfs>`, "</cellXfs>")
    .replace(`<numFmts count="${1 + formats.length}">`, '<numFmts count="1">')
    .replace(`<cellXfs count="${10 + formats.length}">`, '<cellXfs count="10">')
  holds(hexDigest(Buffer.from(bare)) === BARE_STYLES, `${STYLES} is another one.`)
  const plain = formats.map(([, , code, digits = "", unit], at) => [10 + at, code, digits.length, unit])
  return new Map(
    plain.filter(([, , , unit]) => !unit).map(([look, code, digits]) => [look, code === "General" ? 15 : digits]),
  )
}

function lettersOf(column) {
  const rest = (column - 1) % 26
  return (column > 26 ? lettersOf((column - 1 - rest) / 26) : "") + String.fromCharCode(65 + rest)
}

function sheet(text, decimals, opened) {
  const pieces = text.split("</row>")
  const tail = pieces.pop()
  const head = exactly(
    `${DECLARATION}<worksheet xmlns="${MAIN}"><sheetPr><pageSetUpPr fitToPage="1"/></sheetPr><dimension ref="A1:@"/>` +
      '<sheetViews><sheetView tabSelected="1" workbookViewId="0"><pane ySplit="1" topLeftCell="A2" ' +
      'activePane="bottomLeft" state="frozen"/></sheetView></sheetViews><sheetFormatPr defaultRowHeight="15"/><cols>',
  ).replace("@", "([A-Z]+[0-9]+)")
  const begun = new RegExp(`^${head}((?:<col [^<>]*/>)+)</cols><sheetData>`).exec(pieces[0] ?? "")
  holds(begun, "A sheet begins otherwise.")
  const widths = [...begun[2].matchAll(/<col min="(\d+)" max="(\d+)" width="(?:9|[1-9]\d)" customWidth="1"\/>/g)]
  holds(widths.map(([whole]) => whole).join("") === begun[2], "A column has another width.")
  holds(
    widths.every(([, min, max], at) => Number(min) === at + 1 && min === max),
    "A column is out of order.",
  )
  const letters = widths.map((_, at) => lettersOf(at + 1))
  const last = `${letters.at(-1)}${pieces.length}`
  const printed =
    `</sheetData><autoFilter ref="A1:${last}"/><pageMargins left="0.5" right="0.5" top="0.75" bottom="0.75" ` +
    'header="0.3" footer="0.3"/><pageSetup paperSize="9" orientation="landscape" fitToHeight="0"/><headerFooter>'
  const lines = /^<oddHeader>[^<>]*<\/oddHeader><oddFooter>[^<>]*<\/oddFooter><\/headerFooter><\/worksheet>$/
  const ended = tail.startsWith(printed) && lines.test(tail.slice(printed.length))
  holds(begun[1] === last && ended, "A sheet ends otherwise.")
  pieces[0] = pieces[0].slice(begun[0].length)
  const headers = cells(pieces[0], 1, letters).map(([, look, spaced, raw]) => {
    holds(["1", "2"].includes(look) && raw !== undefined, "A header is none.")
    return plain(raw, spaced)
  })
  const rows = pieces.slice(1).map((piece, at) =>
    cells(piece, at + 2, letters).map((cell, column) => {
      if (!opened.has(headers[column])) return null
      const said = shown(cell, decimals)
      holds(said !== null, `${letters[column]}${at + 2} cannot show what was committed to.`)
      return said
    }),
  )
  return [headers, ...rows]
}

function cells(row, number, letters) {
  const begun = /^<row r="(\d+)"(?: ht="(?:1[5-9]|[2-9]\d|[1-3]\d\d)" customHeight="1")?>/.exec(row)
  holds(begun && begun[1] === String(number), `Row ${number} begins otherwise.`)
  const form =
    /" s="(\d{1,4})"(?:\/>| t="inlineStr"><is><t( xml:space="preserve")?>([^<>]+)<\/t><\/is><\/c>|><v>([0-9.-]+)<\/v><\/c>)/y
  form.lastIndex = begun[0].length
  const found = letters.map((letter) => {
    const place = `<c r="${letter}${number}`
    holds(row.startsWith(place, form.lastIndex), `${letter}${number} is no cell.`)
    form.lastIndex += place.length
    const cell = form.exec(row)
    holds(cell, `${letter}${number} is no cell.`)
    return cell
  })
  holds(form.lastIndex === row.length, `Row ${number} is longer than the header.`)
  return found
}

function plain(raw, spaced) {
  const escaped = raw.replaceAll("&lt;", "<").replaceAll("&gt;", ">").replaceAll("&amp;", "&")
  const text = escaped.replace(/_x([0-9A-F]{4})_/g, (_, code) => String.fromCharCode(Number.parseInt(code, 16)))
  const code = (sign) => `_x${sign.charCodeAt(0).toString(16).toUpperCase().padStart(4, "0")}_`
  const again = text.replace(/[\r\ufffe\uffff]|_(?=x[0-9A-Fa-f]{4}_)/g, code)
  const spelled = again.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;")
  const kept = spaced !== undefined || !/^[ \t\n]|[ \t\n]$/.test(text)
  holds(spelled === raw && kept && !/[\x00-\x08\x0b\x0c\x0e-\x1f]/.test(raw), "A text is spelled otherwise.")
  return text
}

function shown([, told, spaced, raw, value], decimals) {
  const look = Number(told)
  if (raw !== undefined) {
    const text = plain(raw, spaced)
    return look === 3 || look === 4 ? text : null
  }
  if (value === undefined) return look === 3 || look === 6 || decimals.has(look) ? "" : null
  const whole = /^(?!-0$)-?(?:0|[1-9]\d*)(?:\.\d*[1-9])?$/.test(value) && value.replace(/[^0-9]/g, "").length <= 15
  holds(whole, "A number is spelled otherwise.")
  if (look === 6 && /^\d+$/.test(value) && Number(value) >= 61 && Number(value) <= 2958465)
    return new Date((Number(value) - 25569) * 86400000).toISOString().slice(0, 10)
  if (!decimals.has(look) || (value.split(".")[1] ?? "").length > decimals.get(look)) return null
  return /^-?[1-9]\d{0,2}\.\d{3}$/.test(value) ? `${value}0` : value
}
