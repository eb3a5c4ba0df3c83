/**
 * Options of networks (`docker network create -o`, com.docker.network.*) as values.
 *
 * In: strings. Out: settings, or DaemonError invalid. May import: nothing.
 */
import { isIP } from 'node:net';
import { DaemonError } from '../../errors.js';
import type { Network } from '../types.js';

const prefix = 'com.docker.network.';
export const optionNames = {
  bridgeName: `${prefix}bridge.name`,
  defaultBridge: `${prefix}bridge.default_bridge`,
  icc: `${prefix}bridge.enable_icc`,
  masquerade: `${prefix}bridge.enable_ip_masquerade`,
  bindingAddress: `${prefix}bridge.host_binding_ipv4`,
  inhibitIPv4: `${prefix}bridge.inhibit_ipv4`,
  gatewayMode4: `${prefix}bridge.gateway_mode_ipv4`,
  gatewayMode6: `${prefix}bridge.gateway_mode_ipv6`,
  hostIPv4: `${prefix}host_ipv4`,
  hostIPv6: `${prefix}host_ipv6`,
  enableIPv4: `${prefix}enable_ipv4`,
  enableIPv6: `${prefix}enable_ipv6`,
  mtu: `${prefix}driver.mtu`,
  interfacePrefix: `${prefix}container_iface_prefix`,
  /** Of an endpoint, not of a network. */
  endpointInterface: `${prefix}endpoint.ifname`,
  endpointSysctls: `${prefix}endpoint.sysctls`,
} as const;

type Options = Readonly<Record<string, string>>;

/** strconv.ParseBool; undefined for what it refuses. */
export function parseBoolean(text: string): boolean | undefined {
  if (['1', 't', 'T', 'TRUE', 'true', 'True'].includes(text)) return true;
  return ['0', 'f', 'F', 'FALSE', 'false', 'False'].includes(text) ? false : undefined;
}

const unparsable = (name: string, value: string, why: string): DaemonError =>
  new DaemonError('invalid', `failed to parse ${name} value: ${value} (${why})`);

function flag(options: Options, name: string, absent: boolean): boolean {
  const text = options[name];
  if (text === undefined) return absent;
  const value = parseBoolean(text);
  if (value === undefined)
    throw unparsable(name, text, `strconv.ParseBool: parsing ${JSON.stringify(text)}: invalid syntax`);
  return value;
}

const gatewayModes = ['nat', 'nat-unprotected', 'routed', 'isolated'] as const;
export type GatewayMode = (typeof gatewayModes)[number];

function gatewayMode(options: Options, name: string): GatewayMode {
  const text = options[name] ?? 'nat';
  const mode = gatewayModes.find((each) => each === text);
  if (!mode) throw unparsable(name, text, `unknown gateway mode ${text}`);
  return mode;
}

/** "" when it is not set. */
function addressOption(options: Options, name: string, families: readonly number[]): string {
  const text = options[name];
  if (text !== undefined && !families.includes(isIP(text))) throw unparsable(name, text, 'nil ip');
  return text ?? '';
}

/** Bytes. 0, and no option, is what the parent or the default says. */
export function mtuOf(options: Options, absent: number): number {
  const text = options[optionNames.mtu] ?? options.mtu;
  if (text === undefined || text === '') return absent;
  if (!/^[+-]?\d+$/.test(text))
    throw unparsable(optionNames.mtu, text, `strconv.Atoi: parsing ${JSON.stringify(text)}: invalid syntax`);
  const mtu = Number(text);
  if (mtu < 0) throw new DaemonError('invalid', `invalid MTU number: ${text}`);
  // RFC 791: 68 is the least IPv4 allows; beyond 65535 no link of ours goes.
  if (mtu !== 0 && (mtu < 68 || mtu > 65535))
    throw new DaemonError('invalid', `invalid MTU number: ${text} (68 to 65535)`);
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
  /** The bridge itself has no IPv4 address. */
  inhibitIPv4: boolean;
  mode4: GatewayMode;
  mode6: GatewayMode;
  /** Source address of what leaves, in place of the outgoing interface's; "" for that. */
  host4: string;
  host6: string;
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
  const binding = addressOption(options, optionNames.bindingAddress, [4, 6]);
  return {
    interface: name,
    icc: flag(options, optionNames.icc, true),
    masquerade: flag(options, optionNames.masquerade, true),
    bindingAddress: binding === '0.0.0.0' ? '' : binding,
    inhibitIPv4: flag(options, optionNames.inhibitIPv4, false),
    mode4: modes[0]!,
    mode6: modes[1]!,
    host4: addressOption(options, optionNames.hostIPv4, [4]),
    host6: addressOption(options, optionNames.hostIPv6, [6]),
    mtuBytes: mtuOf(options, defaultMtuBytes),
  };
}

/** Ethernet's (RFC 894). */
export const defaultMtuBytes = 1500;
