// SPDX-License-Identifier: MIT OR Apache-2.0

/** The last accums of an object, as many as `depth`: fields, and deltas as they lie. */
export class History {
  #depth;
  /** @type {({ field: import('./_contexts.js').Field, laid: bigint } | undefined)[]} */
  #ring = [];
  /** Where the next one goes. */
  #next = 0;
  #count = 0;

  /** @param {number} depth */
  constructor(depth) {
    this.#depth = depth;
  }

  /**
   * @param {import('./_contexts.js').Field} field
   * @param {bigint} laid
   */
  remember(field, laid) {
    if (this.#depth === 0) return;
    this.#ring[this.#next] = { field, laid };
    this.#next = (this.#next + 1) % this.#depth;
    this.#count = Math.min(this.#count + 1, this.#depth);
  }

  /** Removes and returns the newest, or undefined where there is none. */
  take() {
    if (this.#count === 0) return undefined;
    this.#count -= 1;
    this.#next = (this.#next + this.#depth - 1) % this.#depth;
    const newest = this.#ring[this.#next];
    this.#ring[this.#next] = undefined;
    return newest;
  }

  /** @param {import('./_contexts.js').Field} field */
  forget(field) {
    const kept = [];
    for (let entry = this.take(); entry !== undefined; entry = this.take()) {
      if (entry.field !== field) kept.push(entry);
    }
    for (const entry of kept.reverse()) this.remember(entry.field, entry.laid);
  }

  clear() {
    this.#ring = [];
    this.#next = 0;
    this.#count = 0;
  }
}
