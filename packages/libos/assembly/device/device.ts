// Frames in and out of the platform's network devices, each behind its virtio_net_hdr.
// In: a device number. Out: the received frame's place, length and flags; a buffer in which a frame to send is built.
// One frame at a time each way: a frame received is used up before the next, a frame to send is built and handed over.
// May import: platform, storage, wire.
import { netReceive, netTransmit } from '../platform/index';
import { VIRTIO_NET_HEADER_BYTES, virtioFlags } from '../wire/virtio-net';

/** virtio_net_hdr, Ethernet header, the largest IPv4 packet; the two bytes in front align what follows Ethernet. */
const FRAME_CAPACITY_BYTES: u32 = 12 + 14 + 65535;
const receiveArea: usize = memory.data(65568, 16);
const transmitArea: usize = memory.data(65568, 16);

/** Ethernet frame (after virtio_net_hdr) that `deviceReceive` took. */
export const receivedFrame: usize = receiveArea + 2 + <usize>VIRTIO_NET_HEADER_BYTES;
/** Where the Ethernet frame to send is built; its virtio_net_hdr stands directly before. */
export const transmitFrame: usize = transmitArea + 2 + <usize>VIRTIO_NET_HEADER_BYTES;

/** VIRTIO_NET_HDR_F_* of the frame taken last. */
export let receivedFlags: u32 = 0;

/** Takes a frame of `device`; returns its length without virtio_net_hdr, 0 when none is waiting. */
export function deviceReceive(device: u32): u32 {
  const length = netReceive(device, receiveArea + 2, FRAME_CAPACITY_BYTES);
  if (length == 0) return 0;
  receivedFlags = virtioFlags(receiveArea + 2);
  return length > VIRTIO_NET_HEADER_BYTES ? length - VIRTIO_NET_HEADER_BYTES : 1;
}

/** Sends `length` bytes of Ethernet frame with the virtio_net_hdr in front; false when the device is full. */
export function deviceTransmit(device: u32, frame: usize, length: u32): bool {
  return netTransmit(device, frame - <usize>VIRTIO_NET_HEADER_BYTES, length + VIRTIO_NET_HEADER_BYTES) != 0;
}
