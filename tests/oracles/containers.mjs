// What a package or an export comes in: a folder, or the one zip that follows from its files (docs/formats/package.md).
import { lstatSync, readdirSync, readFileSync } from "node:fs"
import { join } from "node:path"
import { Finding, holds, utf8 } from "./formats.mjs"

/** The files of a folder by their paths. */
export function filesOf(folder) {
  const files = new Map()
  const walk = (path) => {
    const names = readdirSync(join(folder, path))
    holds(path === "" || names.length > 0, `${path} is an empty folder.`)
    for (const name of names.sort()) {
      const inner = path === "" ? name : `${path}/${name}`
      const found = lstatSync(join(folder, inner))
      if (found.isDirectory()) walk(inner)
      else {
        holds(found.isFile(), `${inner} is no file.`)
        files.set(inner, readFileSync(join(folder, inner)))
      }
    }
  }
  walk("")
  return checkedPaths(files)
}

function checkedPaths(files) {
  const seen = new Set()
  for (const path of files.keys()) {
    const parts = path.split("/")
    // A tile of a large log lies deeper than any other file.
    const deepest = parts[0] === "tile" ? 10 : 4
    const allowed = parts.length <= deepest && parts.every((part) => /^[A-Za-z0-9_-][A-Za-z0-9._-]{0,99}$/.test(part))
    holds(allowed, `${JSON.stringify(path)} is not a path of a package.`)
    holds(!seen.has(path.toLowerCase()), `${path} differs from another file in case alone.`)
    seen.add(path.toLowerCase())
  }
  return files
}

const CRC = Int32Array.from({ length: 256 }, (_, byte) => {
  let value = byte
  for (let bit = 0; bit < 8; bit++) value = value & 1 ? (value >>> 1) ^ 0xedb88320 : value >>> 1
  return value
})

export function crc32(data) {
  let value = -1
  for (const byte of data) value = (value >>> 8) ^ CRC[(value ^ byte) & 255]
  return ~value >>> 0
}

// [value, bytes]…, little-endian.
function packed(...fields) {
  const data = Buffer.alloc(fields.reduce((sum, [, size]) => sum + size, 0))
  let at = 0
  for (const [value, size] of fields) {
    data.writeUIntLE(value, at, size)
    at += size
  }
  return data
}

/** The only zip of these files. */
export function zipOf(files) {
  const [locals, central] = [[], []]
  let offset = 0
  for (const name of [...files.keys()].sort()) {
    const [data, told] = [files.get(name), Buffer.from(name, "ascii")]
    // Flags, method, time 00:00:00 and date 1980-01-01; then what differs; then no extra field.
    const same = [
      [20, 2],
      [0, 2],
      [0, 2],
      [0, 2],
      [0x21, 2],
      [crc32(data), 4],
      [data.length, 4],
      [data.length, 4],
      [told.length, 2],
      [0, 2],
    ]
    const local = Buffer.concat([packed([0x04034b50, 4], ...same), told, data])
    locals.push(local)
    const behind = packed([0, 2], [0, 2], [0, 2], [(0o100644 << 16) >>> 0, 4], [offset, 4])
    central.push(packed([0x02014b50, 4], [20, 1], [3, 1], ...same), behind, told)
    offset += local.length
  }
  const directory = Buffer.concat(central)
  const end = packed(
    [0x06054b50, 4],
    [0, 2],
    [0, 2],
    [files.size, 2],
    [files.size, 2],
    [directory.length, 4],
    [offset, 4],
    [0, 2],
  )
  return Buffer.concat([...locals, directory, end])
}

/** The files of a zip, which is the only one of them. */
export function filesOfZip(data) {
  const files = new Map()
  try {
    const end = data.length - 22
    let at = data.readUInt32LE(end + 16)
    for (let left = data.readUInt16LE(end + 10); left > 0; left--) {
      const [size, nameSize, offset] = [
        data.readUInt32LE(at + 24),
        data.readUInt16LE(at + 28),
        data.readUInt32LE(at + 42),
      ]
      const start = offset + 30 + nameSize
      files.set(utf8(data.subarray(at + 46, at + 46 + nameSize), "A name"), data.subarray(start, start + size))
      at += 46 + nameSize
    }
  } catch (error) {
    if (error instanceof RangeError) throw new Finding("The zip is cut short.")
    throw error
  }
  checkedPaths(files)
  holds(zipOf(files).equals(data), "The zip is not the one that follows from its files.")
  return files
}
