/** The changes to wasm2c's output: each applies, or says that it does not. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { transform } from './wasm2c.js';

const output = `
    wasm_rt_memcpy(&result, &mem->data[addr], sizeof(t1)); \\
    wasm_asm("" ::"r"(result));                            \\
    return (t3)(t2)result;                                 \\
static const u8 data_segment_data_w2c_d0[] = {
  0x7b, 0x7d,
};
static const u8 data_segment_data_w2c_d1[] = {
  0x01,
};
  LOAD_DATA(instance->w2c_memory, 1048576u, data_segment_data_w2c_d0, 2);
  LOAD_DATA(instance->w2c_memory, 1048580u, data_segment_data_w2c_d1, 1);
  memory_init(&instance->w2c_memory, data_segment_data_w2c_d1, 1, 0, 0, 1);
`;

test('constant base, no kept loads, no active data; data that memory.init needs stays', () => {
  const text = transform(output);
  assert.match(text, /\(u8 \*\)\(NOOS_MEMORY_BASE \+ addr\)/);
  assert.doesNotMatch(text, /wasm_asm|LOAD_DATA|data_segment_data_w2c_d0/);
  assert.match(text, /static const u8 data_segment_data_w2c_d1/);
});

test('output of another shape is an error', () => {
  assert.throws(() => transform(output.replace('&mem->data[addr]', 'MEM(addr)')), /no memory access macros/);
  assert.throws(() => transform(output.replace('wasm_asm', 'keep')), /no kept loads/);
});
