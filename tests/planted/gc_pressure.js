// SPDX-License-Identifier: Apache-2.0
//
// Planted cause: gc. Each order makes objects that live just long enough to be copied by the collector again and again.
// Fix (--fixed): the numbers lie in arrays that all orders use in turn.
'use strict';

const ORDERS = 60;
const LINES = 60000;
const isFixed = process.argv.includes('--fixed');
const amounts = new Float64Array(LINES);
const totals = new Float64Array(LINES);

function keepObjects(order, state) {
  const lines = [];
  for (let i = 0; i < LINES; i++) {
    state = (state * 1103515245 + 12345) % 2147483648;
    lines.push({ order, line: i, amount: state, total: { net: state * 2, text: [state, i] } });
  }
  let sum = 0;
  for (const line of lines) sum += line.total.net + line.total.text[1];
  return [state, sum];
}

function keepNumbers(order, state) {
  for (let i = 0; i < LINES; i++) {
    state = (state * 1103515245 + 12345) % 2147483648;
    amounts[i] = state;
    totals[i] = state * 2;
  }
  let sum = 0;
  for (let i = 0; i < LINES; i++) sum += totals[i] + i;
  return [state, sum];
}

let state = 1;
let sum = 0;
for (let order = 0; order < ORDERS; order++) {
  const [next, part] = isFixed ? keepNumbers(order, state) : keepObjects(order, state);
  state = next;
  sum += part;
}
console.log(sum);
