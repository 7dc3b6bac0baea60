// As much of RFC 3161 as tells what a granted answer is over. The authority's signature is openssl's to check.
import { holds } from "./formats.mjs"

const [INTEGER, OCTETS, OID, SEQUENCE, EXPLICIT] = [0x02, 0x04, 0x06, 0x30, 0xa0]
const SIGNED_DATA = "2a864886f70d010702"
const TST_INFO = "2a864886f70d0109100104"
const SHA256 = "608648016503040201"

/** The elements of DER one after the other, as { tag, body }. */
function elements(data) {
  const found = []
  for (let at = 0; at < data.length;) {
    const tag = data[at]
    let length = data[at + 1]
    at += 2
    if (length > 0x80) {
      const bytes = length & 0x7f
      holds(bytes <= 4 && at + bytes <= data.length, "timestamp.tsr is not DER.")
      length = data.readUIntBE(at, bytes)
      at += bytes
      holds(length >= 0x80 && length >= 2 ** (8 * (bytes - 1)), "timestamp.tsr is not DER.")
    } else holds(length < 0x80, "timestamp.tsr is not DER.")
    holds(at + length <= data.length, "timestamp.tsr is cut short.")
    found.push({ tag, body: data.subarray(at, at + length) })
    at += length
  }
  return found
}

const inside = (element, tag) => {
  holds(element?.tag === tag, "timestamp.tsr is not a time stamp.")
  return elements(element.body)
}

const bytes = (element, tag, expected) => {
  holds(
    element?.tag === tag && (expected === undefined || element.body.toString("hex") === expected),
    "timestamp.tsr is not a time stamp.",
  )
  return element.body
}

/** The SHA-256 that a granted TimeStampResp is over. */
export function timeStampedDigest(answer) {
  const whole = elements(answer)
  holds(whole.length === 1, "timestamp.tsr is not one answer.")
  const [status, token] = inside(whole[0], SEQUENCE)
  bytes(inside(status, SEQUENCE)[0], INTEGER, "00")
  const [contentType, content] = inside(token, SEQUENCE)
  bytes(contentType, OID, SIGNED_DATA)
  const [, , encapsulated] = inside(inside(content, EXPLICIT)[0], SEQUENCE)
  const [innerType, inner] = inside(encapsulated, SEQUENCE)
  bytes(innerType, OID, TST_INFO)
  const [info] = elements(bytes(inside(inner, EXPLICIT)[0], OCTETS))
  const [, , imprint] = inside(info, SEQUENCE)
  const [algorithm, digest] = inside(imprint, SEQUENCE)
  bytes(inside(algorithm, SEQUENCE)[0], OID, SHA256)
  return bytes(digest, OCTETS)
}
