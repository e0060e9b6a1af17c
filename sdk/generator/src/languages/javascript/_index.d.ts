// SPDX-License-Identifier: MIT OR Apache-2.0

/** A message was refused, and nothing has changed. */
export class MessageError extends Error {
  constructor(reason: 'damaged' | 'other' | 'version', text: string);
  readonly name: 'MessageError';
  /**
   * `damaged`; `other`, where it is of another object or field; or `version`, where it is of a
   * version of the schema that is not compatible.
   */
  readonly reason: 'damaged' | 'other' | 'version';
}
