// struct virtio_net_hdr (virtio 1.2 §5.1.6), little-endian, in front of every frame. May import: nothing.

export const VIRTIO_NET_HEADER_BYTES: u32 = 12;
/** VIRTIO_NET_HDR_F_NEEDS_CSUM: the checksum from csum_start on is partial. */
export const VIRTIO_NEEDS_CSUM: u32 = 1;
/** VIRTIO_NET_HDR_F_DATA_VALID: the device has checked the checksum. */
export const VIRTIO_DATA_VALID: u32 = 2;
/** VIRTIO_NET_HDR_GSO_TCPV4. */
export const VIRTIO_GSO_TCPV4: u32 = 1;

export function virtioFlags(header: usize): u32 {
  return <u32>load<u8>(header);
}

/** A header that asks for nothing. */
export function virtioEmitPlain(header: usize): void {
  store<u64>(header, 0);
  store<u32>(header, 0, 8);
}

/** Asks the device to complete the checksum at `checksumStart + checksumOffset` (bytes into the frame). */
export function virtioEmitChecksum(header: usize, checksumStart: u32, checksumOffset: u32): void {
  store<u16>(header, <u16>VIRTIO_NEEDS_CSUM);
  store<u32>(header, 0, 2);
  store<u16>(header, <u16>checksumStart, 6);
  store<u32>(header, checksumOffset, 8);
}

/** Asks the device to cut a TCP segment: all headers are `headerBytes`, each segment carries `segmentBytes`. */
export function virtioEmitSegmentation(header: usize, headerBytes: u32, segmentBytes: u32): void {
  store<u8>(header, <u8>VIRTIO_GSO_TCPV4, 1);
  store<u16>(header, <u16>headerBytes, 2);
  store<u16>(header, <u16>segmentBytes, 4);
}
