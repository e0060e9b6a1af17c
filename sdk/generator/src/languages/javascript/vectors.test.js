// SPDX-License-Identifier: MIT OR Apache-2.0

// The vectors, which all languages are tested with: `npm test`.

import assert from 'node:assert/strict';
import { readFileSync, readdirSync } from 'node:fs';
import test from 'node:test';

const read = (path) => JSON.parse(readFileSync(new URL(path, import.meta.url), 'utf8'));
const names = (path) => readdirSync(new URL(path, import.meta.url)).sort();
const capital = (word) => word.slice(0, 1).toUpperCase() + word.slice(1);
const camel = (name) => name.split('_').filter(Boolean).map((w, n) => (n ? capital(w) : w)).join('');

/** Values of a step, which are strings in JSON. */
const big = (value) => {
  if (typeof value === 'string') return BigInt(value);
  if (Array.isArray(value)) return new BigUint64Array(value.map(BigInt));
  return value;
};
const byKey = (values) =>
  Object.fromEntries(Object.entries(values).map(([name, value]) => [camel(name), BigInt(value)]));
const bytes = (digits) => Uint8Array.from(digits.match(/../g) ?? [], (pair) => parseInt(pair, 16));

function run(object, { op, ...step }) {
  const take = (key) => {
    const value = step[key];
    delete step[key];
    return value;
  };
  const field = take('field');
  const call = (name, ...given) => object[camel(name)](...given);
  const [verb, suffix = ''] = op.split('_');
  const name = `${verb}_${field}_${suffix}`;
  let expect = big(take('expect'));
  let result;
  if (op === 'update') {
    result = object.update(byKey(take('values')));
  } else if (op === 'compare_update') {
    result = object.compareUpdate(byKey(take('expected')), byKey(take('values')));
  } else if (op === 'rollback') {
    result = object.rollback(take('steps'));
  } else if (op === 'contexts') {
    result = object.contexts();
  } else if (op === 'apply') {
    const [message, reason] = [bytes(take('message')), take('error')];
    if (reason === undefined) result = call(name, message);
    else assert.throws(() => call(name, message), { name: 'MessageError', reason });
  } else {
    const given = [take('cell'), take('bit'), big(take('value')), big(take('delta'))];
    const message = take('message');
    if (message !== undefined) expect = bytes(message);
    result = call(name, ...given.flat().filter((value) => value !== undefined));
  }
  assert.deepEqual(result, expect);
  assert.deepEqual(step, {}, 'all keys are known');
}

const { name: library } = read('../package.json');
for (const group of names('vectors/')) {
  const objects = await import(`${library}/${group}`);
  for (const file of names(`vectors/${group}/`)) {
    const vectors = read(`vectors/${group}/${file}`);
    const New = objects[vectors.object.split('.').at(-1)];
    test(vectors.object, () => {
      assert.equal(vectors.format, 1);
      assert.equal(New.VERSION, vectors.version);
    });
    for (const { name, steps } of vectors.cases) {
      test(`${vectors.object}, ${name}`, () => {
        const object = new New();
        assert.ok(object.contexts().length === New.CONTEXTS);
        steps.forEach((step, at) => {
          try {
            run(object, step);
          } catch (error) {
            error.message = `step ${at + 1}, ${JSON.stringify(step)}: ${error.message}`;
            throw error;
          }
        });
      });
    }
  }
}
