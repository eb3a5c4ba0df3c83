/** One SYN from a random address of 198.18.0.0/15 (RFC 2544's test network), checksums right. May import: nothing. */
import { randomInt } from 'node:crypto';

/** RFC 1071. */
function checksum(bytes: Buffer): number {
  let sum = 0;
  for (let index = 0; index < bytes.length; index += 2) sum += bytes.readUInt16BE(index);
  while (sum > 0xffff) sum = (sum & 0xffff) + (sum >>> 16);
  return ~sum & 0xffff;
}

/** An Ethernet frame with an IPv4 packet with a TCP SYN (RFC 9293 §3.1, no options) to `address:port`. */
export function forgedSyn(mac: number, address: number, port: number): Uint8Array {
  const frame = Buffer.alloc(14 + 20 + 20);
  frame.writeUIntBE(mac, 0, 6);
  frame.writeUIntBE(0x02_00_00_00_99_99, 6, 6);
  frame.writeUInt16BE(0x0800, 12);
  const ip = frame.subarray(14, 34);
  ip[0] = 0x45;
  ip.writeUInt16BE(40, 2);
  ip[8] = 64;
  ip[9] = 6;
  ip.writeUInt32BE(0xc6120000 + randomInt(1 << 17), 12);
  ip.writeUInt32BE(address, 16);
  ip.writeUInt16BE(checksum(ip), 10);
  const tcp = frame.subarray(34);
  tcp.writeUInt16BE(randomInt(1024, 65_536), 0);
  tcp.writeUInt16BE(port, 2);
  tcp.writeUInt32BE(randomInt(2 ** 32), 4);
  tcp[12] = 5 << 4;
  tcp[13] = 0x02;
  tcp.writeUInt16BE(64_240, 14);
  const pseudo = Buffer.concat([ip.subarray(12, 20), Buffer.from([0, 6, 0, 20]), tcp]);
  tcp.writeUInt16BE(checksum(pseudo), 16);
  return frame;
}
