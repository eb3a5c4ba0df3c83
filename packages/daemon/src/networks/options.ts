/**
 * Options of networks (`docker network create -o`, com.docker.network.*) as values.
 *
 * In: strings. Out: settings, or DaemonError invalid. May import: nothing.
 */
import { DaemonError } from '../errors.js';
import type { Network } from './types.js';

const prefix = 'com.docker.network.';
export const optionNames = {
  bridgeName: `${prefix}bridge.name`,
  defaultBridge: `${prefix}bridge.default_bridge`,
  icc: `${prefix}bridge.enable_icc`,
  masquerade: `${prefix}bridge.enable_ip_masquerade`,
  bindingAddress: `${prefix}bridge.host_binding_ipv4`,
  gatewayMode4: `${prefix}bridge.gateway_mode_ipv4`,
  gatewayMode6: `${prefix}bridge.gateway_mode_ipv6`,
  mtu: `${prefix}driver.mtu`,
  interfacePrefix: `${prefix}container_iface_prefix`,
} as const;

/** strconv.ParseBool. */
const booleans: Readonly<Record<string, boolean>> = Object.fromEntries([
  ...['1', 't', 'T', 'TRUE', 'true', 'True'].map((text) => [text, true] as const),
  ...['0', 'f', 'F', 'FALSE', 'false', 'False'].map((text) => [text, false] as const),
]);

function flag(options: Readonly<Record<string, string>>, name: string, absent: boolean): boolean {
  const text = options[name];
  if (text === undefined) return absent;
  const value = booleans[text];
  if (value === undefined)
    throw new DaemonError('invalid', `failed to parse ${name} value: "${text}" (must be true or false)`);
  return value;
}

const gatewayModes = ['nat', 'nat-unprotected', 'routed', 'isolated'] as const;
export type GatewayMode = (typeof gatewayModes)[number];

function gatewayMode(options: Readonly<Record<string, string>>, name: string): GatewayMode {
  const text = options[name] || 'nat';
  const mode = gatewayModes.find((each) => each === text);
  if (!mode) throw new DaemonError('invalid', `unknown gateway mode ${text}`);
  return mode;
}

/** Bytes; 68 is the least IPv4 allows (RFC 791). */
export function mtuOf(options: Readonly<Record<string, string>>, absent: number): number {
  const text = options[optionNames.mtu] ?? options.mtu;
  if (text === undefined || text === '') return absent;
  const mtu = Number(text);
  if (!/^\d{1,5}$/.test(text) || (mtu !== 0 && (mtu < 68 || mtu > 65535)))
    throw new DaemonError('invalid', `invalid value for ${optionNames.mtu}: ${text}`);
  return mtu || absent;
}

/** A name the kernel takes for an interface (15 bytes), and that needs no quoting anywhere. */
export const isInterfaceName = (name: string): boolean => /^[A-Za-z0-9_][\w.:-]{0,14}$/.test(name);

export interface BridgeSettings {
  /** Name of the link. */
  interface: string;
  icc: boolean;
  masquerade: boolean;
  /** Where published ports that name no address are bound; "" is everywhere. */
  bindingAddress: string;
  mode4: GatewayMode;
  mode6: GatewayMode;
  mtuBytes: number;
}

/** Throws DaemonError invalid for an option that makes no sense. */
export function bridgeSettings({ id, internal, options }: Network): BridgeSettings {
  const name = options[optionNames.bridgeName] || `br-${id.slice(0, 12)}`;
  if (!isInterfaceName(name)) throw new DaemonError('invalid', `invalid bridge name: ${name}`);
  const modes = [
    gatewayMode(options, optionNames.gatewayMode4),
    gatewayMode(options, optionNames.gatewayMode6),
  ];
  if (modes.includes('isolated') && !internal)
    throw new DaemonError('invalid', "gateway mode 'isolated' can only be used for an internal network");
  const binding = options[optionNames.bindingAddress] ?? '';
  return {
    interface: name,
    icc: flag(options, optionNames.icc, true),
    masquerade: flag(options, optionNames.masquerade, true),
    bindingAddress: binding === '0.0.0.0' ? '' : binding,
    mode4: modes[0]!,
    mode6: modes[1]!,
    mtuBytes: mtuOf(options, defaultMtuBytes),
  };
}

/** Ethernet's (RFC 894). */
export const defaultMtuBytes = 1500;
