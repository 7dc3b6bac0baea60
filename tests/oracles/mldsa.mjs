// ML-DSA-44 verification, written from FIPS 204; the numbers of its algorithms are named. Hashes are node's.
import { createHash } from "node:crypto"

const Q = 8380417
const N = 256
const [K, L, TAU, OMEGA] = [4, 4, 39, 80]
const GAMMA1 = 2 ** 17
const GAMMA2 = (Q - 1) / 88
const BETA = 78
const D = 13

export const PUBLIC_BYTES = 1312
export const SIGNATURE_BYTES = 2420

const shake = (name, length, ...parts) => {
  const hash = createHash(name, { outputLength: length })
  for (const part of parts) hash.update(part)
  return hash.digest()
}
const H = (length, ...parts) => shake("shake256", length, ...parts)

const modulo = (value) => ((value % Q) + Q) % Q

// The powers of 1753 in the order of reversed bits: FIPS 204, appendix B.
const ZETAS = Array.from({ length: N }, (_, index) => {
  let exponent = 0
  for (let bit = 0; bit < 8; bit++) exponent |= ((index >> bit) & 1) << (7 - bit)
  let power = 1
  for (let step = 0; step < exponent; step++) power = (power * 1753) % Q
  return power
})

// Algorithm 41, NTT.
function ntt(polynomial) {
  const w = polynomial.map(modulo)
  let m = 0
  for (let length = 128; length >= 1; length >>= 1) {
    for (let start = 0; start < N; start += 2 * length) {
      const zeta = ZETAS[++m]
      for (let j = start; j < start + length; j++) {
        const t = (zeta * w[j + length]) % Q
        w[j + length] = modulo(w[j] - t)
        w[j] = (w[j] + t) % Q
      }
    }
  }
  return w
}

// Algorithm 42, the inverse.
function inverseNtt(transformed) {
  const w = [...transformed]
  let m = N
  for (let length = 1; length < N; length <<= 1) {
    for (let start = 0; start < N; start += 2 * length) {
      const zeta = Q - ZETAS[--m]
      for (let j = start; j < start + length; j++) {
        const t = w[j]
        w[j] = (t + w[j + length]) % Q
        w[j + length] = (zeta * modulo(t - w[j + length])) % Q
      }
    }
  }
  return w.map((value) => (value * 8347681) % Q)
}

// Algorithm 30, RejNTTPoly: as much output of the hash as it takes.
function rejectionSampled(seed) {
  for (let blocks = 6; ; blocks *= 2) {
    const stream = shake("shake128", 168 * blocks, seed)
    const found = []
    for (let at = 0; at + 2 < stream.length && found.length < N; at += 3) {
      const value = stream[at] | (stream[at + 1] << 8) | ((stream[at + 2] & 127) << 16)
      if (value < Q) found.push(value)
    }
    if (found.length === N) return found
  }
}

// Algorithm 29, SampleInBall.
function sampleInBall(seed) {
  for (let length = 8 * 136; ; length *= 2) {
    const stream = H(length, seed)
    const c = new Array(N).fill(0)
    let at = 8
    let index = N - TAU
    for (; index < N; index++) {
      while (at < length && stream[at] > index) at++
      if (at === length) break
      const place = stream[at++]
      const sign = index + TAU - N
      c[index] = c[place]
      c[place] = (stream[sign >> 3] >> (sign & 7)) & 1 ? -1 : 1
    }
    if (index === N) return c
  }
}

// Little-endian numbers of `width` bits, Algorithm 18 without its bound.
function unpacked(data, width) {
  const values = []
  let [buffer, bits] = [0, 0]
  for (const byte of data) {
    buffer |= byte << bits
    bits += 8
    while (bits >= width) {
      values.push(buffer & (2 ** width - 1))
      buffer >>>= width
      bits -= width
    }
  }
  return values
}

// Algorithm 21, HintBitUnpack: null where the hint is malformed.
function hints(data) {
  const h = Array.from({ length: K }, () => new Array(N).fill(0))
  let index = 0
  for (let row = 0; row < K; row++) {
    const end = data[OMEGA + row]
    if (end < index || end > OMEGA) return null
    for (let first = index; index < end; index++) {
      if (index > first && data[index - 1] >= data[index]) return null
      h[row][data[index]] = 1
    }
  }
  return data.subarray(index, OMEGA).some((byte) => byte !== 0) ? null : h
}

// Algorithm 40, UseHint, over Algorithm 36, Decompose.
function useHint(hint, value) {
  let low = value % (2 * GAMMA2)
  if (low > GAMMA2) low -= 2 * GAMMA2
  let high = (value - low) / (2 * GAMMA2)
  if (value - low === Q - 1) {
    high = 0
    low -= 1
  }
  if (!hint) return high
  return (high + (low > 0 ? 1 : 43)) % 44
}

// Numbers of six bits each, four in three bytes: Algorithm 28, w1Encode.
function sixBits(values) {
  const data = Buffer.alloc((values.length * 6) / 8)
  values.forEach((value, index) => {
    const bit = 6 * index
    data[bit >> 3] |= (value << (bit & 7)) & 255
    if ((bit & 7) > 2) data[(bit >> 3) + 1] |= value >> (8 - (bit & 7))
  })
  return data
}

const slices = (data, size) =>
  Array.from({ length: data.length / size }, (_, i) => data.subarray(i * size, (i + 1) * size))

// What a verification takes from a key alone, kept for the keys asked about again and again.
const EXPANDED = new Map()

function expanded(key) {
  const name = key.toString("base64")
  if (!EXPANDED.has(name)) {
    if (EXPANDED.size === 64) EXPANDED.clear()
    const rho = key.subarray(0, 32)
    const sampled = (row, column) => rejectionSampled(Buffer.concat([rho, Buffer.from([column, row])]))
    EXPANDED.set(name, {
      matrix: Array.from({ length: K }, (_, row) => Array.from({ length: L }, (_, column) => sampled(row, column))),
      t1: slices(key.subarray(32), 320).map((data) => ntt(unpacked(data, 10).map((value) => value * 2 ** D))),
      tr: H(64, key),
    })
  }
  return EXPANDED.get(name)
}

/** Whether `signature` over `message` under `context` is by `key`: Algorithms 3 and 8. */
export function verify(key, message, signature, context) {
  if (key.length !== PUBLIC_BYTES || signature.length !== SIGNATURE_BYTES || context.length > 255) return false
  const challenge = signature.subarray(0, 32)
  const z = slices(signature.subarray(32, 32 + L * 576), 576).map((data) =>
    unpacked(data, 18).map((value) => GAMMA1 - value),
  )
  const h = hints(signature.subarray(32 + L * 576))
  if (h === null || z.flat().some((value) => Math.abs(value) >= GAMMA1 - BETA)) return false
  const { matrix, t1, tr } = expanded(key)
  const mu = H(64, tr, Buffer.from([0, context.length]), context, message)
  const c = ntt(sampleInBall(challenge))
  const transformed = z.map(ntt)
  const w1 = matrix.map((columns, row) => {
    const sum = c.map((value, i) => modulo(-value * t1[row][i]))
    columns.forEach((a, column) => a.forEach((value, i) => (sum[i] = (sum[i] + value * transformed[column][i]) % Q)))
    return sixBits(inverseNtt(sum).map((value, i) => useHint(h[row][i], value)))
  })
  return H(32, mu, ...w1).equals(challenge)
}
