// Interfaces and resolver from start parameters (docs/architecture.md, "Start parameters"). In: `net.N.*`, `dns.*`,
// `host.name`. Out: a configured network. May import: dhcp/, iface/, kernel/, socket/, storage/, wire/.
import { dhcpSetHostName, dhcpStart } from '../dhcp/client';
import { arpAnnounce } from '../iface/arp-output';
import { INTERFACE_LIMIT, interfaceConfigure } from '../iface/interface';
import { interfaceSetAddress } from '../iface/routes';
import {
  maximumConnections,
  receiveMaximumBytes,
  sendMaximumBytes,
  tcpConfigure,
} from '../socket/tcp/configuration';
import { ringBudgetBytes } from '../storage/ring';
import { fixSearch, fixServer } from './lease';
import {
  findInterfaceParameter,
  findParameter,
  parameterError,
  valueAddress,
  valueAsU32,
  valueLength,
} from './parameters';
import {
  parseAddress,
  parsedAddress,
  parsedMac,
  parsedPrefixLength,
  parseMac,
  parsePrefix,
} from './parse-address';

const DEFAULT_MTU_BYTES: u32 = 1500;
const LEAST_MTU_BYTES: u32 = 576;
const LARGEST_MTU_BYTES: u32 = 65535;
const LEAST_TCP_MEMORY_BYTES: u64 = 65536;
const LEAST_WINDOW_BYTES: u32 = 4096;
const LARGEST_WINDOW_BYTES: u32 = 1 << 30;

function valueIs(text: string): bool {
  if (valueLength != <u32>text.length) return false;
  for (let i = 0; i < text.length; i++)
    if (load<u8>(valueAddress + i) != <u8>text.charCodeAt(i)) return false;
  return true;
}

function mtuOf(index: u32): u32 {
  if (!findInterfaceParameter(index, 'mtu')) return DEFAULT_MTU_BYTES;
  const mtu = valueAsU32();
  if (mtu >= LEAST_MTU_BYTES && mtu <= LARGEST_MTU_BYTES) return mtu;
  parameterError('an MTU of 576 to 65535');
  return 0;
}

/** TCP's bounds from `tcp.*`; before `networkStart` makes its pools. False: a parameter is wrong. */
export function configureTcp(): bool {
  let connections = maximumConnections;
  let memoryBytes = ringBudgetBytes();
  let receiveBytes = receiveMaximumBytes;
  let sendBytes = sendMaximumBytes;
  if (findParameter('tcp.connections')) {
    connections = valueAsU32();
    if (connections == 0 || connections > 65_535) return parameterError('1 to 65535 connections');
  }
  if (findParameter('tcp.memory')) {
    memoryBytes = valueAsU32();
    if (memoryBytes < LEAST_TCP_MEMORY_BYTES) return parameterError('at least 65536 bytes');
  }
  if (findParameter('tcp.window')) {
    receiveBytes = valueAsU32();
    if (receiveBytes < LEAST_WINDOW_BYTES || receiveBytes > LARGEST_WINDOW_BYTES)
      return parameterError('4096 to 1073741824 bytes');
    sendBytes = receiveBytes;
  }
  tcpConfigure(connections, memoryBytes, receiveBytes, sendBytes);
  return true;
}

/** Configures interface `index`; false: a parameter is wrong (said on the console). Without `ipv4` it asks DHCP. */
function configureInterface(index: u32): bool {
  if (!findInterfaceParameter(index, 'mac')) return true;
  if (!parseMac(valueAddress, valueLength)) return parameterError('an address like 02:00:00:00:00:01');
  const mac = parsedMac;
  const mtu = mtuOf(index);
  if (mtu == 0) return false;
  const features = findInterfaceParameter(index, 'features') ? valueAsU32() : 0;
  interfaceConfigure(index, mac, mtu, features);
  if (!findInterfaceParameter(index, 'ipv4') || valueIs('dhcp')) {
    dhcpStart(index);
    return true;
  }
  if (!parsePrefix(valueAddress, valueLength)) return parameterError('dhcp, or an address like 192.0.2.2/24');
  const address = parsedAddress;
  const prefixLength = parsedPrefixLength;
  let gateway: u32 = 0;
  if (findInterfaceParameter(index, 'gateway')) {
    if (!parseAddress(valueAddress, valueLength)) return parameterError('an address like 192.0.2.1');
    gateway = parsedAddress;
  }
  interfaceSetAddress(index, address, prefixLength, gateway);
  // RFC 5227 §2.3: neighbours learn the address, and switches the port, before anybody asks.
  arpAnnounce(index);
  return true;
}

/**
 * Configures every interface that has a `net.N.mac`, and the resolver. False: a parameter is wrong (said on the
 * console), nothing may be started then.
 */
export function configureNetwork(): bool {
  if (!configureNames()) return false;
  for (let index: u32 = 0; index < INTERFACE_LIMIT; index++) if (!configureInterface(index)) return false;
  return true;
}

/** `dns.servers`, `dns.search` and `host.name`. */
function configureNames(): bool {
  if (findParameter('host.name')) dhcpSetHostName(valueAddress, valueLength);
  if (findParameter('dns.servers') && valueLength > 0)
    for (listStart(); listNext(); ) {
      if (!parseAddress(itemAddress, itemLength))
        return parameterError('addresses like 192.0.2.1, with commas between');
      fixServer(parsedAddress);
    }
  if (findParameter('dns.search') && valueLength > 0)
    for (listStart(); listNext(); ) fixSearch(itemAddress, itemLength);
  return true;
}

let itemAddress: usize = 0;
let itemLength: u32 = 0;
let listPosition: usize = 0;

/** Begins with the found value, a list separated by commas. */
function listStart(): void {
  listPosition = valueAddress;
}

/** Next item into `itemAddress` and `itemLength`. */
function listNext(): bool {
  const end = valueAddress + valueLength;
  if (listPosition >= end) return false;
  itemAddress = listPosition;
  while (listPosition < end && load<u8>(listPosition) != 0x2c) listPosition++;
  itemLength = <u32>(listPosition - itemAddress);
  listPosition++;
  return true;
}
