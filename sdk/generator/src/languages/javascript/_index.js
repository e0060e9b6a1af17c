// SPDX-License-Identifier: MIT OR Apache-2.0

export { MessageError } from './_message.js';
