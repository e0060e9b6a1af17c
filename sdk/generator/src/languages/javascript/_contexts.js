// SPDX-License-Identifier: MIT OR Apache-2.0

// What all objects have in common. Programs use the classes that are made from it.

import { History } from './_history.js';
import { open, seal } from './_message.js';

/**
 * A field, as the schema has it.
 * @typedef {object} Field
 * @property {string} name
 * @property {string} key its name in JavaScript
 * @property {'delta_stream' | 'bitmask_delta' | 'parameter_delta'} type
 * @property {number} width in bits
 * @property {'raw' | 'rle' | 'spatiotemporal_4x4x4'} encoding
 * @property {'none' | 'xor' | 'rle'} compression
 * @property {bigint} initial the state of a new object
 * @property {Uint8Array} header what its messages begin with
 */

/**
 * @typedef {object} Schema
 * @property {string} name
 * @property {[bigint, bigint]} version the first two numbers
 * @property {number} depth accums that are remembered
 * @property {Map<string, Field>} fields by their names in JavaScript
 */

/**
 * Modules of objects use no globals but this: an object may have the name of any.
 * @param {string} name
 * @param {[bigint, bigint]} version
 * @param {number} depth
 * @param {(Omit<Field, 'header'> & { header: number[] })[]} fields
 * @returns {Schema}
 */
export function schema(name, version, depth, fields) {
  const whole = fields.map((field) => ({ ...field, header: new Uint8Array(field.header) }));
  return { name, version, depth, fields: new Map(whole.map((field) => [field.key, field])) };
}

/**
 * @param {unknown} value
 * @param {string} what
 * @returns {bigint}
 */
function big(value, what) {
  if (typeof value === 'bigint') return value;
  throw new TypeError(`${what} is a BigInt, such as 5n; it was given a ${typeof value}`);
}

/**
 * @param {number} number
 * @param {number} limit
 * @param {string} what
 */
function below(number, limit, what) {
  if (typeof number !== 'number') {
    throw new TypeError(`${what} a number is needed; it was given a ${typeof number}`);
  }
  if (Number.isInteger(number) && number >= 0 && number < limit) return number;
  throw new RangeError(`${what} ${number} is none of 0 to ${limit - 1}`);
}

/**
 * The bits of a value as they lie in the contexts.
 * @param {Field} field
 * @param {bigint} value
 */
function lay({ encoding, width }, value) {
  return BigInt.asUintN(width, encoding === 'rle' ? value ^ (value << 1n) : value);
}

/**
 * The value of bits that lie in the contexts.
 * @param {Field} field
 * @param {bigint} laid
 */
function lift({ encoding, width }, laid) {
  if (encoding === 'rle') {
    for (let shift = 1; shift < width; shift *= 2) {
      laid = BigInt.asUintN(width, laid ^ (laid << BigInt(shift)));
    }
  }
  return laid;
}

/**
 * The lowest bit of a cell.
 * @param {Field} field
 * @param {number} x
 * @param {number} y
 * @param {number} t
 */
function cell({ width }, x, y, t) {
  for (const at of [x, y, t]) below(at, 4, 'a coordinate of a cell:');
  return BigInt((x + 4 * y + 16 * t) * (width / 64));
}

/** The contexts of one object, and its history. Fields go by their names in JavaScript. */
export class Contexts {
  #schema;
  #history;
  /**
   * As they lie.
   * @type {Map<Field, { reference: bigint, accumulator: bigint }>}
   */
  #words = new Map();

  /** @param {Schema} schema */
  constructor(schema) {
    this.#schema = schema;
    this.#history = new History(schema.depth);
    this.reset();
  }

  reset() {
    for (const field of this.#schema.fields.values()) {
      this.#words.set(field, { reference: lay(field, field.initial), accumulator: 0n });
    }
    this.#history.clear();
  }

  states() {
    const states = [];
    for (const field of this.#schema.fields.values()) {
      const laid = this.#laid(field);
      for (let from = 0; from < field.width; from += 64) states.push(laid >> BigInt(from));
    }
    // It takes the lowest 64 bits of each.
    return new BigUint64Array(states);
  }

  /**
   * @param {string} key
   * @param {bigint} value
   */
  load(key, value) {
    this.#load(this.#field(key), big(value, `a value of ${key}`));
  }

  /**
   * @param {string} key
   * @param {bigint} delta
   */
  accum(key, delta) {
    const field = this.#field(key);
    this.#accum(field, lay(field, big(delta, `a delta of ${key}`)));
  }

  /**
   * Accumulates, and returns the message.
   * @param {string} key
   * @param {bigint} delta
   */
  send(key, delta) {
    this.accum(key, delta);
    const field = this.#field(key);
    return seal(field, lay(field, delta));
  }

  /**
   * @param {string} key
   * @param {Uint8Array} message
   */
  apply(key, message) {
    const field = this.#field(key);
    this.#accum(field, open(this.#schema, field, message));
  }

