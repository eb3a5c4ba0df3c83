/** wire-testing.wasm for tests: parsers whose inputs end where memory ends. In: bytes. Out: what parsers say. */
import { readFileSync } from 'node:fs';

export interface WireExports {
  memory: WebAssembly.Memory;
  inputAddress(length: number): number;
  scratchAddress(): number;
  checksum(address: number, length: number): number;
  checksumOfParts(
    source: number,
    destination: number,
    protocol: number,
    address: number,
    first: number,
    length: number,
  ): number;
  parseArp(address: number, length: number): bigint;
  parseIpv4Packet(address: number, length: number): number;
  parseIcmp(address: number, length: number): number;
  parseUdp(address: number, length: number): number;
  parseTcp(address: number, length: number): number;
  parseDhcp(address: number, length: number): number;
  parseDns(address: number, length: number, identifier: number, name: number): number;
  parseName(address: number, length: number, offset: number): number;
  parseNameText(address: number, length: number): number;
  parseAddressText(address: number, length: number): bigint;
  mapTestGet(a: bigint, b: bigint): number;
  mapTestSet(a: bigint, b: bigint, value: number): number;
  mapTestDelete(a: bigint, b: bigint): number;
  queueTestPut(length: number, value: number): number;
  queueTestTake(expectedLength: number): number;
  queueTestUsed(): number;
}

export interface Wire extends WireExports {
  /** Puts an input at the end of memory; returns its address. */
  put(bytes: Uint8Array): number;
}

export async function loadWire(): Promise<Wire> {
  const bytes = readFileSync(new URL('../../build/wire-testing.wasm', import.meta.url));
  const { instance } = await WebAssembly.instantiate(bytes, {
    platform: {
      memory_release: (address: number, length: number) => memory.fill(0, address, address + length),
      panic() {
        throw new Error('panic');
      },
    },
  });
  const exports = instance.exports as unknown as WireExports;
  const memory = new Uint8Array(exports.memory.buffer);
  return {
    ...exports,
    put(input) {
      const address = exports.inputAddress(input.length);
      memory.set(input, address);
      return address;
    },
  };
}
