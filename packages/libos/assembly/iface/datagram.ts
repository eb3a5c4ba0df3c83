// The datagram that `receiveFrame` hands to the transports, and the ICMP error likewise: module variables, so that
// nothing is allocated per packet. Valid until the next `receiveFrame`. May import: nothing.

/** PROTOCOL_* of the datagram; 0: nothing for the transports. */
export let datagramProtocol: u8 = 0;
export let datagramSource: u32 = 0;
export let datagramDestination: u32 = 0;
/** Transport header onwards. */
export let datagramPayload: usize = 0;
export let datagramLength: u32 = 0;
/** The device vouches for the checksum, or left it partial: it need not be checked. */
export let datagramChecksumValid: bool = false;
/** Interface it came in by; INTERFACE_LIMIT for loopback. */
export let datagramInterface: u32 = 0;
/** Sent to a broadcast or multicast address. */
export let datagramBroadcast: bool = false;
/** Its IPv4 header; 0 when it came over loopback. */
export let datagramHeader: usize = 0;

/** Protocol of the quoted packet; 0: no ICMP error. */
export let icmpErrorProtocol: u8 = 0;
export let icmpErrorType: u32 = 0;
export let icmpErrorCode: u32 = 0;
/** Addresses and ports of the quoted packet: source is ours. */
export let icmpErrorSource: u32 = 0;
export let icmpErrorDestination: u32 = 0;
export let icmpErrorSourcePort: u32 = 0;
export let icmpErrorDestinationPort: u32 = 0;
/** Bytes 4 to 7 of the quoted transport header: TCP's sequence number (RFC 5927 §4.1). */
export let icmpErrorSequence: u32 = 0;
/** Next-hop MTU of "fragmentation needed", at least PATH_MTU_LEAST_BYTES; the transport calls `pathMtuLearn` once it recognises the packet. */
export let icmpErrorMtu: u32 = 0;

export function datagramClear(): void {
  datagramProtocol = 0;
  icmpErrorProtocol = 0;
}

export function datagramSet(
  protocol: u8,
  source: u32,
  destination: u32,
  payload: usize,
  length: u32,
  header: usize,
): void {
  datagramProtocol = protocol;
  datagramSource = source;
  datagramDestination = destination;
  datagramPayload = payload;
  datagramLength = length;
  datagramHeader = header;
}

export function datagramSetOrigin(iface: u32, broadcast: bool, checksumValid: bool): void {
  datagramInterface = iface;
  datagramBroadcast = broadcast;
  datagramChecksumValid = checksumValid;
}

/** `ports`: source port in the upper, destination port in the lower half. */
export function icmpErrorSet(
  protocol: u8,
  type: u32,
  code: u32,
  source: u32,
  destination: u32,
  ports: u32,
  sequence: u32,
  mtu: u32,
): void {
  icmpErrorProtocol = protocol;
  icmpErrorType = type;
  icmpErrorCode = code;
  icmpErrorSource = source;
  icmpErrorDestination = destination;
  icmpErrorSourcePort = ports >> 16;
  icmpErrorDestinationPort = ports & 0xffff;
  icmpErrorSequence = sequence;
  icmpErrorMtu = mtu;
}
