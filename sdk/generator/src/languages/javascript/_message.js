// SPDX-License-Identifier: MIT OR Apache-2.0

/** A message was refused, and nothing has changed. */
export class MessageError extends Error {
  name = 'MessageError';

  /**
   * @param {'damaged' | 'other' | 'version'} reason
   * @param {string} text
   */
  constructor(reason, text) {
    super(text);
    this.reason = reason;
  }
}

const damaged = () => new MessageError('damaged', 'the message is damaged, or is no message');

const CRC = Uint32Array.from({ length: 256 }, (_, byte) => {
  let sum = byte;
  for (let bit = 0; bit < 8; bit += 1) sum = (sum >>> 1) ^ (sum & 1 ? 0xedb88320 : 0);
  return sum;
});

/**
 * CRC-32, as Ethernet and zlib have it, lowest byte first.
 * @param {Uint8Array} bytes
 */
function checksum(bytes) {
  let sum = 0xffffffff;
  for (const byte of bytes) sum = (sum >>> 8) ^ CRC[(sum ^ byte) & 0xff];
  return [0, 8, 16, 24].map((shift) => (~sum >>> shift) & 0xff);
}

/**
 * @param {ArrayLike<number>} a
 * @param {ArrayLike<number>} b
 */
function equal(a, b) {
  return a.length === b.length && Array.prototype.every.call(a, (byte, at) => byte === b[at]);
}

/**
 * The message of a delta, as it lies in the contexts.
 * @param {import('./_contexts.js').Field} field
 * @param {bigint} laid
 * @param {Uint8Array} header
 */
export function seal(field, laid, header = field.header) {
  const delta = new Uint8Array(field.width / 8);
  for (let at = 0; at < delta.length; at += 1) delta[at] = Number((laid >> BigInt(8 * at)) & 0xffn);
  const content = new Uint8Array([...header, ...compressed(field, delta)]);
  return new Uint8Array([...content, ...checksum(content)]);
}

/**
 * @param {import('./_contexts.js').Field} field
 * @param {Uint8Array} delta
 */
function compressed({ compression }, delta) {
  if (compression === 'none') return delta;
  if (compression === 'xor') {
    const start = delta.findIndex((byte) => byte !== 0);
    if (start < 0) return [0];
    let end = delta.length;
    while (delta[end - 1] === 0) end -= 1;
    return [start, ...delta.subarray(start, end)];
  }
  /** @type {number[]} */
  const runs = [];
  for (const byte of delta) {
    if (runs.at(-1) === byte) runs[runs.length - 2] += 1;
    else runs.push(1, byte);
  }
  return runs;
}

/**
 * Bytes of a delta, the lowest first; too many of them where no sender writes such a body.
 * @param {import('./_contexts.js').Field} field
 * @param {Uint8Array} body
 */
function expanded({ compression, width }, body) {
  if (compression === 'none') return body;
  if (compression === 'xor') return [...new Uint8Array(body[0] ?? 0), ...body.subarray(1)];
  /** @type {number[]} */
  const delta = [];
  for (let at = 0; at < body.length && delta.length <= width / 8; at += 2) {
    for (let left = body[at]; left > 0; left -= 1) delta.push(body[at + 1]);
  }
  return delta;
}

/**
 * A number of the version, of at most 64 bits, and where it ends.
 * @param {Uint8Array} content
 * @param {number} at
 * @returns {[bigint, number]}
 */
function number(content, at) {
  let value = 0n;
  for (let shift = 0n; shift < 64n; shift += 7n) {
    const byte = content[at];
    // Neither more than 64 bits, nor a last byte that says nothing.
    if (byte === undefined || (shift === 63n && byte > 1) || (shift > 0n && byte === 0)) break;
    at += 1;
    value |= BigInt(byte & 0x7f) << shift;
    if (byte < 0x80) return [value, at];
  }
  throw damaged();
}

/**
 * The delta of a message, as it lies in the contexts.
 * @param {import('./_contexts.js').Schema} schema
 * @param {import('./_contexts.js').Field} field
 * @param {Uint8Array} given
 */
export function open(schema, field, given) {
  // Also one of another realm, such as a frame of a page.
  if (Object.prototype.toString.call(given) !== '[object Uint8Array]') {
    throw new TypeError('a message is a Uint8Array');
  }
  // A copy, which nobody changes meanwhile. No message is longer than 96 bytes.
  const message = new Uint8Array(given.subarray(0, 97));
  const content = message.subarray(0, -4);
  if (message.length < 9 || message.length > 96) throw damaged();
  if (!equal(checksum(content), message.subarray(-4))) throw damaged();
  if (content[0] !== field.header[0]) throw damaged();
  if (!equal(content.subarray(1, 5), field.header.subarray(1, 5))) {
    throw new MessageError('other', `the message is not of ${schema.name}.${field.name}`);
  }
  const [major, middle] = number(content, 5);
  const [minor, end] = number(content, middle);
  const [ourMajor, ourMinor] = schema.version;
  if (major !== ourMajor || (major === 0n && minor !== ourMinor)) {
    const text = `the message is of version ${major}.${minor}, not of ${ourMajor}.${ourMinor}`;
    throw new MessageError('version', text);
  }
  const delta = expanded(field, content.subarray(end));
  let laid = 0n;
  for (let at = delta.length - 1; at >= 0; at -= 1) laid = (laid << 8n) | BigInt(delta[at] ?? 0);
  // A delta has one message: what isn't that is damaged.
  if (!equal(seal(field, laid, content.subarray(0, end)), message)) throw damaged();
  return laid;
}
