// SPDX-License-Identifier: MIT OR Apache-2.0
// A mirror of the object, which does what its standard input says.

import { createInterface } from 'node:readline';
import { MessageError } from '@atomik/network';
import { Ring } from '@atomik/network/circle';

const ring = new Ring();
const camel = (verb, field) => `${verb}_${field}`.replace(/_./g, (pair) => pair[1].toUpperCase());

function apply(field, digits) {
  try {
    ring[camel('apply', field)](Uint8Array.from(Buffer.from(digits, 'hex')));
    return 'ok';
  } catch (error) {
    if (error instanceof MessageError) return error.reason;
    throw error;
  }
}

for await (const line of createInterface({ input: process.stdin })) {
  const [op, first, second = ''] = line.split(' ');
  let answer;
  if (op === 'accum') {
    answer = Buffer.from(ring[camel('accum', first)](BigInt(`0x${second}`))).toString('hex');
  } else if (op === 'apply') {
    answer = apply(first, second);
  } else if (op === 'rollback') {
    answer = ring.rollback(Number(first));
  } else {
    answer = Array.from(ring.contexts(), (word) => word.toString(16)).join();
  }
  console.log(`${answer}`);
}
