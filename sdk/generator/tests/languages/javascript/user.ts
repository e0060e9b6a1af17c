// SPDX-License-Identifier: MIT OR Apache-2.0
// A user's program: what the types allow, what they refuse, and what happens then.

import { MessageError } from '@atomik/video';
import { H264Delta } from '@atomik/video/stream';
import { Map as Other, Uint8Array as Named } from '@atomik/edge/names';

function equal<T>(is: T, should: T): void {
  if (is !== should) throw new Error(`${is} is not ${should}`);
}

function throws(what: new (...given: any) => Error, call: () => unknown): void {
  try {
    call();
  } catch (error) {
    if (error instanceof what) return;
    throw error;
  }
  throw new Error(`no ${what.name}: ${call}`);
}

const object: H264Delta = new H264Delta();
const version: '1.2.0' = H264Delta.VERSION;
equal(version, '1.2.0');
equal(H264Delta.CONTEXTS + H264Delta.HISTORY_DEPTH, 65542);

// Values are masked, negative ones too.
object.loadGain(-1n);
equal(object.readGain(), (1n << 256n) - 1n);
equal(object.setGain(1n << 256n), (1n << 256n) - 1n);
object.loadBlocks(0n);
const states: BigUint64Array = object.contexts();
equal(states.join(), '0,1,0,0,0,0');

// BigInts only: of a number or a string nothing is changed.
// @ts-expect-error
throws(TypeError, () => object.loadGain(5));
// @ts-expect-error
throws(TypeError, () => object.accumBlocks('5'));
// @ts-expect-error
throws(TypeError, () => object.setGain(true));
// @ts-expect-error
throws(TypeError, () => object.accumBlocksCell(0, 0, 0, 1));
// @ts-expect-error
throws(TypeError, () => object.update({ flags: 3n, gain: 5 }));
// @ts-expect-error
throws(TypeError, () => object.update({ flags: 3n, blocks: 5n }));
// @ts-expect-error
throws(TypeError, () => object.update({ flags: 3n, flag: 5n }));
// @ts-expect-error
throws(TypeError, () => object.compareUpdate({ gain: 1n }, { flags: 3n, blocks: 5n }));
// @ts-expect-error
throws(TypeError, () => object.compareUpdate({ toString: 1n }, { flags: 3n }));
// @ts-expect-error
throws(TypeError, () => object.update());
for (const bit of [-1, 8, 0.5, NaN, Infinity]) {
  throws(RangeError, () => object.setFlagsBit(bit));
  throws(RangeError, () => object.testFlagsBit(bit));
  throws(RangeError, () => object.readBlocksCell(0, bit, 0));
  throws(RangeError, () => object.accumBlocksCell(0, 0, bit, 1n));
}
for (const bit of ['1', 1n]) {
  // @ts-expect-error
  throws(TypeError, () => object.setFlagsBit(bit));
}
throws(RangeError, () => object.rollback(-1));
throws(RangeError, () => object.rollback(0.5));
equal(object.contexts().join(), states.join());

// undefined is as left out. A state that the field can't have is none that it has.
object.update({ gain: undefined, flags: 3n });
equal(object.readFlags(), 3n);
equal(object.compareUpdate({ flags: 3n + 256n }, { gain: 1n }), false);
equal(object.compareUpdate({ flags: 3n, gain: undefined, blocks: 0n }, { gain: 1n }), true);
equal(object.readGain(), 1n);
equal(object.rollback(), 1);
equal(object.readGain(), 0n);
equal(object.rollback(Number.MAX_VALUE), 2);

// Messages, also those of other realms and views of larger buffers.
const mirror = new H264Delta();
mirror.loadBlocks(0n);
const message: Uint8Array = object.accumBlocks(0x1200n);
const buffer = new Uint8Array(message.length + 8);
buffer.set(message, 5);
mirror.applyBlocks(buffer.subarray(5, 5 + message.length));
equal(mirror.readBlocks(), 0x1200n);
try {
  mirror.applyBlocks(message.subarray(1));
  equal('applied', 'refused');
} catch (error) {
  if (!(error instanceof MessageError)) throw error;
  const reason: 'damaged' | 'other' | 'version' = error.reason;
  equal(reason, 'damaged');
  equal(`${error.name} ${Object.prototype.toString.call(error)}`, 'MessageError [object Error]');
}
throws(MessageError, () => mirror.applyBlocks(new Uint8Array(1 << 20)));
// @ts-expect-error
throws(TypeError, () => mirror.applyBlocks([...message]));
// @ts-expect-error
throws(TypeError, () => mirror.applyBlocks('d1'));
// @ts-expect-error
throws(TypeError, () => mirror.applyBlocks(undefined));
equal(mirror.readBlocks(), 0x1200n);

// An object of another class is none of this one, though it has the same methods.
const named: Named = new Named();
// @ts-expect-error
const other: Other = named;
equal(Object.keys(other).length, 0);
