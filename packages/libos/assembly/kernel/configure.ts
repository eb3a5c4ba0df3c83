// Interfaces from start parameters (docs/architecture.md, "Start parameters"). In: `net.N.*` lines. Out: configured
// interfaces, and which of them want DHCP. May import: iface/, kernel/.
import { arpAnnounce } from '../iface/arp-output';
import { INTERFACE_LIMIT, interfaceConfigure } from '../iface/interface';
import { interfaceSetAddress } from '../iface/routes';
import { findInterfaceParameter, parameterError, valueAddress, valueAsU32, valueLength } from './parameters';
import {
  parsedAddress,
  parsedMac,
  parsedPrefixLength,
  parseIpv4,
  parseIpv4Prefix,
  parseMac,
} from './parse-address';

const DEFAULT_MTU_BYTES: u32 = 1500;
const LEAST_MTU_BYTES: u32 = 576;
const LARGEST_MTU_BYTES: u32 = 65535;

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

/** Configures interface `index`; false: a parameter is wrong (said on the console). Sets a bit of `dhcpInterfaces`. */
function configureInterface(index: u32): bool {
  if (!findInterfaceParameter(index, 'mac')) return true;
  if (!parseMac(valueAddress, valueLength)) return parameterError('an address like 02:00:00:00:00:01');
  const mac = parsedMac;
  const mtu = mtuOf(index);
  if (mtu == 0) return false;
  const features = findInterfaceParameter(index, 'features') ? valueAsU32() : 0;
  interfaceConfigure(index, mac, mtu, features);
  if (!findInterfaceParameter(index, 'ipv4') || valueIs('dhcp')) {
    dhcpInterfaces |= 1 << index;
    return true;
  }
  if (!parseIpv4Prefix(valueAddress, valueLength))
    return parameterError('dhcp, or an address like 192.0.2.2/24');
  const address = parsedAddress;
  const prefixLength = parsedPrefixLength;
  let gateway: u32 = 0;
  if (findInterfaceParameter(index, 'gateway')) {
    if (!parseIpv4(valueAddress, valueLength)) return parameterError('an address like 192.0.2.1');
    gateway = parsedAddress;
  }
  interfaceSetAddress(index, address, prefixLength, gateway);
  // RFC 5227 §2.3: neighbours learn the address, and switches the port, before anybody asks.
  arpAnnounce(index);
  return true;
}

/** Bit N: interface N takes its configuration by DHCP. */
export let dhcpInterfaces: u32 = 0;

/** Configures every interface that has a `net.N.mac`. False: a parameter is wrong. */
export function configureInterfaces(): bool {
  for (let index: u32 = 0; index < INTERFACE_LIMIT; index++) if (!configureInterface(index)) return false;
  return true;
}