  /** @param {string} key */
  read(key) {
    const field = this.#field(key);
    return lift(field, this.#laid(field));
  }

  /** @param {string} key */
  swap(key) {
    const state = this.read(key);
    this.#load(this.#field(key), state);
    return state;
  }

  /**
   * @param {string} key
   * @param {bigint} value
   */
  set(key, value) {
    const field = this.#field(key);
    const delta = BigInt.asUintN(field.width, big(value, `a value of ${key}`)) ^ this.read(key);
    this.#accum(field, lay(field, delta));
    return delta;
  }

  /**
   * @param {string} key
   * @param {number} number
   */
  testBit(key, number) {
    return (this.read(key) & this.#bit(key, number)) !== 0n;
  }

  /**
   * @param {string} key
   * @param {number} number
   */
  setBit(key, number) {
    return this.#change(key, this.#bit(key, number) & ~this.read(key));
  }

  /**
   * @param {string} key
   * @param {number} number
   */
  clearBit(key, number) {
    return this.#change(key, this.#bit(key, number) & this.read(key));
  }

  /**
   * @param {string} key
   * @param {number} number
   */
  toggleBit(key, number) {
    return this.#change(key, this.#bit(key, number));
  }

  /**
   * @param {string} key
   * @param {number} x
   * @param {number} y
   * @param {number} t
   */
  readCell(key, x, y, t) {
    const field = this.#field(key);
    return BigInt.asUintN(field.width / 64, this.read(key) >> cell(field, x, y, t));
  }

  /**
   * What is to be accumulated, so that `delta` comes into the cell.
   * @param {string} key
   * @param {number} x
   * @param {number} y
   * @param {number} t
   * @param {bigint} delta
   */
  cellDelta(key, x, y, t, delta) {
    const field = this.#field(key);
    const low = BigInt.asUintN(field.width / 64, big(delta, `a delta of a cell of ${key}`));
    return low << cell(field, x, y, t);
  }

  /** @param {object} values */
  update(values) {
    this.#setAll(this.#settable(values));
  }

  /**
   * @param {object} expected
   * @param {object} values
   */
  compareUpdate(expected, values) {
    const [states, sets] = [this.#given(expected), this.#settable(values)];
    const holds = states.every(([field, state]) => this.read(field.key) === state);
    if (holds) this.#setAll(sets);
    return holds;
  }

  /** @param {number} steps */
  rollback(steps) {
    below(steps, Infinity, 'a number of accums to be undone:');
    let undone = 0;
    while (undone < steps) {
      const entry = this.#history.take();
      if (entry === undefined) break;
      this.#at(entry.field).accumulator ^= entry.laid;
      undone += 1;
    }
    return undone;
  }

  /**
   * Fields and what is given for them, in the order of the schema.
   * @param {object} given
   * @returns {[Field, bigint][]}
   */
  #given(given) {
    const values = new Map(Object.entries(given));
    for (const key of values.keys()) this.#field(key);
    /** @type {[Field, bigint][]} */
    const found = [];
    for (const field of this.#schema.fields.values()) {
      const value = values.get(field.key);
      if (value !== undefined) found.push([field, big(value, `a value of ${field.key}`)]);
    }
    return found;
  }

  /** @param {object} values */
  #settable(values) {
    const given = this.#given(values);
    const stream = given.find(([field]) => field.type === 'delta_stream');
    if (stream === undefined) return given;
    throw new TypeError(`${stream[0].key} is a delta_stream, which changes by messages or load`);
  }

  /** @param {[Field, bigint][]} sets */
  #setAll(sets) {
    for (const [field, value] of sets) this.set(field.key, value);
  }

  /**
   * @param {string} key
   * @returns {Field}
   */
  #field(key) {
    const field = this.#schema.fields.get(key);
    if (field === undefined) throw new TypeError(`${this.#schema.name} has no field ${key}`);
    return field;
  }

  /**
   * @param {Field} field
   * @returns {{ reference: bigint, accumulator: bigint }}
   */
  #at(field) {
    return /** @type {{ reference: bigint, accumulator: bigint }} */ (this.#words.get(field));
  }

  /** @param {Field} field */
  #laid(field) {
    const { reference, accumulator } = this.#at(field);
    return reference ^ accumulator;
  }

  /**
   * @param {Field} field
   * @param {bigint} value
   */
  #load(field, value) {
    this.#words.set(field, { reference: lay(field, value), accumulator: 0n });
    this.#history.forget(field);
  }

  /**
   * @param {Field} field
   * @param {bigint} laid
   */
  #accum(field, laid) {
    this.#at(field).accumulator ^= laid;
    this.#history.remember(field, laid);
  }

  /**
   * @param {string} key
   * @param {bigint} delta
   */
  #change(key, delta) {
    this.accum(key, delta);
    return delta;
  }

  /**
   * @param {string} key
   * @param {number} number
   */
  #bit(key, number) {
    return 1n << BigInt(below(number, this.#field(key).width, `a bit of ${key}:`));
  }
}
